//===- DeviceToLLVM.h - launches and products on a device as calls of the runtime ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_CUDA_DEVICETOLLVM_H
#define JEPA_COMPILER_TARGET_CUDA_DEVICETOLLVM_H

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/IR/PatternMatch.h"

namespace jepa {

/// jepa.device_launch and jepa.device_gemm become calls of jepac_launch and jepac_device_gemm. A launch has what the
/// device code says of its kernel's blocks (launchThreadsAttr, launchSharedAttr).
void populateDeviceToLLVMPatterns(const mlir::LLVMTypeConverter &converter, mlir::RewritePatternSet &patterns);

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_CUDA_DEVICETOLLVM_H
