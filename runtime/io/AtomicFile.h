//===- AtomicFile.h - files that appear whole or not at all --------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_IO_ATOMICFILE_H
#define JEPA_RUNTIME_IO_ATOMICFILE_H

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace jepa::rt {

/// Owns a file descriptor.
class FileHandle {
public:
  FileHandle() = default;
  explicit FileHandle(int descriptor) : descriptor(descriptor) {}
  FileHandle(FileHandle &&other) noexcept : descriptor(std::exchange(other.descriptor, -1)) {}
  FileHandle &operator=(FileHandle &&other) noexcept {
    std::swap(descriptor, other.descriptor);
    return *this;
  }
  ~FileHandle() { close(); }

  int get() const { return descriptor; }
  explicit operator bool() const { return descriptor >= 0; }
  void close();

private:
  int descriptor = -1;
};

/// A file written under a temporary name beside its own, and then synced and
/// renamed: whoever reads it sees the old file or the new one, and a crash, a
/// full disk or an exception leaves the old one as it was. Every failure throws
/// an Error that names the file.
class AtomicFile {
public:
  /// Refuses to replace anything but a regular file.
  explicit AtomicFile(std::filesystem::path path);
  AtomicFile(const AtomicFile &) = delete;
  AtomicFile &operator=(const AtomicFile &) = delete;
  /// Removes the temporary file unless `commit` was reached.
  ~AtomicFile();

  /// Where this process writes what becomes `path`.
  static std::filesystem::path temporaryName(std::filesystem::path path);

  const std::filesystem::path &path() const { return target; }
  void write(const void *data, std::size_t size);
  /// Writes at a place instead of at the end.
  void writeAt(std::uint64_t offset, const void *data, std::size_t size);
  void commit();

private:
  [[noreturn]] void fail(int error) const;

  std::filesystem::path target, temporary;
  FileHandle file;
  std::uint64_t end = 0;
  bool committed = false;
};

/// Replaces `path` by a file with this text.
void writeFileAtomically(const std::filesystem::path &path, std::string_view text);

/// Makes a rename within `folder` durable.
void syncFolder(const std::filesystem::path &folder);

/// Makes `folder`, with its parents, and proves that files can be made in it;
/// throws an Error naming it as the `what` ("checkpoint folder").
void requireWritableFolder(const std::filesystem::path &folder, const std::string &what);

/// The whole text of a file; throws an Error naming it.
std::string readTextFile(const std::filesystem::path &path);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_IO_ATOMICFILE_H
