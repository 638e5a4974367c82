//===- Safetensors.cpp - reading and writing safetensors files -----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/io/Safetensors.h"

#include "runtime/core/Error.h"
#include "runtime/io/Crc32c.h"
#include "runtime/io/Elements.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <tuple>
#include <unistd.h>

using namespace jepa::rt;

/// The format's own limit.
static constexpr std::uint64_t maxHeaderBytes = 100'000'000;
static constexpr std::size_t maxRank = 32;
/// How much is read or summed at once.
static constexpr std::size_t chunkBytes = std::size_t(1) << 20;

namespace {

struct TypeEntry {
  std::string_view name;
  ElementType type;
  std::uint64_t bytes;
};

constexpr TypeEntry typeTable[] = {
    {"F64", ElementType::F64, 8},      {"F32", ElementType::F32, 4},
    {"F16", ElementType::F16, 2},      {"BF16", ElementType::BF16, 2},
    {"I64", ElementType::I64, 8},      {"I32", ElementType::I32, 4},
    {"U8", ElementType::U8, 1},        {"BOOL", ElementType::Other, 1},
    {"I8", ElementType::Other, 1},     {"I16", ElementType::Other, 2},
    {"U16", ElementType::Other, 2},    {"U32", ElementType::Other, 4},
    {"U64", ElementType::Other, 8},    {"F8_E4M3", ElementType::Other, 1},
    {"F8_E5M2", ElementType::Other, 1}};

std::string_view typeNameOf(DType dtype) {
  return dtype == DType::F32   ? "F32"
         : dtype == DType::F64 ? "F64"
         : dtype == DType::I32 ? "I32"
                               : "BF16";
}

} // namespace

ElementType jepa::rt::elementType(DType dtype) {
  return dtype == DType::F32   ? ElementType::F32
         : dtype == DType::F64 ? ElementType::F64
         : dtype == DType::I32 ? ElementType::I32
                               : ElementType::BF16;
}

