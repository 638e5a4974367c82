//===- KernelHarness.cpp - compile a program and run it in the test -------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "test/unit/compiler/KernelHarness.h"

#include "compiler/InitAll.h"
#include "runtime/core/BFloat16.h"
#include "runtime/core/CpuFeatures.h"
#include "test/unit/compiler/CompiledFunction.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace jepa;
using namespace jepa::test;
using jepa::rt::BFloat16;

struct Program::State {
  CompiledFunction function;
};

static Machine machine(const std::string &features) {
  std::string why;
  std::optional<Machine> found = Machine::parse(features, why);
  EXPECT_TRUE(found) << why;
  if (found && found->hasMatrixTiles()) {
    EXPECT_TRUE(rt::cpuHas("amx-bf16")) << "the system must be asked for the registers";
  }
  return found.value_or(Machine());
}

Program::Program(const std::string &text, const std::string &target, std::int64_t maxThreads,
                 const std::string &features) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  try {
    if (module)
      state = std::make_shared<State>(CompiledFunction(*module, target, maxThreads, machine(features)));
  } catch (const std::runtime_error &error) {
    ADD_FAILURE() << error.what();
  }
  EXPECT_TRUE(state) << text;
}

void Program::run() const { state->function.run(); }

void *Program::address(const std::string &name) const { return state->function.data<std::byte>(name); }

std::int64_t Program::size(const std::string &name) const { return state->function.places().at(name).elements; }

void Program::fill(const std::string &name, unsigned seed, float scale) const {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> numbers(-scale, scale);
  auto next = [&] { return numbers(random); };
  if (state->function.places().at(name).isBf16)
    std::generate_n(data<BFloat16>(name), size(name), [&] { return BFloat16(next()); });
  else
    std::generate_n(data(name), size(name), next);
}

std::vector<float> Program::get(const std::string &name) const {
  auto all = [&](const auto *values) { return std::vector<float>(values, values + size(name)); };
  return state->function.places().at(name).isBf16 ? all(data<BFloat16>(name)) : all(data(name));
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
