//===- ModelTest.cpp - the registered models become training steps --------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/dialect/Dialect.h"
#include "compiler/frontend/Import.h"
#include "jepa/model.h"
#include "passes/Differentiate/Differentiate.h"
#include "passes/InsertOptimizer/InsertOptimizer.h"

#include "mlir/Pass/PassManager.h"

#include "gtest/gtest.h"

using namespace mlir;

namespace {

class ModelTest : public ::testing::Test {
protected:
  OwningOpRef<ModuleOp> import(const std::string &preset, jepa::Task task, jepa::ImportOptions options = {},
                               const std::vector<std::pair<std::string, std::string>> &settings = {}) {
    jepa::Choice choice = jepa::findPreset(preset);
    for (const auto &[key, value] : settings)
      choice.config.set(key, value);
    // A binary's masks are the driver's to size; any that fit will do here.
    for (const char *key : {"context_tokens", "target_tokens"})
      if (!choice.config.has(key))
        choice.config.set(key, "8,4");
    auto module = jepa::importGraph(context, choice.model->trace(choice.config, task), options);
    EXPECT_TRUE(succeeded(module)) << preset;
    return succeeded(module) ? std::move(*module) : nullptr;
  }

  /// The training step of the module's function.
  bool makeStep(ModuleOp module, bool keepGradients) {
    PassManager passes(&context);
    passes.addNestedPass<func::FuncOp>(jepa::createDifferentiate());
    passes.addNestedPass<func::FuncOp>(jepa::createInsertOptimizer({.keepGradients = keepGradients}));
    return succeeded(passes.run(module));
  }

  template <typename Op> static size_t count(ModuleOp module) {
    size_t found = 0;
    module.walk([&](Op) { ++found; });
    return found;
  }

  /// The number of names among the parameters for which `wanted` holds.
  template <typename Predicate> static size_t countParameters(ModuleOp module, Predicate wanted) {
    llvm::DenseSet<StringAttr> names;
    module.walk([&](jepa::ParameterOp parameter) {
      if (wanted(parameter))
        names.insert(parameter.getNameAttr());
    });
    return names.size();
  }

  MLIRContext context;
};

} // namespace

TEST_F(ModelTest, EveryPresetTrainsEveryParameter) {
  for (const jepa::Model &model : jepa::models())
    for (const jepa::Preset &preset : model.presets) {
      auto module = import(preset.name, jepa::Task::Train, {.keepTaps = true});
      ASSERT_TRUE(module);
      ASSERT_TRUE(makeStep(*module, /*keepGradients=*/false)) << preset.name;
      auto trainable = [](jepa::ParameterOp parameter) { return parameter.getTrainable(); };
      auto teacher = [](jepa::ParameterOp parameter) { return parameter.getEmaOf().has_value(); };
      EXPECT_EQ(count<jepa::AdamWOp>(*module), countParameters(*module, trainable)) << preset.name;
      size_t moved = count<jepa::EmaOp>(*module);
      module->walk([&](jepa::AdamWOp step) { moved += step.getTeacher().has_value(); });
      EXPECT_EQ(moved, countParameters(*module, teacher)) << preset.name;
      EXPECT_EQ(count<jepa::SquaredNormOp>(*module), 2u) << preset.name;
      EXPECT_EQ(count<jepa::GradientOp>(*module), 0u) << preset.name;
    }
}

TEST_F(ModelTest, EveryPresetEmbeds) {
  for (const jepa::Model &model : jepa::models())
    for (const jepa::Preset &preset : model.presets) {
      auto module = import(preset.name, jepa::Task::Embed);
      ASSERT_TRUE(module);
      auto function = module->lookupSymbol<func::FuncOp>(jepa::entryName);
      ASSERT_TRUE(function);
      EXPECT_EQ(function.getNumResults(), 1u) << preset.name;
    }
}

TEST_F(ModelTest, TheRegulariserIsDifferentiable) {
  auto module = import("vjepa-tiny", jepa::Task::Train, {.elementType = jepa::RealType::F64}, {{"reg_coeff", "0.5"}});
  ASSERT_TRUE(module);
  ASSERT_TRUE(makeStep(*module, /*keepGradients=*/true));
  EXPECT_GE(count<jepa::TokenStdGradOp>(*module), 1u);
  // One tap per gradient and one per module's norm.
  EXPECT_EQ(count<jepa::TapOp>(*module), count<jepa::AdamWOp>(*module) + 2);
}

TEST_F(ModelTest, TheTeacherGetsNoAdjoint) {
  auto module = import("vjepa-tiny", jepa::Task::Train);
  ASSERT_TRUE(module);
  ASSERT_TRUE(makeStep(*module, /*keepGradients=*/false));
  size_t adjoints = 0;
  module->walk([&](Operation *op) {
    auto scope = op->getAttrOfType<StringAttr>(jepa::scopeAttr);
    if (!scope || !scope.getValue().ends_with("/adjoint"))
      return;
    ++adjoints;
    EXPECT_FALSE(scope.getValue().starts_with("target_encoder")) << scope.getValue().str();
    EXPECT_FALSE(op->use_empty()) << "a dead adjoint in " << scope.getValue().str();
  });
  EXPECT_GT(adjoints, 0u);
}
