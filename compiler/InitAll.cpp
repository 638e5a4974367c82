//===- InitAll.cpp - register what the project has ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/InitAll.h"

#include "compiler/dialect/Dialect.h"
#include "compiler/target/Codegen.h"
#include "compiler/target/Passes.h"
#include "compiler/target/Targets.h"
#include "passes/AllPasses.h.inc"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/EmitC/IR/EmitC.h"
#include "mlir/Dialect/Func/Extensions/InlinerExtension.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

void jepa::registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<JepaDialect, mlir::arith::ArithDialect, mlir::emitc::EmitCDialect, mlir::func::FuncDialect, mlir::LLVM::LLVMDialect,
                  mlir::math::MathDialect, mlir::memref::MemRefDialect, mlir::scf::SCFDialect,
                  mlir::vector::VectorDialect>();
  mlir::func::registerInlinerExtension(registry);
  registerReferenceKernels(registry);
  registerCpuKernels(registry);
  registerCudaKernels(registry);
  registerCodegenTranslations(registry);
}

void jepa::registerAllPasses() {
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  mlir::registerInlinerPass();
  registerFolderPasses();
  registerJepaTargetPasses();
  mlir::PassPipelineRegistration<>("jepa-kernels-to-llvm", "From planned kernels to the LLVM dialect",
                                   [](mlir::OpPassManager &manager) {
                                     buildKernelsToLLVMPipeline(manager, Machine());
                                   });
}
