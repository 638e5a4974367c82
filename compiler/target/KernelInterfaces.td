//===- KernelInterfaces.td - how an op becomes kernels ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_KERNEL_INTERFACES_TD
#define JEPA_KERNEL_INTERFACES_TD

include "mlir/IR/OpBase.td"

class Jepa_KernelOpInterface<string name> : OpInterface<name> {
  let cppNamespace = "::jepa";
  let methods = [
    InterfaceMethod<[{
        Emits what computes the op's results from its operands, at the builder's insertion point: launches of kernels
        and library products. Fails, with a diagnostic at the op, where the target cannot.
      }], "::mlir::LogicalResult", "emitKernels", (ins "::jepa::KernelContext &":$context)>
  ];
}

def Jepa_ReferenceKernelOpInterface : Jepa_KernelOpInterface<"ReferenceKernelOpInterface"> {
  let description = [{
    The textbook loops of an op, for f32 (accumulated in f64) and f64. No cleverness: it is the oracle of the others.
  }];
}

def Jepa_CpuKernelOpInterface : Jepa_KernelOpInterface<"CpuKernelOpInterface"> {
  let description = [{
    Vectorised kernels and library products for f32. An op without a model of this takes its reference kernels.
  }];
}

def Jepa_CudaKernelOpInterface : Jepa_KernelOpInterface<"CudaKernelOpInterface"> {
  let description = [{
    Kernels of the device library and the GEMM library's products. An op without a model of this takes its reference
    kernels, an index of the launch to a thread.
  }];
}

#endif // JEPA_KERNEL_INTERFACES_TD
