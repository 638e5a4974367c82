//===- GradientTest.cpp - adjoints against differences of the loss --------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The functions of test/passes/differentiate/finite-difference, whose README
// says what they are. They run on the reference target, in f64.
//
//===----------------------------------------------------------------------===//

#include "CompiledFunction.h"

#include "compiler/InitAll.h"
#include "compiler/dialect/Dialect.h"
#include "passes/Differentiate/Differentiate.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringMap.h"

#include "gtest/gtest.h"

#include <filesystem>
#include <fstream>
#include <random>
#include <regex>

using namespace mlir;
using jepa::test::CompiledFunction;

namespace {

/// Of a gradient, as the largest difference over the largest element. Four-point differences at this step are good to 1e-10.
constexpr double tolerance = 1e-8, step = 1e-4;

std::vector<std::filesystem::path> functionFiles() {
  std::vector<std::filesystem::path> files;
  for (const auto &entry :
       std::filesystem::directory_iterator(JEPAC_SOURCE_DIR "/test/passes/differentiate/finite-difference"))
    if (entry.path().extension() == ".mlir")
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

struct Named {
  std::string file, function;
  friend std::ostream &operator<<(std::ostream &os, const Named &named) { return os << named.function; }
};

std::vector<Named> functions() {
  std::vector<Named> all;
  std::regex header(R"(^func\.func @(\w+)\()");
  for (const auto &file : functionFiles()) {
    std::ifstream stream(file);
    std::smatch match;
    for (std::string line; std::getline(stream, line);)
      if (std::regex_search(line, match, header))
        all.push_back({file.string(), match[1]});
  }
  return all;
}

MLIRContext &context() {
  static auto *shared = [] {
    DialectRegistry registry;
    jepa::registerAllDialects(registry);
    auto *made = new MLIRContext(registry, MLIRContext::Threading::DISABLED);
    made->loadAllAvailableDialects();
    return made;
  }();
  return *shared;
}

/// Function `name` of a file as the `jepa_run` of a module of its own, with its gradients as outputs `grad.NAME`.
OwningOpRef<ModuleOp> differentiated(const std::string &file, StringRef name) {
  OwningOpRef<ModuleOp> all = parseSourceFile<ModuleOp>(file, &context());
  auto found = all ? all->lookupSymbol<func::FuncOp>(name) : func::FuncOp();
  if (!found)
    return nullptr;
  OwningOpRef<ModuleOp> module = ModuleOp::create(found.getLoc());
  func::FuncOp function = found.clone();
  module->push_back(function);
  function.setName(jepa::entryName);
  for (unsigned index = 0; index < function.getNumArguments(); ++index)
    function.setArgAttr(index, jepa::inputNameAttr, StringAttr::get(&context(), "argument" + Twine(index)));
  PassManager manager(&context());
  manager.addNestedPass<func::FuncOp>(jepa::createDifferentiate());
  if (failed(manager.run(*module)))
    return nullptr;
  for (auto gradient : llvm::to_vector(function.getOps<jepa::GradientOp>())) {
    OpBuilder builder(gradient);
    jepa::TapOp::create(builder, gradient.getLoc(), gradient.getGradient(),
                        builder.getStringAttr("grad." + gradient.getName()));
    gradient.erase();
  }
  return module;
}

class Inputs {
public:
  explicit Inputs(const std::string &seed) {
    std::seed_seq sequence(seed.begin(), seed.end());
    engine.seed(sequence);
  }

  /// Uniform in [-1.5, 1.5).
  void fillReals(double *values, int64_t count) {
    for (int64_t index = 0; index < count; ++index)
      values[index] = (static_cast<double>(engine() >> 11) * 0x1p-53 - 0.5) * 3;
  }

  /// Strictly increasing numbers below `tokens` in each row.
  void fillMask(int32_t *indices, int64_t rows, int64_t columns, int64_t tokens) {
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t token = 0, taken = 0; token < tokens; ++token)
        if (static_cast<int64_t>(engine() % (tokens - token)) < columns - taken)
          indices[row * columns + taken++] = static_cast<int32_t>(token);
  }

private:
  std::mt19937_64 engine;
};

class Gradient : public ::testing::TestWithParam<Named> {};

} // namespace

