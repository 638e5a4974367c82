//===- KernelHarness.cpp - compile a program and run it in the test -------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "test/unit/compiler/KernelHarness.h"

#include "compiler/InitAll.h"
#include "compiler/analysis/BufferLifetimes.h"
#include "compiler/target/Codegen.h"
#include "compiler/target/Passes.h"
#include "passes/PlanMemory/PlanMemory.h"
#include "runtime/gemm/Gemm.h"

#include "mlir/Parser/Parser.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <random>

using namespace jepa;
using namespace jepa::test;

struct Program::State {
  struct Buffer {
    std::int64_t offset, size;
  };
  llvm::StringMap<Buffer> buffers;
  std::unique_ptr<llvm::orc::LLJIT> jit;
  std::unique_ptr<std::byte, decltype(&std::free)> memory{nullptr, &std::free};
};

/// Products by plain loops: these tests are about kernels, not about the library.
static void gemm(const jepac_gemm_desc *d, float *c, const float *a, const float *b, const float *bias, void *) {
  rt::gemmByLoops(*d, c, a, b, bias);
}

Program::Program(const std::string &text, const std::string &target, std::int64_t maxThreads)
    : state(std::make_shared<State>()) {
  compile(text, target, maxThreads);
}

void Program::compile(const std::string &text, const std::string &target, std::int64_t maxThreads) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  registerCodegenTranslations(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  ASSERT_TRUE(module);
  mlir::PassManager manager(&context);
  LowerToKernelsOptions options;
  options.target = target;
  options.maxThreads = maxThreads;
  manager.addPass(createLowerToKernels(options, {}));
  manager.addPass(createPlanMemory());
  ASSERT_TRUE(mlir::succeeded(manager.run(*module)));
  auto function = module->lookupSymbol<mlir::func::FuncOp>(entryName);
  function.walk([&](BufferOp buffer) {
    if (buffer.getName())
      state->buffers[*buffer.getName()] = {
          static_cast<std::int64_t>(*buffer.getOffset()),
          mlir::cast<mlir::MemRefType>(buffer.getType()).getNumElements()};
  });
  std::int64_t bytes = mlir::cast<mlir::MemRefType>(function.getArgumentTypes()[0]).getDimSize(0);
  manager.clear();
  buildKernelsToLLVMPipeline(manager);
  ASSERT_TRUE(mlir::succeeded(manager.run(*module)));
  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> code = translateToLLVM(*module, llvmContext, {});
  ASSERT_TRUE(code);
  auto object = emitObject(*code, {}, module->getLoc());
  ASSERT_TRUE(mlir::succeeded(object));

  using namespace llvm::orc;
  llvm::InitializeNativeTarget();
  state->jit = llvm::cantFail(LLJITBuilder().create());
  JITDylib &library = state->jit->getMainJITDylib();
  SymbolMap runtime;
  auto define = [&](const char *name, void *function) {
    runtime[state->jit->mangleAndIntern(name)] = {ExecutorAddr::fromPtr(function), llvm::JITSymbolFlags::Exported};
  };
  define("jepac_parallel_for", reinterpret_cast<void *>(&jepac_parallel_for));
  define("jepac_gemm_f32", reinterpret_cast<void *>(&gemm));
  llvm::cantFail(library.define(absoluteSymbols(std::move(runtime))));
  library.addGenerator(llvm::cantFail(
      DynamicLibrarySearchGenerator::GetForCurrentProcess(state->jit->getDataLayout().getGlobalPrefix())));
  llvm::cantFail(state->jit->addObjectFile(
      std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(*object), /*RequiresNullTerminator=*/false)));
  state->memory.reset(static_cast<std::byte *>(std::aligned_alloc(64, (bytes + 63) / 64 * 64)));
  arena = state->memory.get();
  // Whatever a kernel forgets to write shows as a NaN.
  std::fill_n(static_cast<std::uint8_t *>(arena), bytes, 0xff);
  entry = llvm::cantFail(state->jit->lookup(entryName)).toPtr<void (*)(void *)>();
}


void *Program::address(const std::string &name) const {
  auto found = state->buffers.find(name);
  if (found == state->buffers.end()) {
    ADD_FAILURE() << "no buffer is called " << name;
    std::abort();
  }
  return static_cast<std::byte *>(arena) + found->second.offset;
}

std::int64_t Program::size(const std::string &name) const { return state->buffers.lookup(name).size; }

void Program::fill(const std::string &name, unsigned seed, float scale) const {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> numbers(-scale, scale);
  std::generate_n(data(name), size(name), [&] { return numbers(random); });
}

double jepa::test::relativeError(const std::vector<float> &a, const std::vector<double> &b) {
  EXPECT_EQ(a.size(), b.size());
  double error = 0, largest = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    double distance = std::abs(a[i] - b[i]);
    error = distance <= error ? error : std::isnan(distance) ? INFINITY : distance;
    largest = std::max(largest, std::abs(b[i]));
  }
  return largest > 0 ? error / largest : error;
}
