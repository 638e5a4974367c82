//===- Codegen.cpp - kernels to an object file, in process ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/Codegen.h"

#include "compiler/target/Passes.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToSCF/VectorToSCF.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;

void jepa::buildKernelsToLLVMPipeline(OpPassManager &manager, const Machine &machine) {
  // Constants and index arithmetic repeat in what the emitters write.
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  // Before the vectors are taken apart: the polynomials are vector code.
  manager.addPass(createApproximateMath());
  if (!machine.roundsToBf16())
    manager.addPass(createExpandBf16());
  manager.addPass(createConvertVectorToSCFPass());
  // Views become offsets and strides, whose arithmetic is affine.
  manager.addPass(memref::createExpandStridedMetadataPass());
  manager.addPass(createLowerAffinePass());
  manager.addPass(createSCFToControlFlowPass());
  manager.addPass(createConvertKernelsToLLVM());
  manager.addPass(createReconcileUnrealizedCastsPass());
}

void jepa::registerCodegenTranslations(DialectRegistry &registry) {
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

static std::unique_ptr<llvm::TargetMachine> createMachine(const jepa::CodegenOptions &options, Location loc) {
  std::string why;
  std::unique_ptr<llvm::TargetMachine> machine = options.machine.createTargetMachine(options.quick, why);
  if (!machine)
    emitError(loc) << "this LLVM cannot generate code for '" << options.machine.getProcessor() << "': " << why;
  return machine;
}

std::unique_ptr<llvm::Module> jepa::translateToLLVM(ModuleOp module, llvm::LLVMContext &context,
                                                    const CodegenOptions &options) {
  std::unique_ptr<llvm::TargetMachine> machine = createMachine(options, module.getLoc());
  std::unique_ptr<llvm::Module> code = machine ? translateModuleToLLVMIR(module, context, "jepa") : nullptr;
  if (!code)
    return nullptr;
  // Without a triple and a layout the optimiser knows no vector registers.
  code->setTargetTriple(machine->getTargetTriple());
  code->setDataLayout(machine->createDataLayout());
  for (llvm::Function &function : *code)
    if (!function.isDeclaration()) {
      function.addFnAttr("target-cpu", machine->getTargetCPU());
      function.addFnAttr("target-features", machine->getTargetFeatureString());
      function.addFnAttr("prefer-vector-width", "512");
      // Only the entry is called from outside.
      if (function.getName() == entryName || function.hasLocalLinkage())
        continue;
      if (options.isPart)
        function.setVisibility(llvm::GlobalValue::HiddenVisibility);
      else if (!options.library)
        function.setLinkage(llvm::GlobalValue::InternalLinkage);
    }
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(machine.get());
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  auto level = options.quick ? llvm::OptimizationLevel::O0 : llvm::OptimizationLevel::O2;
  builder.buildPerModuleDefaultPipeline(level).run(*code, modules);
  return code;
}

FailureOr<SmallVector<char, 0>> jepa::emitObject(llvm::Module &module, const CodegenOptions &options, Location loc) {
  std::unique_ptr<llvm::TargetMachine> machine = createMachine(options, loc);
  if (!machine)
    return failure();
  SmallVector<char, 0> object;
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile))
    return emitError(loc) << "this LLVM cannot write object files for the machine", failure();
  passes.run(module);
  return object;
}
