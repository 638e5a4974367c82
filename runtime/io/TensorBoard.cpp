//===- TensorBoard.cpp - scalar event files ------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Fields of the messages: Event{1: wall_time, double; 2: step, varint; 3:
// file_version, string; 5: summary; 7: session_log}, Summary{1: value,
// repeated}, Value{1: tag, string; 2: simple_value, float}, SessionLog{1:
// status, varint}.
//
//===----------------------------------------------------------------------===//
#include "runtime/io/TensorBoard.h"

#include "runtime/core/Error.h"
#include "runtime/io/Crc32c.h"

#include <bit>
#include <chrono>
#include <cstring>
#include <unistd.h>

using namespace jepa::rt;

namespace {

enum class Wire : std::uint32_t { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

void appendVarint(std::string &out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

/// Little-endian bytes of an unsigned integer.
template <typename T> void appendFixed(std::string &out, T value) {
  for (std::size_t byte = 0; byte < sizeof(T); ++byte)
    out.push_back(static_cast<char>(value >> (8 * byte)));
}

void appendTag(std::string &out, std::uint32_t field, Wire wire) {
  appendVarint(out, field << 3 | static_cast<std::uint32_t>(wire));
}

void appendBytes(std::string &out, std::uint32_t field, const std::string &bytes) {
  appendTag(out, field, Wire::Bytes);
  appendVarint(out, bytes.size());
  out += bytes;
}

/// The fields that every event begins with.
std::string eventHeader(std::int64_t step) {
  double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::string event;
  appendTag(event, 1, Wire::Fixed64);
  appendFixed(event, std::bit_cast<std::uint64_t>(now));
  appendTag(event, 2, Wire::Varint);
  appendVarint(event, static_cast<std::uint64_t>(step));
  return event;
}

/// The format never stores a CRC of data that holds CRCs: it is rotated and
/// offset by a constant.
std::uint32_t maskedCrc(const std::string &bytes) {
  return std::rotr(crc32c(bytes.data(), bytes.size()), 15) + 0xa282ead8U;
}

} // namespace

TensorBoardWriter::TensorBoardWriter(const std::filesystem::path &folder, std::int64_t firstStep) {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  char host[256] = "localhost";
  gethostname(host, sizeof(host) - 1);
  // Two runs of one second differ in their process id.
  filePath = folder / ("events.out.tfevents." + std::to_string(seconds) + "." + host + "." +
                       std::to_string(getpid()));
  stream.open(filePath, std::ios::binary | std::ios::trunc);
  std::string version = eventHeader(0);
  appendBytes(version, 3, "brain.Event:2");
  writeRecord(version);
  std::string start = eventHeader(firstStep), status;
  appendTag(status, 1, Wire::Varint);
  appendVarint(status, 1);
  appendBytes(start, 7, status);
  writeRecord(start);
}

void TensorBoardWriter::add(std::int64_t step,
                            const std::vector<std::pair<std::string, double>> &scalars) {
  std::string summary;
  for (const auto &[tag, scalar] : scalars) {
    std::string value;
    appendBytes(value, 1, tag);
    appendTag(value, 2, Wire::Fixed32);
    appendFixed(value, std::bit_cast<std::uint32_t>(static_cast<float>(scalar)));
    appendBytes(summary, 1, value);
  }
  std::string event = eventHeader(step);
  appendBytes(event, 5, summary);
  writeRecord(event);
}

void TensorBoardWriter::writeRecord(const std::string &payload) {
  std::string length, record;
  appendFixed(length, static_cast<std::uint64_t>(payload.size()));
  record = length;
  appendFixed(record, maskedCrc(length));
  record += payload;
  appendFixed(record, maskedCrc(payload));
  stream.write(record.data(), static_cast<std::streamsize>(record.size()));
  stream.flush();
  if (!stream)
    throw Error("cannot write the event file '" + filePath.string() + "': " + std::strerror(errno));
}