std::string jepa::rt::shapeText(const std::vector<std::int64_t> &shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

void SafetensorsReader::fail(const std::string &what) const {
  throw Error("'" + filePath + "': " + what);
}

SafetensorsReader::SafetensorsReader(const std::string &path) : filePath(path) {
  file = FileHandle(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file)
    throw Error("cannot open '" + path + "': " + std::strerror(errno));
  struct stat status;
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
    throw Error("cannot read '" + path + "': it is not a regular file");
  fileSize = static_cast<std::uint64_t>(status.st_size);
  if (fileSize < 8)
    fail("is no safetensors file: it has " + std::to_string(fileSize) +
         " bytes, a header's length takes 8");
  std::uint64_t headerSize;
  readBytes(0, &headerSize, 8);
  if (headerSize > fileSize - 8)
    fail("the header's length, " + std::to_string(headerSize) + ", is beyond the file's " +
         std::to_string(fileSize) + " bytes: it is truncated or no safetensors file");
  if (headerSize > maxHeaderBytes)
    fail("the header's length, " + std::to_string(headerSize) + ", is over the format's limit of " +
         std::to_string(maxHeaderBytes) + " bytes");
  std::string text(headerSize, '\0');
  readBytes(8, text.data(), text.size());
  dataOffset = 8 + headerSize;
  parseHeader(text, dataOffset, fileSize - dataOffset);
}

/// One entry of the header. `fail` takes what is wrong with the tensor.
template <typename Fail>
static TensorInfo parseEntry(const std::string &name, const Json &entry, std::uint64_t dataSize,
                             Fail &&fail) {
  auto member = [&](const char *key) -> const Json & {
    const Json *value = entry.isObject() ? entry.find(key) : nullptr;
    if (!value)
      fail(std::string("has no '") + key + "'");
    return *value;
  };
  auto wholeNumbers = [&](const char *key) {
    try {
      return member(key).asIntegers();
    } catch (const Error &) {
      fail(std::string("'") + key + "' is no list of whole numbers within range");
    }
    return std::vector<std::int64_t>();
  };
  TensorInfo info;
  info.name = name;
  const Json &dtype = member("dtype");
  const TypeEntry *type = nullptr;
  if (dtype.isString()) {
    info.typeName = dtype.asString();
    type = std::find_if(std::begin(typeTable), std::end(typeTable),
                        [&](const TypeEntry &row) { return row.name == info.typeName; });
  }
  if (!type || type == std::end(typeTable))
    fail("has the unknown dtype " + dtype.dump().substr(0, 40));
  info.type = type->type;
  info.shape = wholeNumbers("shape");
  if (info.shape.size() > maxRank)
    fail("has " + std::to_string(info.shape.size()) + " dimensions, at most " +
         std::to_string(maxRank) + " are possible");
  std::int64_t elements = 1, bytes = 0;
  bool overflow = false;
  for (std::int64_t size : info.shape) {
    if (size < 0)
      fail("has a negative size in its shape " + shapeText(info.shape));
    overflow |= __builtin_mul_overflow(elements, size, &elements);
  }
  overflow |= __builtin_mul_overflow(elements, static_cast<std::int64_t>(type->bytes), &bytes);
  if (overflow)
    fail("has an impossible shape " + shapeText(info.shape));
  info.elements = elements;
  info.bytes = static_cast<std::uint64_t>(bytes);
  std::vector<std::int64_t> offsets = wholeNumbers("data_offsets");
  if (offsets.size() != 2 || offsets[0] < 0 || offsets[1] < offsets[0])
    fail("'data_offsets' is no pair of begin and end");
  if (static_cast<std::uint64_t>(offsets[1]) > dataSize)
    fail("ends at byte " + std::to_string(offsets[1]) + " of the data, which has " +
         std::to_string(dataSize) + ": the file is truncated or damaged");
  info.offset = static_cast<std::uint64_t>(offsets[0]);
  if (static_cast<std::uint64_t>(offsets[1]) - info.offset != info.bytes)
    fail("has " + std::to_string(offsets[1] - offsets[0]) + " bytes, but " + info.typeName + " " +
         shapeText(info.shape) + " takes " + std::to_string(info.bytes));
  return info;
}

void SafetensorsReader::parseHeader(const std::string &text, std::uint64_t dataBegin,
                                    std::uint64_t dataSize) {
  Json header;
  try {
    header = Json::parse(text);
  } catch (const Error &error) {
    fail(std::string("the header is no valid JSON: ") + error.what());
  }
  if (!header.isObject())
    fail("the header is no JSON object");
  for (const auto &[name, entry] : header.asObject()) {
    if (name == "__metadata__") {
      if (!entry.isObject())
        fail("'__metadata__' is no object");
      for (const auto &[key, value] : entry.asObject()) {
        if (!value.isString())
          fail("the metadata '" + key + "' is no string");
        entries.emplace_back(key, value.asString());
      }
      continue;
    }
    infos.push_back(parseEntry(name, entry, dataSize, [&](const std::string &what) {
      fail("tensor '" + name + "' " + what);
    }));
  }
  std::sort(infos.begin(), infos.end(), [](const TensorInfo &a, const TensorInfo &b) {
    return std::tie(a.offset, a.bytes, a.name) < std::tie(b.offset, b.bytes, b.name);
  });
  std::uint64_t end = 0;
  const std::string *before = nullptr;
  for (TensorInfo &info : infos) {
    if (info.offset < end)
      fail("tensor '" + info.name + "' overlaps tensor '" + *before + "'");
    // The format has no holes: a hole would be data that no reader sees.
    if (info.offset > end)
      fail("tensor '" + info.name + "' begins at byte " + std::to_string(info.offset) +
           " of the data, expected " + std::to_string(end));
    end = info.offset + info.bytes;
    before = &info.name;
    info.offset += dataBegin;
  }
  if (end != dataSize)
    fail("holds " + std::to_string(dataSize) + " bytes of data, but its tensors take " +
         std::to_string(end));
  for (std::size_t i = 0; i < infos.size(); ++i)
    byName.emplace(infos[i].name, i);
}

void SafetensorsReader::readBytes(std::uint64_t offset, void *to, std::size_t size) const {
  char *bytes = static_cast<char *>(to);
  while (size > 0) {
    ssize_t count = ::pread(file.get(), bytes, std::min<std::size_t>(size, 1U << 30),
                            static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      fail(count < 0 ? std::string("cannot be read: ") + std::strerror(errno)
                     : "became shorter while it was read");
    bytes += count;
    offset += static_cast<std::uint64_t>(count);
    size -= static_cast<std::size_t>(count);
  }
}

const TensorInfo *SafetensorsReader::find(std::string_view name) const {
  auto found = byName.find(name);
  return found == byName.end() ? nullptr : &infos[found->second];
}

const TensorInfo &SafetensorsReader::at(std::string_view name) const {
  if (const TensorInfo *info = find(name))
    return *info;
  fail("has no tensor '" + std::string(name) + "'");
}

const std::string *SafetensorsReader::metadata(std::string_view key) const {
  for (const auto &[name, value] : entries)
    if (name == key)
      return &value;
  return nullptr;
}

void SafetensorsReader::read(const TensorInfo &info, DType dtype, void *to) const {
  if (info.type == ElementType::Other)
    fail("tensor '" + info.name + "' is stored as " + info.typeName +
         ", which cannot be read here");
  if (info.type == elementType(dtype)) {
    readBytes(info.offset, to, info.bytes);
    return;
  }
  std::vector<char> chunk(std::min<std::uint64_t>(chunkBytes, info.bytes));
  std::uint64_t elementBytes =
      info.elements ? info.bytes / static_cast<std::uint64_t>(info.elements) : 1;
  for (std::uint64_t done = 0; done < info.bytes;) {
    std::size_t size = std::min<std::uint64_t>(chunk.size(), info.bytes - done);
    readBytes(info.offset + done, chunk.data(), size);
    auto first = static_cast<std::int64_t>(done / elementBytes);
    char *place = static_cast<char *>(to) + first * dtypeBytes(dtype);
    std::int64_t bad = convertElements(
        info.type, chunk.data(), static_cast<std::int64_t>(size / elementBytes), dtype, place);
    if (bad >= 0)
      fail("tensor '" + info.name + "' element " + std::to_string(first + bad) +
           " is no 32-bit whole number");
    done += size;
  }
}

void SafetensorsReader::readShaped(std::string_view name, const std::vector<std::int64_t> &shape,
                                   DType dtype, void *to) const {
  const TensorInfo &info = at(name);
  if (info.shape != shape)
    fail("tensor '" + info.name + "' has shape " + shapeText(info.shape) + ", expected " +
         shapeText(shape));
  read(info, dtype, to);
}

std::uint32_t SafetensorsReader::checksum() const {
  std::vector<char> chunk(chunkBytes);
  std::uint32_t sum = 0;
  for (std::uint64_t offset = dataOffset; offset < fileSize;) {
    std::size_t size = std::min<std::uint64_t>(chunk.size(), fileSize - offset);
    readBytes(offset, chunk.data(), size);
    sum = crc32c(chunk.data(), size, sum);
    offset += size;
  }
  return sum;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

SafetensorsWriter::SafetensorsWriter(const std::string &path, std::size_t headerBytes)
    : file(path), headerRoom((headerBytes + 64 + 7) / 8 * 8) {
  std::string room(8 + headerRoom, ' ');
  file.write(room.data(), room.size());
}

std::size_t SafetensorsWriter::headerBytesFor(std::string_view name, std::size_t rank) {
  // A character is escaped to at most six; a number has at most twenty digits.
  return 6 * name.size() + 21 * (rank + 2) + 64;
}

void SafetensorsWriter::add(const std::string &name, DType dtype,
                            const std::vector<std::int64_t> &shape, const void *data) {
  std::uint64_t bytes = static_cast<std::uint64_t>(dtypeBytes(dtype));
  for (std::int64_t size : shape)
    bytes *= static_cast<std::uint64_t>(size);
  Json entry = Json::object();
  entry.set("dtype", typeNameOf(dtype));
  entry.set("shape", shape);
  entry.set("data_offsets", std::vector<std::uint64_t>{dataBytes, dataBytes + bytes});
  header.emplace_back(name, std::move(entry));
  file.write(data, bytes);
  dataChecksum = crc32c(data, bytes, dataChecksum);
  dataBytes += bytes;
}

void SafetensorsWriter::finish(const Metadata &metadata) {
  Json::Object members, strings;
  for (const auto &[key, value] : metadata)
    strings.emplace_back(key, value);
  members.emplace_back("__metadata__", std::move(strings));
  members.insert(members.end(), header.begin(), header.end());
  std::string text = Json(std::move(members)).dump();
  if (text.size() > headerRoom)
    throw Error("internal error: the header of '" + file.path().string() + "' takes " +
                std::to_string(text.size()) + " bytes, " + std::to_string(headerRoom) +
                " were reserved; please report it");
  // The format lets a header end in spaces.
  text.resize(headerRoom, ' ');
  std::uint64_t size = headerRoom;
  file.writeAt(0, &size, sizeof(size));
  file.writeAt(8, text.data(), text.size());
  file.commit();
}
