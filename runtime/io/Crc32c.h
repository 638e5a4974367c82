//===- Crc32c.h - the Castagnoli checksum --------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_IO_CRC32C_H
#define JEPA_RUNTIME_IO_CRC32C_H

#include <cstddef>
#include <cstdint>

namespace jepa::rt {

/// CRC-32C of `size` bytes. `previous` is the checksum of what came before
/// them, so that a long stream can be summed in pieces.
std::uint32_t crc32c(const void *data, std::size_t size, std::uint32_t previous = 0);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_IO_CRC32C_H
