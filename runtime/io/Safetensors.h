//===- Safetensors.h - reading and writing safetensors files -------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A file is: u64 length of the header, the header (a JSON object: name ->
// {dtype, shape, data_offsets}, and "__metadata__": string -> string), the data.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_IO_SAFETENSORS_H
#define JEPA_RUNTIME_IO_SAFETENSORS_H

#include "runtime/core/Plan.h"
#include "runtime/io/AtomicFile.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace jepa::rt {

/// Element types of files. `Other` stands for types of the format that this
/// program has no use for: such tensors may be in a file but not be read.
enum class ElementType { F64, F32, F16, BF16, I64, I32, U8, Other };

ElementType elementType(DType dtype);

/// "[2, 3, 4]".
std::string shapeText(const std::vector<std::int64_t> &shape);

/// Where a tensor lies in its file.
struct TensorInfo {
  std::string name;
  ElementType type = ElementType::F32;
  std::string typeName;
  std::vector<std::int64_t> shape;
  std::uint64_t offset = 0; ///< from the beginning of the file
  std::uint64_t bytes = 0;
  std::int64_t elements = 0;
};

using Metadata = std::vector<std::pair<std::string, std::string>>;

/// An open file whose header has been checked in full: everything in it lies
/// within the file, nothing overlaps, and every size agrees with its shape.
/// All errors are one line that names the file and, where there is one, the
/// tensor.
class SafetensorsReader {
public:
  explicit SafetensorsReader(const std::string &path);

  const std::string &path() const { return filePath; }
  /// In the order in which they lie in the file.
  const std::vector<TensorInfo> &tensors() const { return infos; }
  const TensorInfo *find(std::string_view name) const;
  /// Throws when there is no such tensor.
  const TensorInfo &at(std::string_view name) const;
  /// The metadata's value or null.
  const std::string *metadata(std::string_view key) const;

  /// Reads all of a tensor into `to`, which has room for its elements,
  /// converting element by element. I32 takes whole numbers within range only.
  void read(const TensorInfo &info, DType dtype, void *to) const;
  /// As `read`, for the tensor `name`, which must have this shape.
  void readShaped(std::string_view name, const std::vector<std::int64_t> &shape, DType dtype,
                  void *to) const;

  /// CRC-32C of all bytes after the header.
  std::uint32_t checksum() const;

private:
  [[noreturn]] void fail(const std::string &what) const;
  void parseHeader(const std::string &text, std::uint64_t dataBegin, std::uint64_t dataSize);
  void readBytes(std::uint64_t offset, void *to, std::size_t size) const;

  std::string filePath;
  FileHandle file;
  std::uint64_t dataOffset = 0, fileSize = 0;
  std::vector<TensorInfo> infos;
  std::unordered_map<std::string_view, std::size_t> byName;
  Metadata entries;
};

/// Writes a file tensor by tensor; the file appears under its name, complete
/// and synced, when `finish` returns, and not at all when it is not reached.
class SafetensorsWriter {
public:
  /// `headerBytes` is room left for the header, which is only known at the end:
  /// see `headerBytesFor`.
  SafetensorsWriter(const std::string &path, std::size_t headerBytes);

  /// An upper bound of what one tensor of this name takes in the header.
  static std::size_t headerBytesFor(std::string_view name, std::size_t rank = 5);

  void add(const std::string &name, DType dtype, const std::vector<std::int64_t> &shape,
           const void *data);

  /// CRC-32C of the data so far, so that it can be put among the metadata.
  std::uint32_t checksum() const { return dataChecksum; }

  /// Writes the header, syncs and renames.
  void finish(const Metadata &metadata);

private:
  AtomicFile file;
  std::size_t headerRoom;
  std::uint64_t dataBytes = 0;
  std::uint32_t dataChecksum = 0;
  Json::Object header;
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_IO_SAFETENSORS_H
