//===- Swizzle.h - where sm_90 puts a byte of a tile ----------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_TEST_SIMT_SWIZZLE_H
#define JEPA_TEST_SIMT_SWIZZLE_H

namespace simt {

/// The place of the byte at `offset` in shared memory (which begins at a multiple of 1024) where rows of 128, 64 or 32
/// bytes are permuted by chunks of 16: bits 4 and up are xored with those from bit 7 on, three, two or one of them.
inline long swizzled(long offset, int rowBytes) {
  long chunks = rowBytes / 16 - 1;
  return offset ^ (offset >> 7 & chunks) << 4;
}

} // namespace simt

#endif // JEPA_TEST_SIMT_SWIZZLE_H
