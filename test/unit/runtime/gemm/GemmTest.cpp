//===- GemmTest.cpp - products against loops, and on any number of threads ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/gemm/Gemm.h"
#include "runtime/core/BFloat16.h"
#include "runtime/core/Error.h"
#include "runtime/core/ThreadPool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <new>
#include <random>
#include <thread>
#include <utility>
#include <vector>

using namespace jepa::rt;

namespace {

struct Case {
  std::int64_t m, n, k;
  std::int64_t gap = 0; ///< what row strides have beyond the row
};

/// Element types, transpositions, and what else a product can have.
struct Kind {
  std::int32_t inputs = JEPAC_F32, result = JEPAC_F32;
  bool transA = false, transB = false, packed = false, bias = false, rounds = false;
};

jepac_gemm_desc describe(const Case &c, const Kind &kind = {}) {
  jepac_gemm_desc d{};
  d.m = c.m, d.n = c.n, d.k = c.k;
  d.lda = (kind.transA ? c.m : c.k) + c.gap;
  d.ldb = (kind.transB ? c.k : c.n) + c.gap;
  d.ldc = c.n + c.gap;
  d.transA = kind.transA, d.transB = kind.transB, d.packedB = kind.packed;
  d.inputs = kind.inputs, d.result = kind.result, d.roundsB = kind.rounds;
  return d;
}

/// At lines of the cache, as buffers of a program are.
template <class T> struct AtLines {
  using value_type = T;
  static constexpr std::align_val_t line{64};
  T *allocate(std::size_t size) { return static_cast<T *>(::operator new(size * sizeof(T), line)); }
  void deallocate(T *data, std::size_t) { ::operator delete(data, line); }
  bool operator==(const AtLines &) const = default;
};
using Bytes = std::vector<std::byte, AtLines<std::byte>>;

/// Elements of either type.
struct Matrix {
  std::int32_t type = JEPAC_F32;
  Bytes bytes;

  Matrix() = default;
  Matrix(std::int32_t type, std::int64_t count, std::mt19937 &random) : type(type) {
    std::uniform_real_distribution<float> uniform(-1, 1);
    bytes.resize(static_cast<std::size_t>(count) * (type == JEPAC_BF16 ? 2 : 4));
    for (std::int64_t i = 0; i < count; ++i)
      if (float value = uniform(random); type == JEPAC_BF16)
        reinterpret_cast<std::uint16_t *>(bytes.data())[i] = floatToBfloat(value);
      else
        reinterpret_cast<float *>(bytes.data())[i] = value;
  }
  std::vector<double> values() const {
    std::vector<double> result(bytes.size() / (type == JEPAC_BF16 ? 2 : 4));
    for (std::size_t i = 0; i < result.size(); ++i)
      result[i] = type == JEPAC_BF16
                      ? bfloatToFloat(reinterpret_cast<const std::uint16_t *>(bytes.data())[i])
                      : reinterpret_cast<const float *>(bytes.data())[i];
    return result;
  }
};

struct Operands {
  Matrix a, b, c, bias;

