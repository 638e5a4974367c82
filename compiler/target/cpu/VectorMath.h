//===- VectorMath.h - functions of vectors, as exactly as they are needed ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_CPU_VECTORMATH_H
#define JEPA_COMPILER_TARGET_CPU_VECTORMATH_H

#include "compiler/target/Emit.h"

namespace jepa {

/// How exact a function is, relative to its value: to 1e-7, or to 8e-5, a fiftieth of what rounding to bf16 takes away.
enum class Precision { Float, Bf16 };

/// The larger and the smaller of two numbers: one instruction, where Emit::max and min take four to do as they should
/// with NaN. Where one of them is NaN, they are `b`.
Number larger(Emit &e, Number a, Number b);
Number smaller(Emit &e, Number a, Number b);
/// 2^x of a vector of f32, for x below 128; what is smaller than 2^-126 becomes 2^-126.
Number exp2(Emit &e, Number x, Precision precision);
/// The same of 16 floats to Precision::Bf16, with AVX-512: what is too small becomes zero.
Number coarseExp2(Emit &e, Number x);

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_CPU_VECTORMATH_H
