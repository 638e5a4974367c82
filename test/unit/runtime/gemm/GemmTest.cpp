//===- GemmTest.cpp - products against loops, and on any number of threads ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/gemm/Gemm.h"
#include "runtime/core/Error.h"
#include "runtime/core/ThreadPool.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

using namespace jepa::rt;

namespace {

struct Case {
  std::int64_t m, n, k;
  bool transA = false, transB = false;
  bool accumulate = false, bias = false;
  std::int64_t gap = 0; ///< what row strides have beyond the row
};

jepac_gemm_desc describe(const Case &c) {
  jepac_gemm_desc d{};
  d.m = c.m, d.n = c.n, d.k = c.k;
  d.lda = (c.transA ? c.m : c.k) + c.gap;
  d.ldb = (c.transB ? c.k : c.n) + c.gap;
  d.ldc = c.n + c.gap;
  d.transA = c.transA, d.transB = c.transB, d.accumulate = c.accumulate;
  return d;
}

struct Operands {
  std::vector<float> a, b, c, bias;

  explicit Operands(const jepac_gemm_desc &d) {
    std::mt19937 random(static_cast<unsigned>(d.m * 7 + d.n * 3 + d.k));
    std::uniform_real_distribution<float> uniform(-1, 1);
    auto fill = [&](std::vector<float> &values, std::int64_t count) {
      values.resize(static_cast<std::size_t>(count));
      for (float &value : values)
        value = uniform(random);
    };
    fill(a, (d.transA ? d.k : d.m) * d.lda);
    fill(b, (d.transB ? d.n : d.k) * d.ldb);
    fill(c, d.m * d.ldc);
    fill(bias, d.n);
  }
};

/// C after a run on that many threads. Scratch is exactly as large as asked
/// for, at an odd address, and is full of NaNs before.
std::vector<float> run(const jepac_gemm_desc &d, const Operands &in, bool bias, int threads) {
  ThreadPool::get().setThreads(threads);
  auto bytes = static_cast<std::size_t>(gemmScratchBytes(d, threads));
  std::vector<char> scratch(bytes + 4);
  std::memset(scratch.data(), 0xff, scratch.size());
  std::vector<float> c = in.c;
  jepac_gemm_f32(&d, c.data(), in.a.data(), in.b.data(), bias ? in.bias.data() : nullptr,
                 scratch.data() + 4);
  return c;
}

void expectRight(const Case &shape) {
  jepac_gemm_desc d = describe(shape);
  Operands in(d);
  std::vector<float> one = run(d, in, shape.bias, 1);
  auto at = [](std::int64_t i) { return static_cast<std::size_t>(i); };
  for (std::int64_t i = 0; i < d.m; ++i) {
    for (std::int64_t j = 0; j < d.n; ++j) {
      double sum = shape.bias ? in.bias[at(j)] : 0.0, size = 1;
      if (d.accumulate)
        sum += in.c[at(i * d.ldc + j)];
      for (std::int64_t p = 0; p < d.k; ++p) {
        double term = double(in.a[at(d.transA ? p * d.lda + i : i * d.lda + p)]) *
                      in.b[at(d.transB ? j * d.ldb + p : p * d.ldb + j)];
        sum += term;
        size += std::abs(term);
      }
      ASSERT_NEAR(one[at(i * d.ldc + j)], sum, 1e-6 * size) << "row " << i << " column " << j;
    }
    for (std::int64_t j = d.n; j < d.ldc; ++j)
      ASSERT_EQ(one[at(i * d.ldc + j)], in.c[at(i * d.ldc + j)]) << "the gap was written";
  }
  for (int threads : {2, 3, 5}) {
    std::vector<float> many = run(d, in, shape.bias, threads);
    ASSERT_EQ(std::memcmp(one.data(), many.data(), one.size() * sizeof(float)), 0)
        << threads << " threads";
  }
}

class Gemm : public testing::TestWithParam<Case> {
protected:
  void SetUp() override {
    try {
      requireOneDnn();
    } catch (const Error &error) {
      GTEST_SKIP() << error.what();
    }
  }
  void TearDown() override { ThreadPool::get().setThreads(0); }
};

TEST_P(Gemm, IsRightAndTheSameOnAnyThreads) {
  Case shape = GetParam();
  for (bool transA : {false, true})
    for (bool transB : {false, true})
      for (bool accumulate : {false, true})
        for (bool bias : {false, true}) {
          SCOPED_TRACE(testing::Message() << "transA " << transA << " transB " << transB
                                          << " accumulate " << accumulate << " bias " << bias);
          shape.transA = transA, shape.transB = transB;
          shape.accumulate = accumulate, shape.bias = bias;
          expectRight(shape);
        }
}

std::string nameOf(const testing::TestParamInfo<Case> &info) {
  const Case &c = info.param;
  return std::to_string(c.m) + "x" + std::to_string(c.n) + "x" + std::to_string(c.k) +
         (c.gap ? "gap" + std::to_string(c.gap) : "");
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, Gemm,
    testing::Values(Case{1, 1, 1}, Case{1, 1000, 77}, Case{1, 3, 5000}, Case{7, 5, 5000},
                    Case{48, 48, 3000}, Case{144, 48, 2048}, Case{33, 17, 1113}, Case{130, 96, 363},
                    Case{200, 300, 129}, Case{363, 144, 48}, Case{257, 640, 513},
                    Case{70, 1030, 520}, Case{31, 2, 4}, Case{2, 31, 9},
                    Case{200, 300, 129, false, false, false, false, 5},
                    Case{70, 520, 520, false, false, false, false, 3}, Case{96, 24, 100},
                    Case{300, 80, 80}, Case{129, 1152, 384}),
    nameOf);

TEST(GemmLibrary, RefusesImpossibleShapes) {
  try {
    requireOneDnn();
  } catch (const Error &error) {
    GTEST_SKIP() << error.what();
  }
  jepac_gemm_desc d = describe({4, 4, 4, false, false});
  EXPECT_GT(jepac_gemm_scratch_bytes(&d, 1), 0);
  EXPECT_GE(jepac_gemm_scratch_bytes(&d, 64), jepac_gemm_scratch_bytes(&d, 1));
  for (std::int64_t jepac_gemm_desc::*member :
       {&jepac_gemm_desc::m, &jepac_gemm_desc::n, &jepac_gemm_desc::k, &jepac_gemm_desc::lda,
        &jepac_gemm_desc::ldb, &jepac_gemm_desc::ldc}) {
    jepac_gemm_desc broken = d;
    broken.*member = 0;
    EXPECT_THROW(gemmScratchBytes(broken, 1), Error);
    EXPECT_EQ(jepac_gemm_scratch_bytes(&broken, 1), -1);
  }
}

TEST(GemmLibrary, TilesDoNotDependOnThreads) {
  jepac_gemm_desc d = describe({1568, 3072, 1024, false, true});
  ThreadPool::get().setThreads(1);
  GemmTiling one = gemmTiling(d);
  ThreadPool::get().setThreads(3);
  GemmTiling three = gemmTiling(d);
  ThreadPool::get().setThreads(0);
  EXPECT_EQ(one.rows, three.rows);
  EXPECT_EQ(one.columns, three.columns);
}

TEST(GemmLibrary, LoopsAgree) {
  jepac_gemm_desc d = describe({19, 23, 31, true, true, true, true, 2});
  Operands in(d);
  std::vector<float> loops = in.c;
  gemmByLoops(d, loops.data(), in.a.data(), in.b.data(), in.bias.data());
  std::vector<float> library = loops;
  try {
    library = run(d, in, true, 2);
  } catch (const Error &error) {
    GTEST_SKIP() << error.what();
  }
  for (std::size_t i = 0; i < loops.size(); ++i)
    EXPECT_NEAR(loops[i], library[i], 1e-5);
  ThreadPool::get().setThreads(0);
}

TEST(GemmLibrary, ServesSeveralCallersAtOnce) {
  jepac_gemm_desc d = describe({65, 130, 70, false, true});
  Operands in(d);
  std::vector<float> expected(in.c);
  gemmByLoops(d, expected.data(), in.a.data(), in.b.data(), nullptr);
  try {
    requireOneDnn();
  } catch (const Error &error) {
    GTEST_SKIP() << error.what();
  }
  auto work = [&] {
    std::vector<char> scratch(
        static_cast<std::size_t>(gemmScratchBytes(d, ThreadPool::get().threads())));
    for (int round = 0; round < 20; ++round) {
      std::vector<float> c(in.c);
      jepac_gemm_f32(&d, c.data(), in.a.data(), in.b.data(), nullptr, scratch.data());
      for (std::size_t i = 0; i < c.size(); ++i)
        ASSERT_NEAR(c[i], expected[i], 1e-4);
    }
  };
  std::thread other(work);
  work();
  other.join();
}

} // namespace
