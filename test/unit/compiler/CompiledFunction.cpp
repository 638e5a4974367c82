//===- CompiledFunction.cpp - a function of tensors as code in this process ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "CompiledFunction.h"

#include "compiler/InitAll.h"
#include "compiler/pipelines/Pipelines.h"
#include "compiler/target/Codegen.h"
#include "runtime/gemm/Gemm.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

#include <cstdlib>
#include <cstring>
#include <stdexcept>

using namespace jepa;
using namespace jepa::test;
using namespace mlir;

void CompiledFunction::Free::operator()(std::byte *memory) const { std::free(memory); }

template <class T> static T take(llvm::Expected<T> value) {
  if (!value)
    throw std::runtime_error(llvm::toString(value.takeError()));
  return std::move(*value);
}

static void take(llvm::Error error) {
  if (error)
    throw std::runtime_error(llvm::toString(std::move(error)));
}

/// Products by plain loops: the tests are about generated code, not about the library.
static void gemm(const jepac_gemm_desc *d, void *c, const void *a, const void *b, const float *bias, void *,
                 jepac_kernel epilogue, void *const *args) {
  rt::gemmByLoops(*d, c, a, b, bias, epilogue, args);
}

CompiledFunction::CompiledFunction(ModuleOp original, const std::string &target, int64_t maxThreads,
                                   const Machine &machine) {
  [[maybe_unused]] static bool registered = (registerAllPasses(), true);
  MLIRContext *context = original.getContext();
  std::string message = "no diagnostic";
  ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      message = diagnostic.str();
    return success();
  });
  OwningOpRef<ModuleOp> module = original.clone();
  PipelineOptions options;
  options.target = target;
  options.maxThreads = maxThreads;
  options.machine = machine;
  auto lower = [&](Phase phase) {
    PassManager manager(context);
    std::string errors;
    llvm::raw_string_ostream stream(errors);
    if (failed(addPhase(manager, phase, options, stream)) || failed(manager.run(*module)))
      throw std::runtime_error(errors + message);
  };

  lower(Phase::Kernels);
  auto function = module->lookupSymbol<func::FuncOp>(entryName);
  int64_t bytes = cast<MemRefType>(function.getArgumentTypes()[0]).getDimSize(0);
  for (auto buffer : function.getOps<BufferOp>())
    if (buffer.getName()) {
      auto type = cast<MemRefType>(buffer.getType());
      named[buffer.getName()->str()] = {buffer.getKind().str(), type.getShape().vec(), type.getNumElements(),
                                        static_cast<int64_t>(*buffer.getOffset()), type.getElementType().isBF16()};
    }
  arena.reset(static_cast<std::byte *>(std::aligned_alloc(64, llvm::alignTo(bytes, 64))));
  // What a kernel forgets to write shows as a NaN.
  std::memset(arena.get(), 0xff, bytes);

  lower(Phase::Llvm);
  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> code = translateToLLVM(*module, llvmContext, {machine});
  auto object = code ? emitObject(*code, {machine}, module->getLoc()) : FailureOr<SmallVector<char, 0>>(failure());
  if (failed(object))
    throw std::runtime_error(message);
  jit = take(llvm::orc::LLJITBuilder().create());
  llvm::orc::JITDylib &library = jit->getMainJITDylib();
  llvm::orc::SymbolMap runtime;
  runtime[jit->mangleAndIntern("jepac_parallel_for")] = {llvm::orc::ExecutorAddr::fromPtr(&jepac_parallel_for),
                                                         llvm::JITSymbolFlags::Exported};
  runtime[jit->mangleAndIntern("jepac_gemm")] = {llvm::orc::ExecutorAddr::fromPtr(&gemm),
                                                     llvm::JITSymbolFlags::Exported};
  take(library.define(llvm::orc::absoluteSymbols(std::move(runtime))));
  // The C library's mathematics.
  library.addGenerator(
      take(llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(jit->getDataLayout().getGlobalPrefix())));
  take(jit->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy({object->data(), object->size()}, "jepa")));
  entry = take(jit->lookup(entryName)).toPtr<jepac_run_function>();
}