TEST_P(Gradient, EqualsDifferencesOfTheLoss) {
  OwningOpRef<ModuleOp> module = differentiated(GetParam().file, GetParam().function);
  ASSERT_TRUE(module);
  auto function = module->lookupSymbol<func::FuncOp>(jepa::entryName);
  CompiledFunction code(*module, "reference");

  Inputs inputs(GetParam().function);
  for (const auto &[name, place] : code.places())
    if (place.kind == "parameter")
      inputs.fillReals(code.data<double>(name), place.elements);
  for (unsigned index = 0; index < function.getNumArguments(); ++index) {
    std::string name = "argument" + std::to_string(index);
    if (!code.places().count(name))
      continue;
    const CompiledFunction::Place &place = code.places().at(name);
    if (auto tokens = function.getArgAttrOfType<IntegerAttr>(index, jepa::maskTokensAttr))
      inputs.fillMask(code.data<int32_t>(name), place.shape[0], place.shape[1], tokens.getInt());
    else if (auto value = function.getArgAttrOfType<IntegerAttr>(index, "test.value"))
      *code.data<int32_t>(name) = static_cast<int32_t>(value.getInt());
    else if (auto values = function.getArgAttrOfType<DenseI32ArrayAttr>(index, "test.values"))
      llvm::copy(values.asArrayRef(), code.data<int32_t>(name));
    else
      inputs.fillReals(code.data<double>(name), place.elements);
  }

  code.run();
  double first = *code.data<double>("loss");
  ASSERT_TRUE(std::isfinite(first));
  std::map<std::string, std::vector<double>> gradients;
  for (const auto &[name, place] : code.places())
    if (place.kind == "output" && name != "loss")
      gradients[name].assign(code.data<double>(name), code.data<double>(name) + place.elements);
  ASSERT_FALSE(gradients.empty());
  // The arena's temporaries are reused: a second run must not see them.
  code.run();
  EXPECT_EQ(*code.data<double>("loss"), first);

  for (const auto &[name, gradient] : gradients) {
    double *parameter = code.data<double>(name.substr(std::string("grad.").size()));
    double largest = 0, worst = 0;
    for (std::size_t index = 0; index < gradient.size(); ++index) {
      double value = parameter[index];
      auto lossAt = [&](double offset) {
        parameter[index] = value + offset;
        code.run();
        return *code.data<double>("loss");
      };
      double near = lossAt(step) - lossAt(-step), far = lossAt(2 * step) - lossAt(-2 * step);
      parameter[index] = value;
      double difference = (8 * near - far) / (12 * step);
      largest = std::max(largest, std::abs(difference));
      double error = std::abs(difference - gradient[index]);
      // A NaN is never below anything.
      worst = error <= worst ? worst : error;
    }
    EXPECT_GT(largest, 0) << name;
    EXPECT_LE(worst, tolerance * largest) << name << " is wrong by " << worst / largest;
  }
}

INSTANTIATE_TEST_SUITE_P(Functions, Gradient, ::testing::ValuesIn(functions()),
                         [](const auto &info) { return info.param.function; });

/// Each op with an adjoint is in one of the functions, and each of its optional operands in one of them.
TEST(GradientCoverage, EveryDifferentiableOpIsTried) {
  llvm::StringMap<std::vector<bool>> seen;
  for (const auto &file : functionFiles()) {
    OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(file.string(), &context());
    ASSERT_TRUE(module) << file;
    module->walk([&](Operation *op) {
      std::vector<bool> &groups = seen[op->getName().getStringRef()];
      auto sizes = dyn_cast_or_null<DenseI32ArrayAttr>(op->getPropertiesAsAttribute()
                                                           ? cast<DictionaryAttr>(op->getPropertiesAsAttribute())
                                                                 .get("operandSegmentSizes")
                                                           : Attribute());
      if (!sizes)
        return;
      groups.resize(sizes.size());
      for (auto [index, size] : llvm::enumerate(sizes.asArrayRef()))
        groups[index] = groups[index] || size > 0;
    });
  }
  int differentiable = 0;
  for (RegisteredOperationName op : context().getRegisteredOperationsByDialect("jepa")) {
    if (!op.hasInterface<jepa::DifferentiableOpInterface>())
      continue;
    ++differentiable;
    auto found = seen.find(op.getStringRef());
    if (found == seen.end()) {
      ADD_FAILURE() << op.getStringRef().str() << " has an adjoint but no function tries it";
      continue;
    }
    for (auto [index, wasThere] : llvm::enumerate(found->second))
      EXPECT_TRUE(wasThere) << op.getStringRef().str() << ": no function gives its operand group " << index;
  }
  EXPECT_GT(differentiable, 10);
}