  explicit Operands(const jepac_gemm_desc &d) {
    std::mt19937 random(static_cast<unsigned>(d.m * 7 + d.n * 3 + d.k));
    a = Matrix(d.inputs, (d.transA ? d.k : d.m) * d.lda, random);
    b = Matrix(d.roundsB ? JEPAC_F32 : d.inputs, (d.transB ? d.n : d.k) * d.ldb, random);
    c = Matrix(d.result, d.m * d.ldc, random);
    bias = Matrix(JEPAC_F32, d.n, random);
  }
  const float *biasValues(bool has) const {
    return has ? reinterpret_cast<const float *>(bias.bytes.data()) : nullptr;
  }
};

/// C after a run on that many threads, in `place` where there is one. Scratch is exactly as large as asked
/// for, at an odd address, and is full of NaNs before.
Matrix run(const jepac_gemm_desc &d, const Operands &in, bool bias, int threads, Matrix *place = nullptr,
           jepac_kernel epilogue = nullptr, void *argument = nullptr) {
  ThreadPool::get().setThreads(threads);
  auto bytes = static_cast<std::size_t>(gemmScratchBytes(d, threads));
  std::vector<char> scratch(bytes + 4), packed;
  std::memset(scratch.data(), 0xff, scratch.size());
  const void *b = in.b.bytes.data();
  if (d.packedB) {
    packed.assign(static_cast<std::size_t>(jepac_gemm_packed_bytes(&d)) + 64, char(0xff));
    auto address = (reinterpret_cast<std::uintptr_t>(packed.data()) + 63) / 64 * 64;
    jepac_gemm_pack(&d, reinterpret_cast<void *>(address), b, scratch.data() + 4);
    b = reinterpret_cast<const void *>(address);
  }
  Matrix own = in.c, &c = place ? *place : own;
  jepac_gemm(&d, c.bytes.data(), in.a.bytes.data(), b, in.biasValues(bias), scratch.data() + 4,
             epilogue, &argument);
  return c;
}

void expectRight(const Case &shape, const Kind &kind) {
  jepac_gemm_desc d = describe(shape, kind);
  Operands in(d);
  Matrix first = run(d, in, kind.bias, 1);
  std::vector<double> a = in.a.values(), b = in.b.values(), before = in.c.values();
  if (d.roundsB)
    for (double &value : b)
      value = bfloatToFloat(floatToBfloat(static_cast<float>(value)));
  std::vector<double> bias = in.bias.values(), one = first.values();
  auto at = [](std::int64_t i) { return static_cast<std::size_t>(i); };
  double rounding = kind.result == JEPAC_BF16 ? 1.0 / 256 : 0;
  for (std::int64_t i = 0; i < d.m; ++i) {
    for (std::int64_t j = 0; j < d.n; ++j) {
      double sum = kind.bias ? bias[at(j)] : 0.0, size = 1;
      for (std::int64_t p = 0; p < d.k; ++p) {
        double term = a[at(d.transA ? p * d.lda + i : i * d.lda + p)] *
                      b[at(d.transB ? j * d.ldb + p : p * d.ldb + j)];
        sum += term;
        size += std::abs(term);
      }
      ASSERT_NEAR(one[at(i * d.ldc + j)], sum, 1e-6 * size + rounding * std::abs(sum))
          << "row " << i << " column " << j;
    }
    for (std::int64_t j = d.n; j < d.ldc; ++j)
      ASSERT_EQ(one[at(i * d.ldc + j)], before[at(i * d.ldc + j)]) << "the gap was written";
  }
  for (int threads : {2, 5})
    ASSERT_EQ(first.bytes, run(d, in, kind.bias, threads).bytes) << threads << " threads";
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
  constexpr std::pair<std::int32_t, std::int32_t> types[] = {
      {JEPAC_F32, JEPAC_F32}, {JEPAC_BF16, JEPAC_F32}, {JEPAC_BF16, JEPAC_BF16}};
  int turn = 0;
  for (auto [inputs, result] : types)
    for (bool transA : {false, true})
      for (bool transB : {false, true})
        for (bool packed : {false, true}) {
          Kind kind{inputs, result, transA, transB, packed, turn++ % 2 == 0};
          kind.rounds = inputs == JEPAC_BF16 && turn % 3 == 0;
          SCOPED_TRACE(testing::Message()
                       << "inputs " << inputs << " result " << result << " transA " << transA
                       << " transB " << transB << " packed " << packed << " bias " << kind.bias << " rounds " << kind.rounds);
          expectRight(GetParam(), kind);
        }
}

std::string nameOf(const testing::TestParamInfo<Case> &info) {
  const Case &c = info.param;
  return std::to_string(c.m) + "x" + std::to_string(c.n) + "x" + std::to_string(c.k) +
         (c.gap ? "gap" + std::to_string(c.gap) : "");
}

INSTANTIATE_TEST_SUITE_P(Shapes, Gemm,
                         testing::Values(Case{1, 1, 1}, Case{1, 1000, 77}, Case{1, 3, 5000},
                                         Case{7, 5, 5000}, Case{48, 48, 3000}, Case{144, 48, 2048},
                                         Case{33, 17, 1113}, Case{130, 96, 363},
                                         Case{200, 300, 129}, Case{363, 144, 48},
                                         Case{257, 640, 513}, Case{70, 1030, 520}, Case{31, 2, 4},
                                         Case{2, 31, 9}, Case{200, 300, 129, 5},
                                         Case{70, 520, 520, 3}, Case{96, 24, 100},
                                         Case{300, 80, 80}, Case{129, 1152, 384},
                                         Case{515, 528, 40, 16}, Case{520, 530, 40}),
                         nameOf);

/// An epilogue that looks at its part, counts it, and overwrites it.
struct Watched {
  const jepac_gemm_desc &d;
  Bytes &c;
  const std::vector<double> &expected; ///< C without an epilogue
  int threads;
  std::vector<std::atomic<int>> seen, running;
  std::atomic<int> wrong{0}, shared{0};

