//===- CpuAttentionTest.cpp - cpu attention against loops in double -------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "test/unit/compiler/KernelHarness.h"

#include "runtime/core/BFloat16.h"
#include "runtime/core/ThreadPool.h"

#include "llvm/Support/FormatVariadic.h"
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace jepa::test;

namespace {

struct Shape {
  int clips, heads, width, queries, keys;
  int visible = 0;                ///< keys that a mask shows, 0 for no mask
  std::vector<int> segments = {}; ///< of the visible keys, where lengths or bounds cut them
  std::vector<int> lengths = {};
  int maxThreads = 64;
  std::vector<int> querySequences = {}, keySequences = {};
  std::vector<int> querySegments = {};
  std::vector<std::vector<int>> queryBounds = {}, keyBounds = {}; ///< a list for each segment
};

struct Gradients {
  std::vector<double> output, logsumexp, dq, dk, dv;
};

} // namespace

/// The mask of a clip: strictly increasing, different for each.
static std::vector<int> maskOf(const Shape &s, int clip) {
  std::vector<int> mask;
  for (int i = 0; i < s.visible; ++i)
    mask.push_back(static_cast<int>((static_cast<long>(i) * s.keys + clip) / s.visible));
  return mask;
}

/// Which part of `sizes` holds `place`; 0 where there are none.
static int partOf(const std::vector<int> &sizes, int place) {
  int part = 0;
  for (; part + 1 < static_cast<int>(sizes.size()) && place >= sizes[part]; ++part)
    place -= sizes[part];
  return part;
}

/// The packed sample that holds a token, or -1 for padding; 0 where nothing is packed.
static int sampleOf(const std::vector<int> &segments, const std::vector<std::vector<int>> &bounds, int token) {
  if (bounds.empty())
    return 0;
  int segment = partOf(segments, token);
  int place = token - std::accumulate(segments.begin(), segments.begin() + segment, 0);
  const std::vector<int> &b = bounds[segment];
  int sample = static_cast<int>(std::upper_bound(b.begin(), b.end(), place) - b.begin()) - 1;
  return sample + 1 < static_cast<int>(b.size()) ? sample : -1;
}

/// The keys that a query sees; none for a query of padding.
static std::vector<int> visibleKeys(const Shape &s, int clip, int query) {
  int sample = sampleOf(s.querySegments, s.queryBounds, query);
  std::vector<int> listed(s.keys), keys;
  std::iota(listed.begin(), listed.end(), 0);
  if (s.visible)
    listed = maskOf(s, clip);
  for (int position = 0; position < static_cast<int>(listed.size()) && sample >= 0; ++position) {
    int segment = partOf(s.segments, position);
    int place = position - std::accumulate(s.segments.begin(), s.segments.begin() + segment, 0);
    if (partOf(s.querySequences, query) == partOf(s.keySequences, position) &&
        sample == sampleOf(s.segments, s.keyBounds, position) && (s.lengths.empty() || place < s.lengths[segment]))
      keys.push_back(listed[position]);
  }
  return keys;
}

