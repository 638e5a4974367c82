//===- ParameterCopies.h - low-precision copies and their masters ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_DIALECT_PARAMETERCOPIES_H
#define JEPA_COMPILER_DIALECT_PARAMETERCOPIES_H

#include "llvm/ADT/StringRef.h"

namespace jepa {

/// Attribute of `jepa.parameter_copy`: a dictionary, what its master's `jepa.parameter` said (init, trainable, ...). Where
/// every reader takes the copy nothing reads the master, but the runtime must still know how to fill it.
inline constexpr llvm::StringLiteral masterAttr = "jepa.master";

/// In the `info` of a parameter's `jepa.buffer`: n, k and transB of the products that read it packed, as its only readers.
inline constexpr llvm::StringLiteral packedAttr = "packed";

} // namespace jepa

#endif // JEPA_COMPILER_DIALECT_PARAMETERCOPIES_H
