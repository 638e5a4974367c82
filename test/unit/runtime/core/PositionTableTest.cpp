//===- PositionTableTest.cpp - position codes against the vectors ---------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/core/PositionTable.h"
#include "runtime/core/Error.h"
#include "runtime/io/Safetensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

using namespace jepa::rt;

namespace {

class PositionVectors : public testing::Test {
protected:
  void SetUp() override {
    if (!std::filesystem::exists(file))
      GTEST_SKIP() << "no " << file;
  }

  static void expectEqual(const std::vector<double> &table, const char *name) {
    SafetensorsReader reader(file);
    const TensorInfo &info = reader.at(name);
    ASSERT_EQ(static_cast<std::size_t>(info.elements), table.size());
    std::vector<float> expected(table.size());
    reader.read(info, DType::F32, expected.data());
    for (std::size_t i = 0; i < table.size(); ++i)
      ASSERT_NEAR(table[i], expected[i], 1e-6) << name << " at " << i;
  }

  inline static const std::string file =
      JEPAC_SHARED_DIR "/vectors/position-embeddings.safetensors";
};

TEST_F(PositionVectors, OneDimension) { expectEqual(sineCosine1d(64, 48), "pos1d.p48_64"); }

TEST_F(PositionVectors, TwoDimensions) { expectEqual(sineCosine2d(14, 14, 192), "pos2d.p192_14"); }

TEST_F(PositionVectors, ThreeDimensions) {
  expectEqual(sineCosine3d({8, 14, 14}, 384, true), "pos3d.p384_14x8_uniform");
  expectEqual(sineCosine3d({4, 4, 4}, 48, true), "pos3d.p48_4x4_uniform");
  expectEqual(sineCosine3d({8, 14, 14}, 192, false), "pos3d.p192_14x8_plain");
}

TEST_F(PositionVectors, Interpolated) {
  Buffer buffer;
  buffer.grid = {4, 6, 6};
  buffer.trainedGrid = Grid{4, 4, 4};
  buffer.width = 48;
  buffer.uniform = true;
  expectEqual(positionTable(buffer), "pos3d.interpolated_48_from_4x4x4_to_4x6x6");
}

TEST(PositionTable, CutsUniformWidthsThatThreeDoesNotDivide) {
  // 342 columns for each of depth, row and column, cut to 1024: the last two
  // cosines of the column are lost.
  std::vector<double> table = sineCosine3d({1, 1, 3}, 1024, true);
  std::vector<double> column = sineCosine1d(3, 342);
  for (std::size_t i = 0; i < 340; ++i)
    EXPECT_EQ(table[2 * 1024 + 684 + i], column[2 * 342 + i]);
}

TEST(PositionTable, ImageModePutsTheRowFirst) {
  Buffer buffer;
  buffer.grid = {1, 2, 3};
  buffer.image = true;
  buffer.width = 8;
  EXPECT_EQ(positionTable(buffer), sineCosine2d(2, 3, 8));
  EXPECT_DOUBLE_EQ(sineCosine2d(2, 3, 8)[3 * 8], std::sin(1.0));
}

TEST(PositionTable, KeepsATableThatIsNotResized) {
  std::vector<double> table = sineCosine3d({2, 3, 4}, 12, true);
  EXPECT_EQ(interpolate(table, {2, 3, 4}, {2, 3, 4}, 12), table);
}

TEST(PositionTable, RefusesWidthsThatCannotBeDivided) {
  EXPECT_THROW(sineCosine1d(4, 7), Error);
  EXPECT_THROW(sineCosine2d(4, 4, 6), Error);
  EXPECT_THROW(sineCosine3d({2, 2, 2}, 12, false), Error);
}

} // namespace
