//===- Packed.h - samples that stand one after the other on an axis ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_PACKED_H
#define JEPA_COMPILER_TARGET_PACKED_H

#include "compiler/target/Emit.h"

namespace jepa {

/// One sample of a packed axis.
struct Sample {
  /// Its place in the batch; below the number of samples for padding too.
  Number index;
  /// Its tokens [begin, end), from the axis' first; none for padding.
  Number begin, end;
};

/// The number of samples that `bounds` [samples + 1] divides an axis into.
int64_t countSamples(mlir::Value bounds);
/// Sample `index` of the axis, an index below the number of samples.
Sample sampleAt(Emit &e, mlir::Value bounds, Number index);
/// The sample that `token` (an index from the axis' first token) belongs to.
Sample sampleOf(Emit &e, mlir::Value bounds, Number token);

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_PACKED_H
