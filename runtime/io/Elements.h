//===- Elements.h - conversion between element types ---------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_IO_ELEMENTS_H
#define JEPA_RUNTIME_IO_ELEMENTS_H

#include "runtime/core/BFloat16.h"
#include "runtime/io/Safetensors.h"

namespace jepa::rt {

/// The value of an IEEE half.
float halfToFloat(std::uint16_t bits);

/// Converts `count` elements of type `from` at `source` to `dtype` at `to`;
/// neither has to be aligned. Returns -1, or the index of the first element
/// that I32 cannot hold.
std::int64_t convertElements(ElementType from, const void *source, std::int64_t count, DType dtype,
                             void *to);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_IO_ELEMENTS_H
