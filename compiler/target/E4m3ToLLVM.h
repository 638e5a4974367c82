//===- E4m3ToLLVM.h - conversions of e4m3, which LLVM has none for ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_E4M3TOLLVM_H
#define JEPA_COMPILER_TARGET_E4M3TOLLVM_H

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/IR/PatternMatch.h"

namespace jepa {

/// Conversions between f32 and e4m3, which is a byte to LLVM. What is rounded is at most 448 in size.
void populateE4m3ToLLVMPatterns(const mlir::LLVMTypeConverter &converter, mlir::RewritePatternSet &patterns);

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_E4M3TOLLVM_H
