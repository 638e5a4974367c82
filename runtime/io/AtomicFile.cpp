//===- AtomicFile.cpp - files that appear whole or not at all ------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/io/AtomicFile.h"

#include "runtime/core/Error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

using namespace jepa::rt;
namespace fs = std::filesystem;

/// The folder that holds `path`, never empty.
static fs::path folderOf(const fs::path &path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

void FileHandle::close() {
  if (descriptor >= 0)
    ::close(descriptor);
  descriptor = -1;
}

fs::path AtomicFile::temporaryName(fs::path path) {
  path += ".tmp." + std::to_string(getpid());
  return path;
}

AtomicFile::AtomicFile(fs::path path) : target(std::move(path)) {
  std::error_code ignored;
  fs::file_status status = fs::status(target, ignored);
  if (fs::exists(status) && !fs::is_regular_file(status))
    throw Error("cannot write '" + target.string() + "': it exists and is not a regular file");
  // A link stays a link: what it points at is replaced.
  if (fs::is_symlink(fs::symlink_status(target, ignored)))
    if (fs::path resolved = fs::weakly_canonical(target, ignored); !resolved.empty())
      target = resolved;
  temporary = temporaryName(target);
  file = FileHandle(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file)
    fail(errno);
}

AtomicFile::~AtomicFile() {
  if (committed)
    return;
  file.close();
  ::unlink(temporary.c_str());
}

void AtomicFile::write(const void *data, std::size_t size) { writeAt(end, data, size); }

void AtomicFile::writeAt(std::uint64_t offset, const void *data, std::size_t size) {
  const char *bytes = static_cast<const char *>(data);
  while (size > 0) {
    // Linux writes at most 2 GiB at once.
    ssize_t written = ::pwrite(file.get(), bytes, std::min<std::size_t>(size, 1U << 30),
                               static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      fail(written < 0 ? errno : ENOSPC);
    bytes += written;
    offset += static_cast<std::uint64_t>(written);
    size -= static_cast<std::size_t>(written);
  }
  end = std::max(end, offset);
}

void AtomicFile::commit() {
  // Some file systems report a full disk only here.
  if (::fsync(file.get()) != 0)
    fail(errno);
  file.close();
  if (::rename(temporary.c_str(), target.c_str()) != 0)
    fail(errno);
  committed = true;
  syncFolder(folderOf(target));
}

void AtomicFile::fail(int error) const {
  std::string message = "cannot write '" + target.string() + "': " + std::strerror(error);
  if (error == ENOSPC || error == EDQUOT)
    message += " (free some space; the file that was there before is unchanged)";
  throw Error(message);
}

void jepa::rt::writeFileAtomically(const fs::path &path, std::string_view text) {
  AtomicFile file(path);
  file.write(text.data(), text.size());
  file.commit();
}

void jepa::rt::syncFolder(const fs::path &folder) {
  // Not every file system can sync a folder; the data is safe without it.
  if (FileHandle handle{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)})
    ::fsync(handle.get());
}

void jepa::rt::requireWritableFolder(const fs::path &folder, const std::string &what) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!fs::is_directory(folder))
    throw Error("cannot make the " + what + " '" + folder.string() +
                "': " + (error ? error.message() : std::string("it exists and is not a folder")) +
                "; choose another folder");
  // Permission bits say little (root, read-only mounts): try.
  fs::path probe = folder / (".jepac-probe." + std::to_string(getpid()));
  FileHandle handle(::open(probe.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
  if (!handle)
    throw Error("cannot write into the " + what + " '" + folder.string() +
                "': " + std::strerror(errno) + "; choose another folder");
  ::unlink(probe.c_str());
}

std::string jepa::rt::readTextFile(const fs::path &path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    throw Error("cannot read '" + path.string() + "': it is a folder");
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    throw Error("cannot read '" + path.string() + "': " + std::strerror(errno ? errno : EIO));
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}
