//===- Crc32c.cpp - the Castagnoli checksum ------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/io/Crc32c.h"

#include <array>
#include <bit>
#include <cstring>

using namespace jepa::rt;

static_assert(std::endian::native == std::endian::little,
              "files are written as they lie in memory");

/// tables[k][b] is the checksum of byte b followed by k zero bytes, so that
/// eight bytes are summed with eight independent look-ups: checkpoints have
/// gigabytes.
static constexpr auto makeTables() {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78U : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t byte = 0; byte < 256; ++byte)
      tables[k][byte] = tables[k - 1][byte] >> 8 ^ tables[0][tables[k - 1][byte] & 0xff];
  return tables;
}

std::uint32_t jepa::rt::crc32c(const void *data, std::size_t size, std::uint32_t previous) {
  static constexpr auto tables = makeTables();
  const auto *bytes = static_cast<const unsigned char *>(data);
  std::uint32_t crc = ~previous;
  for (; size >= 8; size -= 8, bytes += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes, 8);
    word ^= crc;
    crc = 0;
    for (std::size_t k = 0; k < 8; ++k)
      crc ^= tables[7 - k][word >> (8 * k) & 0xff];
  }
  for (; size > 0; --size, ++bytes)
    crc = crc >> 8 ^ tables[0][(crc ^ *bytes) & 0xff];
  return ~crc;
}