  std::int64_t across() const { return (d.n + d.epilogueColumns - 1) / d.epilogueColumns; }
  std::int64_t parts() const { return (d.m + d.epilogueRows - 1) / d.epilogueRows * across(); }
  Watched(const jepac_gemm_desc &d, Bytes &c, const std::vector<double> &expected, int threads)
      : d(d), c(c), expected(expected), threads(threads), seen(static_cast<std::size_t>(parts())),
        running(static_cast<std::size_t>(threads)) {}

  float exchange(std::int64_t index, float value) {
    auto *low = reinterpret_cast<std::uint16_t *>(c.data()) + index;
    auto *full = reinterpret_cast<float *>(c.data()) + index;
    float old = d.result == JEPAC_BF16 ? bfloatToFloat(*low) : *full;
    d.result == JEPAC_BF16 ? void(*low = floatToBfloat(value)) : void(*full = value);
    return old;
  }
  void look(std::int64_t part) {
    ++seen[static_cast<std::size_t>(part)];
    std::int64_t row = part / across() * d.epilogueRows, column = part % across() * d.epilogueColumns;
    for (std::int64_t i = row; i < std::min(row + d.epilogueRows, d.m); ++i)
      for (std::int64_t j = column; j < std::min(column + d.epilogueColumns, d.n); ++j)
        wrong += exchange(i * d.ldc + j, 2048) != expected[static_cast<std::size_t>(i * d.ldc + j)];
  }
  static void call(void *const *args, std::int64_t begin, std::int64_t end, std::int64_t thread) {
    auto &self = *static_cast<Watched *>(args[0]);
    self.shared += thread < 0 || thread >= self.threads || self.running[static_cast<std::size_t>(thread)]++ != 0;
    for (std::int64_t part = begin; part < end; ++part)
      self.look(part);
    --self.running[static_cast<std::size_t>(thread)];
  }
};

/// Every part once, when all of it is there, and nothing is written afterwards.
void expectEachPartOnce(const Case &shape, const Kind &kind, std::int64_t rows, std::int64_t columns, int threads) {
  SCOPED_TRACE(testing::Message() << "parts of " << rows << " x " << columns << " on " << threads << " threads");
  jepac_gemm_desc d = describe(shape, kind);
  Operands in(d);
  std::vector<double> expected = run(d, in, kind.bias, threads).values();
  d.epilogueRows = rows;
  d.epilogueColumns = columns;
  Matrix c = in.c;
  Watched watched(d, c.bytes, expected, threads);
  run(d, in, kind.bias, threads, &c, Watched::call, &watched);
  EXPECT_EQ(watched.wrong, 0) << "elements were not there, or not yet";
  EXPECT_EQ(watched.shared, 0) << "two parts had the same thread at once";
  for (const std::atomic<int> &count : watched.seen)
    ASSERT_EQ(count, 1);
  std::vector<double> after = c.values(), before = in.c.values();
  for (std::int64_t i = 0; i < d.m; ++i)
    for (std::int64_t j = 0; j < d.ldc; ++j) {
      auto at = static_cast<std::size_t>(i * d.ldc + j);
      ASSERT_EQ(after[at], j < d.n ? 2048 : before[at]) << "row " << i << " column " << j;
    }
}

TEST_P(Gemm, GivesItsEpilogueEachPartOnce) {
  Case shape = GetParam();
  constexpr std::pair<std::int32_t, std::int32_t> types[] = {
      {JEPAC_F32, JEPAC_F32}, {JEPAC_BF16, JEPAC_F32}, {JEPAC_BF16, JEPAC_BF16}};
  int turn = 0;
  for (auto [inputs, result] : types)
    for (auto [rows, columns] : {std::pair<std::int64_t, std::int64_t>{32, 256},
                                 {32, shape.n},
                                 {7, 5},
                                 {77, 64},
                                 {shape.m, shape.n}}) {
      Kind kind{inputs, result, turn % 2 == 1, turn % 3 == 1, turn % 4 == 1, turn % 5 == 1};
      for (int threads : {1, 2, 3})
        expectEachPartOnce(shape, kind, rows, std::min(columns, shape.n), threads);
      ++turn;
    }
}

TEST(GemmLibrary, RefusesImpossibleShapes) {
  try {
    requireOneDnn();
  } catch (const Error &error) {
    GTEST_SKIP() << error.what();
  }
  jepac_gemm_desc d = describe({4, 4, 4});
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
  jepac_gemm_desc d = describe({1568, 3072, 1024}, {.transB = true});
  ThreadPool::get().setThreads(1);
  GemmTiling one = gemmTiling(d);
  ThreadPool::get().setThreads(3);
  GemmTiling three = gemmTiling(d);
  ThreadPool::get().setThreads(0);
  EXPECT_EQ(one.rows, three.rows);
  EXPECT_EQ(one.columns, three.columns);
}

TEST(GemmLibrary, RefusesElementsThatThereIsNoProductOf) {
  try {
    requireOneDnn();
  } catch (const Error &error) {
    GTEST_SKIP() << error.what();
  }
  EXPECT_THROW(gemmScratchBytes(describe({4, 4, 4}, {JEPAC_F32, JEPAC_BF16}), 1), Error);
  EXPECT_THROW(gemmScratchBytes(describe({4, 4, 4}, {7, JEPAC_F32}), 1), Error);
}

TEST(GemmLibrary, LoopsAgree) {
  for (std::int32_t type : {JEPAC_F32, JEPAC_BF16}) {
    jepac_gemm_desc d = describe({19, 23, 31, 2}, {type, type, true, true});
    Operands in(d);
    Matrix loops = in.c, library;
    gemmByLoops(d, loops.bytes.data(), in.a.bytes.data(), in.b.bytes.data(), in.biasValues(true));
    try {
      library = run(d, in, true, 2);
    } catch (const Error &error) {
      GTEST_SKIP() << error.what();
    }
    std::vector<double> mine = loops.values(), theirs = library.values();
    for (std::size_t i = 0; i < mine.size(); ++i)
      EXPECT_NEAR(mine[i], theirs[i], type == JEPAC_BF16 ? 5e-2 : 1e-5);
  }
  ThreadPool::get().setThreads(0);
}

TEST(GemmLibrary, LoopsGiveTheirEpilogueEachPartOnce) {
  jepac_gemm_desc d = describe({19, 23, 31, 2});
  d.epilogueRows = 4, d.epilogueColumns = 6;
  Operands in(d);
  Matrix plain = in.c, c = in.c;
  gemmByLoops(d, plain.bytes.data(), in.a.bytes.data(), in.b.bytes.data(), nullptr);
  std::vector<double> expected = plain.values();
  ThreadPool::get().setThreads(2);
  Watched watched(d, c.bytes, expected, 2);
  void *args[] = {&watched};
  gemmByLoops(d, c.bytes.data(), in.a.bytes.data(), in.b.bytes.data(), nullptr, Watched::call, args);
  ThreadPool::get().setThreads(0);
  EXPECT_EQ(watched.wrong, 0);
  for (const std::atomic<int> &count : watched.seen)
    EXPECT_EQ(count, 1);
}

TEST(GemmLibrary, ServesSeveralCallersAtOnce) {
  jepac_gemm_desc d = describe({65, 130, 70}, {.transB = true});
  Operands in(d);
  Matrix expected = in.c;
  gemmByLoops(d, expected.bytes.data(), in.a.bytes.data(), in.b.bytes.data(), nullptr);
  try {
    requireOneDnn();
  } catch (const Error &error) {
    GTEST_SKIP() << error.what();
  }
  auto work = [&] {
    std::vector<char> scratch(
        static_cast<std::size_t>(gemmScratchBytes(d, ThreadPool::get().threads())));
    for (int round = 0; round < 20; ++round) {
      Matrix c = in.c;
      jepac_gemm(&d, c.bytes.data(), in.a.bytes.data(), in.b.bytes.data(), nullptr, scratch.data(), nullptr,
                 nullptr);
      std::vector<double> mine = c.values(), loops = expected.values();
      for (std::size_t i = 0; i < mine.size(); ++i)
        ASSERT_NEAR(mine[i], loops[i], 1e-4);
    }
  };
  std::thread other(work);
  work();
  other.join();
}

} // namespace