/// The textbook, in double.
static Gradients attention(const Shape &s, const std::vector<float> &q, const std::vector<float> &k,
                           const std::vector<float> &v, const std::vector<float> &dout) {
  int D = s.heads * s.width;
  Gradients r;
  r.output.resize(q.size());
  r.dq.resize(q.size());
  r.dk.resize(k.size());
  r.dv.resize(k.size());
  double scale = 1 / std::sqrt(s.width);
  for (int b = 0; b < s.clips; ++b)
    for (int h = 0; h < s.heads; ++h)
      for (int i = 0; i < s.queries; ++i) {
        std::vector<int> keys = visibleKeys(s, b, i);
        auto at = [&](int rows, int row, int c) { return (static_cast<long>(b) * rows + row) * D + h * s.width + c; };
        std::vector<double> p;
        double sum = 0, delta = 0;
        for (int j : keys) {
          double score = 0;
          for (int c = 0; c < s.width; ++c)
            score += double(q[at(s.queries, i, c)]) * k[at(s.keys, j, c)];
          p.push_back(std::exp(score * scale));
          sum += p.back();
        }
        r.logsumexp.push_back(keys.empty() ? 0 : std::log(sum));
        for (std::size_t n = 0; n < keys.size(); ++n)
          for (int c = 0; c < s.width; ++c)
            r.output[at(s.queries, i, c)] += (p[n] / sum) * v[at(s.keys, keys[n], c)];
        for (int c = 0; c < s.width; ++c)
          delta += r.output[at(s.queries, i, c)] * dout[at(s.queries, i, c)];
        for (std::size_t n = 0; n < keys.size(); ++n) {
          double dp = 0;
          for (int c = 0; c < s.width; ++c) {
            dp += double(dout[at(s.queries, i, c)]) * v[at(s.keys, keys[n], c)];
            r.dv[at(s.keys, keys[n], c)] += p[n] / sum * dout[at(s.queries, i, c)];
          }
          double ds = p[n] / sum * (dp - delta) * scale;
          for (int c = 0; c < s.width; ++c) {
            r.dq[at(s.queries, i, c)] += ds * k[at(s.keys, keys[n], c)];
            r.dk[at(s.keys, keys[n], c)] += ds * q[at(s.queries, i, c)];
          }
        }
      }
  return r;
}

template <class... Args> static std::string text(const char *format, Args &&...args) {
  return llvm::formatv(format, std::forward<Args>(args)...).str();
}

