//===- ProductTime.h - how long a product takes alone ---------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_CUDA_PRODUCTTIME_H
#define JEPA_RUNTIME_CUDA_PRODUCTTIME_H

#include "runtime/cuda/DeviceGemm.h"

namespace jepa::rt::cuda {

/// Median seconds of a product on matrices of its own.
double timeProduct(Device &device, DeviceGemm &gemm, const jepac_device_gemm_desc &d);

} // namespace jepa::rt::cuda

#endif // JEPA_RUNTIME_CUDA_PRODUCTTIME_H
