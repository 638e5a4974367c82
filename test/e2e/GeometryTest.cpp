//===- GeometryTest.cpp - other sizes: cpu and cuda in f32 against loops in f64===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The reference target in f64 is what cpu is compared with; that it is right is
// the concern of VectorsTest and of the differences of compiler-gradients.
//
//===----------------------------------------------------------------------===//
#include "Binary.h"

#include <gtest/gtest.h>

using namespace jepa::rt;
using namespace jepa::rt::test;

namespace {

struct Geometry {
  const char *name;
  /// key=value, ...
  const char *settings;
  friend std::ostream &operator<<(std::ostream &os, const Geometry &geometry) {
    return os << geometry.settings;
  }
};

// Each row has sizes that the others have not: no two need be tried together.
const Geometry geometries[] = {
    // Context and targets are all tokens; heads of 24 and of 8.
    {"Image", "crop=48 frames=1 batch=3 embed_dim=120 heads=5 depth=1 predictor_embed_dim=40 "
              "predictor_depth=1 context_tokens=4 target_tokens=5"},
    // Heads of 64; one clip; the loss is squared.
    {"TwoFrames", "crop=80 frames=2 batch=1 embed_dim=128 heads=2 depth=2 predictor_embed_dim=48 "
                  "predictor_depth=1 context_tokens=10 target_tokens=12 loss_exp=2 reg_coeff=0.1"},
    // Heads of 80; patches of one frame; an unequal split of the position code.
    {"SingleFramePatches",
     "crop=96 frames=4 tubelet=1 batch=2 embed_dim=160 heads=2 depth=1 predictor_embed_dim=48 "
     "predictor_depth=2 context_tokens=30,50 target_tokens=40,94 loss_exp=1.5 "
     "uniform_power=False"},
    // Three groups; small patches; a narrow inner layer.
    {"ThreeGroups",
     "crop=48 frames=6 patch=8 batch=2 embed_dim=72 heads=3 depth=2 predictor_embed_dim=36 "
     "predictor_depth=2 context_tokens=20,31,7 target_tokens=33,50,101 mlp_ratio=3 "
     "reg_coeff=0.5"},
    // One token predicts all the others, in a deep model.
    {"OneContextToken", "crop=32 frames=16 batch=2 embed_dim=48 heads=1 depth=3 "
                        "predictor_embed_dim=24 predictor_depth=3 context_tokens=1,20 "
                        "target_tokens=31,1"},
    // Heads of 22 and of 88, which no vector register divides.
    {"OddHeads", "crop=64 frames=2 tubelet=1 batch=3 embed_dim=176 heads=2 depth=1 "
                 "predictor_heads=3 predictor_embed_dim=66 predictor_depth=1 context_tokens=17 "
                 "target_tokens=13 in_chans=1"},
};

class Geometries : public ::testing::TestWithParam<Geometry> {
protected:
  std::string arguments() const {
    std::string text = "vjepa --taps --set lr=0.001", settings = GetParam().settings;
    for (std::size_t begin = 0; begin < settings.size();) {
      std::size_t end = std::min(settings.find(' ', begin), settings.size());
      text += " --set " + settings.substr(begin, end - begin);
      begin = end + 1;
    }
    return text;
  }
};

} // namespace

// In the suite of e2e.cuda: kernels run thread by thread there.
class CudaGeometries : public Geometries {};

TEST_P(CudaGeometries, CudaAgreesWithReference) {
  Binary cuda(arguments() + " --target cuda"), reference(arguments() + " --target reference --dtype f64");
  std::string inputs = writeInputs(reference.plan(), 1);
  expectClose(cuda.replay(inputs, 2), reference.replay(inputs, 2), {});
}

TEST_P(Geometries, CpuAgreesWithReference) {
  Binary cpu(arguments() + " --target cpu"),
      reference(arguments() + " --target reference --dtype f64");
  std::string inputs = writeInputs(reference.plan(), 1);
  expectClose(cpu.replay(inputs, 3), reference.replay(inputs, 3), {});
}

INSTANTIATE_TEST_SUITE_P(Sizes, Geometries, ::testing::ValuesIn(geometries),
                         [](const auto &info) { return info.param.name; });
INSTANTIATE_TEST_SUITE_P(Sizes, CudaGeometries, ::testing::ValuesIn(geometries),
                         [](const auto &info) { return info.param.name; });