static std::string program(const Shape &s, const char *element = "f32") {
  int D = s.heads * s.width;
  auto tensor = [&](int tokens) -> std::string {
    return text("tensor<{0}x{1}x{2}x{3}>", s.clips, tokens, D, element);
  };
  std::string Q = tensor(s.queries), K = tensor(s.keys);
  std::string L = text("tensor<{0}x{1}x{2}xf32>", s.clips, s.heads, s.queries);
  std::string arguments, extra, types, attributes = text("heads = {0}", s.heads);
  if (s.visible) {
    arguments += text(", %m: tensor<{0}x{1}xi32> {{jepa.name = \"m\"}", s.clips, s.visible);
    extra += " mask %m";
    types += text(", tensor<{0}x{1}xi32>", s.clips, s.visible);
  }
  auto operands = [&](const char *keyword, const char *prefix, std::size_t count, std::size_t size) {
    std::string names;
    for (std::size_t i = 0; i < count; ++i) {
      arguments += text(", %{0}{1}: tensor<{2}xi32> {{jepa.name = \"{0}{1}\"}", prefix, i, size);
      names += text("{0}%{1}{2}", i ? ", " : "", prefix, i);
      types += text(", tensor<{0}xi32>", size);
    }
    if (count)
      extra += text(" {0}({1})", keyword, names);
  };
  auto list = [&](const char *name, const std::vector<int> &sizes) {
    if (sizes.empty())
      return;
    attributes += text(", {0} = array<i64: ", name);
    for (std::size_t i = 0; i < sizes.size(); ++i)
      attributes += text("{0}{1}", i ? ", " : "", sizes[i]);
    attributes += ">";
  };
  operands("lengths", "l", s.lengths.size(), 1);
  std::size_t samples = s.keyBounds.empty() ? 0 : s.keyBounds[0].size();
  operands("query_bounds", "qb", s.queryBounds.size(), samples);
  operands("key_bounds", "kb", s.keyBounds.size(), samples);
  list("segments", s.segments);
  list("query_segments", s.querySegments);
  list("query_sequences", s.querySequences);
  list("key_sequences", s.keySequences);
  return text(R"(
func.func @jepa_run(%q: {0} {{jepa.name = "q"}, %k: {1} {{jepa.name = "k"}, %v: {1} {{jepa.name = "v"},
                    %d: {0} {{jepa.name = "d"}{3})
    -> ({0} {{jepa.name = "o"}, {2} {{jepa.name = "lse"}, {0} {{jepa.name = "dq"}, {1} {{jepa.name = "dk"},
        {1} {{jepa.name = "dv"}) {{
  %o, %l = jepa.attention %q, %k, %v{4} {{{5}} : ({0}, {1}, {1}{6}) -> ({0}, {2})
  %dq, %dk, %dv = jepa.attention_grad %d, %q, %k, %v, %o, %l{4} {{{5}}
    : ({0}, {0}, {1}, {1}, {0}, {2}{6}) -> ({0}, {1}, {1})
  return %o, %l, %dq, %dk, %dv : {0}, {2}, {0}, {1}, {1}
})", Q, K, L, arguments, extra, attributes, types);
}

/// Numbers, and masks, lengths and bounds where the shape has them.
static void fillInputs(const Program &cpu, const Shape &s) {
  unsigned seed = 1;
  for (const char *name : {"q", "k", "v", "d"})
    cpu.fill(name, seed++, 2.0f);
  for (int b = 0; s.visible && b < s.clips; ++b) {
    std::vector<int> mask = maskOf(s, b);
    std::copy(mask.begin(), mask.end(), cpu.data<int>("m") + b * s.visible);
  }
  for (std::size_t i = 0; i < s.lengths.size(); ++i)
    *cpu.data<int>("l" + std::to_string(i)) = s.lengths[i];
  for (auto [prefix, bounds] : {std::pair("qb", &s.queryBounds), std::pair("kb", &s.keyBounds)})
    for (std::size_t i = 0; i < bounds->size(); ++i)
      std::copy((*bounds)[i].begin(), (*bounds)[i].end(), cpu.data<int>(prefix + std::to_string(i)));
}

class CpuAttention : public testing::TestWithParam<Shape> {};

TEST_P(CpuAttention, AgreesWithLoopsInDouble) {
  const Shape &s = GetParam();
  Program cpu(program(s), "cpu", s.maxThreads);
  ASSERT_TRUE(cpu);
  fillInputs(cpu, s);
  Gradients want = attention(s, cpu.get("q"), cpu.get("k"), cpu.get("v"), cpu.get("d"));
  cpu.run();
  EXPECT_LT(relativeError(cpu.get("o"), want.output), 2e-6);
  EXPECT_LT(relativeError(cpu.get("lse"), want.logsumexp), 2e-6);
  EXPECT_LT(relativeError(cpu.get("dq"), want.dq), 1e-5);
  EXPECT_LT(relativeError(cpu.get("dk"), want.dk), 1e-5);
  EXPECT_LT(relativeError(cpu.get("dv"), want.dv), 1e-5);
}

/// With the best instructions that this processor has for bf16, and the second best: results and probabilities are
/// rounded to it, sums are not.
static void checkBf16(const Shape &s) {
  for (const char *features : {"native", "native,-amx-bf16"}) {
    Program cpu(program(s, "bf16"), "cpu", s.maxThreads, features);
    ASSERT_TRUE(cpu);
    fillInputs(cpu, s);
    Gradients want = attention(s, cpu.get("q"), cpu.get("k"), cpu.get("v"), cpu.get("d"));
    cpu.run();
    EXPECT_LT(relativeError(cpu.get("o"), want.output), 0x1p-7) << features;
    EXPECT_LT(relativeError(cpu.get("lse"), want.logsumexp), 3e-4) << features;
    // The sums of dO * O see the rounding of O.
    EXPECT_LT(relativeError(cpu.get("dq"), want.dq), 0x1p-6) << features;
    EXPECT_LT(relativeError(cpu.get("dk"), want.dk), 0x1p-6) << features;
    EXPECT_LT(relativeError(cpu.get("dv"), want.dv), 0x1p-7) << features;
  }
}

TEST_P(CpuAttention, AgreesInBf16) { checkBf16(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Shapes, CpuAttention, testing::Values(
    Shape{2, 3, 16, 64, 64},                                    // whole tiles
    Shape{1, 2, 64, 130, 130},                                  // several blocks of queries, ragged
    Shape{2, 1, 24, 5, 77},                                     // fewer queries than keys, a head of 24
    Shape{1, 2, 80, 19, 300},                                   // two blocks of keys
    Shape{1, 1, 88, 33, 33}, Shape{1, 3, 8, 9, 1}, Shape{1, 1, 13, 70, 40},
    Shape{2, 2, 32, 40, 40, 17},                                // a mask
    Shape{2, 2, 24, 24, 600, 290},                              // a mask over two blocks
    Shape{2, 2, 32, 48, 48, 0, {16, 32}, {5, 20}},              // run-time lengths
    Shape{1, 1, 32, 8, 400, 320, {300, 20}, {290, 1}},          // both
    Shape{2, 2, 40, 30, 30, 0, {}, {}, 2},                      // a head per task, scratch per thread
    Shape{2, 1, 16, 50, 70, 0, {}, {}, 64, {13, 37}, {30, 40}}, // sequences
    Shape{1, 2, 24, 9, 400, 370, {}, {}, 2, {1, 8}, {363, 7}},  // sequences of a mask
    Shape{2, 1, 32, 90, 90, 0, {20, 30, 40}, {7, 30, 11}, 64, {50, 40}, {50, 40}}, // of segments with lengths
    Shape{1, 2, 16, 80, 60, 0, {60}, {}, 64, {}, {}, {80}, {{0, 33, 34, 70}}, {{0, 7, 47, 60}}}, // packed samples
    Shape{1, 1, 24, 150, 140, 0, {70, 30, 40}, {}, 2, {110, 40}, {100, 40}, {70, 40, 40},
          {{0, 20, 61}, {0, 40, 40}, {0, 1, 39}}, {{0, 33, 70}, {0, 10, 25}, {0, 1, 2}}})); // in two sequences

class CpuAttentionSizes : public testing::TestWithParam<Shape> {};

TEST_P(CpuAttentionSizes, AgreesInBf16) { checkBf16(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Shapes, CpuAttentionSizes, testing::Values(
    Shape{1, 2, 24, 1, 1}, Shape{1, 2, 32, 7, 7}, Shape{2, 1, 64, 8, 8}, Shape{1, 1, 80, 94, 94},
    Shape{1, 1, 88, 363, 363}, Shape{1, 1, 32, 457, 457, 0, {}, {}, 2, {363, 94}, {363, 94}},
    Shape{1, 1, 128, 31, 33}, Shape{1, 1, 16, 33, 31}, Shape{1, 1, 48, 65, 129}, Shape{1, 1, 24, 1117, 1117},
    Shape{1, 1, 64, 97, 1568}, Shape{1, 1, 64, 1568, 97}));

/// A later key's score is far above all before it: what probabilities are relative to must follow.
TEST(CpuAttentionRange, FollowsAGrowingMaximum) {
  Shape s{1, 1, 32, 40, 700};
  for (const char *element : {"f32", "bf16"}) {
    Program cpu(program(s, element), "cpu");
    ASSERT_TRUE(cpu);
    for (const char *name : {"q", "k", "v", "d"})
      cpu.fill(name, 3, 1.0f);
    // Scores of up to 300, the largest ones last.
    std::vector<float> k = cpu.get("k");
    for (std::size_t i = 0; i < k.size(); ++i) {
      float grown = k[i] * (static_cast<float>(i) / static_cast<float>(k.size()) * 40);
      if (std::string(element) == "f32")
        cpu.data("k")[i] = grown;
      else
        cpu.data<jepa::rt::BFloat16>("k")[i] = jepa::rt::BFloat16(grown);
    }
    Gradients want = attention(s, cpu.get("q"), cpu.get("k"), cpu.get("v"), cpu.get("d"));
    cpu.run();
    double tolerance = std::string(element) == "f32" ? 1e-4 : 0x1p-5;
    EXPECT_LT(relativeError(cpu.get("o"), want.output), tolerance) << element;
    EXPECT_LT(relativeError(cpu.get("lse"), want.logsumexp), tolerance) << element;
    EXPECT_LT(relativeError(cpu.get("dv"), want.dv), tolerance) << element;
  }
}

/// Query, key and value as parts of one buffer, as a transformer's block has them.
static std::string programOfViews(int clips, int tokens, int width, int heads, const char *element = "f32") {
  std::string one = text("tensor<{0}x{1}x{2}x{3}>", clips, tokens, width, element);
  std::string three = text("tensor<{0}x{1}x{2}x{3}>", clips, tokens, 3 * width, element);
  std::string sums = text("tensor<{0}x{1}x{2}xf32>", clips, heads, tokens);
  return text(R"(
func.func @jepa_run(%x: {1} {{jepa.name = "x"}, %d: {0} {{jepa.name = "d"})
    -> ({0} {{jepa.name = "o"}, {1} {{jepa.name = "dx"}) {{
  %q, %k, %v = jepa.split_features %x : ({1}) -> ({0}, {0}, {0})
  %o, %l = jepa.attention %q, %k, %v {{heads = {3}} : ({0}, {0}, {0}) -> ({0}, {2})
  %dq, %dk, %dv = jepa.attention_grad %d, %q, %k, %v, %o, %l {{heads = {3}}
    : ({0}, {0}, {0}, {0}, {0}, {2}) -> ({0}, {0}, {0})
  %dx = jepa.concat_features %dq, %dk, %dv : ({0}, {0}, {0}) -> {1}
  return %o, %dx : {0}, {1}
})", one, three, sums, heads);
}

TEST(CpuAttentionViews, ReadPartsOfOneBuffer) {
  Shape s{2, 2, 24, 45, 45};
  int width = s.heads * s.width, rows = s.clips * s.queries;
  Program cpu(programOfViews(s.clips, s.queries, width, s.heads), "cpu");
  ASSERT_TRUE(cpu);
  cpu.fill("x", 1, 2.0f);
  cpu.fill("d", 2);
  std::vector<float> parts[3];
  for (int row = 0; row < rows; ++row)
    for (int part = 0; part < 3; ++part)
      for (int i = 0; i < width; ++i)
        parts[part].push_back(cpu.data("x")[(row * 3 + part) * width + i]);
  Gradients want = attention(s, parts[0], parts[1], parts[2], cpu.get("d"));
  std::vector<double> dx;
  for (int row = 0; row < rows; ++row)
    for (const auto *part : {&want.dq, &want.dk, &want.dv})
      dx.insert(dx.end(), part->begin() + row * width, part->begin() + (row + 1) * width);
  cpu.run();
  EXPECT_LT(relativeError(cpu.get("o"), want.output), 2e-6);
  EXPECT_LT(relativeError(cpu.get("dx"), dx), 1e-5);
}

TEST(CpuAttentionViews, ThreadsChangeNothing) {
  // With a maximum of 2 threads, heads are tasks with scratch per thread; with 64, blocks of queries are.
  for (auto [maxThreads, element] : {std::pair(2, "f32"), std::pair(64, "f32"), std::pair(2, "bf16"), std::pair(64, "bf16")}) {
    Program cpu(programOfViews(3, 150, 64, 2, element), "cpu", maxThreads);
    ASSERT_TRUE(cpu);
    cpu.fill("x", 1, 2.0f);
    cpu.fill("d", 2);
    std::vector<float> outputs[2];
    for (int threads : {1, 2}) {
      jepa::rt::ThreadPool::get().setThreads(threads);
      cpu.run();
      outputs[threads - 1] = cpu.get("dx");
    }
    EXPECT_EQ(outputs[0], outputs[1]);
  }
}
