//===- CpuKernelsTest.cpp - cpu kernels against loops in double -----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "runtime/core/BFloat16.h"
#include "test/unit/compiler/KernelHarness.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

using namespace jepa::test;

namespace {

struct Tensor {
  std::string name, shape; ///< "2x3xf32"; empty is a scalar
};

using Numbers = std::vector<double>;

} // namespace

static std::string typeOf(const Tensor &tensor) {
  bool typed = tensor.shape.ends_with("i32");
  return "tensor<" + (tensor.shape.empty() ? "f32" : typed ? tensor.shape : tensor.shape + "xf32") + ">";
}

/// A program of one op, `line` with `$` for its function type; inputs are %name, results %name too.
static std::string oneOp(const std::vector<Tensor> &inputs, const std::vector<Tensor> &results,
                         const std::string &line) {
  std::string arguments, operandTypes, resultTypes, named, values, types;
  for (const Tensor &input : inputs) {
    arguments += (arguments.empty() ? "" : ", ") + ("%" + input.name) + ": " + typeOf(input) + " {jepa.name = \"" +
                 input.name + "\"}";
    operandTypes += (operandTypes.empty() ? "" : ", ") + typeOf(input);
  }
  for (const Tensor &result : results) {
    std::string comma = types.empty() ? "" : ", ";
    named += comma + typeOf(result) + " {jepa.name = \"" + result.name + "\"}";
    values += comma + "%" + result.name;
    types += comma + typeOf(result);
  }
  std::string body = line;
  for (std::size_t at; (at = body.find('$')) != std::string::npos;)
    body.replace(at, 1, "(" + operandTypes + ") -> " + (results.size() == 1 ? types : "(" + types + ")"));
  return "func.func @jepa_run(" + arguments + ") -> (" + named + ") {\n" + body + "\nreturn " + values + " : " +
         types + "\n}\n";
}

static Program run(const std::vector<Tensor> &inputs, const std::vector<Tensor> &results, const std::string &line,
                   float scale = 2.0f, const std::function<void(Program &)> &prepare = {}) {
  Program program(oneOp(inputs, results, line), "cpu");
  if (!program)
    return program;
  unsigned seed = 7;
  for (const Tensor &input : inputs)
    if (!input.shape.ends_with("i32"))
      program.fill(input.name, seed++, scale);
  if (prepare)
    prepare(program);
  program.run();
  return program;
}

static Numbers toDouble(const std::vector<float> &values) { return {values.begin(), values.end()}; }

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

static const int widths[] = {5, 16, 24, 48, 64, 88, 101, 1024};

struct Normal {
  double mean = 0, rstd = 0;
  Normal(const float *x, int width) {
    double square = 0;
    for (int i = 0; i < width; ++i)
      mean += x[i] / double(width);
    for (int i = 0; i < width; ++i)
      square += (x[i] - mean) * (x[i] - mean) / width;
    rstd = 1 / std::sqrt(square + 1e-6);
  }
};

TEST(CpuKernels, LayerNorm) {
  for (int width : widths) {
    const int rows = 35;
    std::string w = std::to_string(width), shape = "5x7x" + w;
    Program cpu = run({{"x", shape}, {"w", w}, {"b", w}}, {{"y", shape}},
                      "%y = jepa.layer_norm %x weight %w bias %b {eps = 1.0e-06} : $");
    ASSERT_TRUE(cpu);
    Numbers want;
    for (int r = 0; r < rows; ++r) {
      const float *x = cpu.data("x") + r * width;
      Normal normal(x, width);
      for (int i = 0; i < width; ++i)
        want.push_back((x[i] - normal.mean) * normal.rstd * cpu.data("w")[i] + cpu.data("b")[i]);
    }
    EXPECT_LT(relativeError(cpu.get("y"), want), 2e-6) << width;
  }
}

TEST(CpuKernels, LayerNormGradients) {
  for (int width : widths) {
    const int rows = 70;
    std::string w = std::to_string(width), shape = "10x7x" + w;
    Program cpu = run({{"dy", shape}, {"x", shape}, {"w", w}}, {{"dx", shape}},
                      "%dx = jepa.layer_norm_grad %dy, %x weight %w {eps = 1.0e-06} : $");
    Program sums = run({{"dy", shape}, {"x", shape}}, {{"dw", w}, {"db", w}},
                       "%dw, %db = jepa.layer_norm_weight_grad %dy, %x {eps = 1.0e-06} : $");
    ASSERT_TRUE(cpu && sums);
    Numbers want, dw(width), db(width);
    for (int r = 0; r < rows; ++r) {
      const float *x = cpu.data("x") + r * width, *dy = cpu.data("dy") + r * width, *weight = cpu.data("w");
      Normal normal(x, width);
      double mean = 0, slope = 0;
      auto n = [&](int i) { return (x[i] - normal.mean) * normal.rstd; };
      for (int i = 0; i < width; ++i) {
        mean += double(dy[i]) * weight[i] / width;
        slope += double(dy[i]) * weight[i] * n(i) / width;
        dw[i] += dy[i] * n(i);
        db[i] += dy[i];
      }
      for (int i = 0; i < width; ++i)
        want.push_back(normal.rstd * (double(dy[i]) * weight[i] - mean - n(i) * slope));
    }
    EXPECT_LT(relativeError(cpu.get("dx"), want), 5e-6) << width;
    EXPECT_LT(relativeError(sums.get("dw"), dw), 5e-6) << width;
    EXPECT_LT(relativeError(sums.get("db"), db), 5e-6) << width;
  }
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

TEST(CpuKernels, Elementwise) {
  struct Case {
    const char *line;
    bool two;
    double (*function)(double, double);
  };
  auto cdf = +[](double x, double) { return x * 0.5 * (1 + std::erf(x * M_SQRT1_2)); };
  auto slope = +[](double dy, double x) {
    return dy * (0.5 * (1 + std::erf(x * M_SQRT1_2)) + x * std::exp(-x * x / 2) / std::sqrt(2 * M_PI));
  };
  Case cases[] = {{"%y = jepa.gelu %x : #", false, cdf},
                  {"%y = jepa.gelu_grad %x, %z : #", true, slope},
                  {"%y = jepa.relu %x : #", false, +[](double x, double) { return x > 0 ? x : 0; }},
                  {"%y = jepa.relu_grad %x, %z : #", true, +[](double dy, double x) { return x > 0 ? dy : 0; }},
                  {"%y = jepa.scale %x {factor = -3.0, offset = 0.5} : #", false,
                   +[](double x, double) { return -3 * x + 0.5; }},
                  {"%y = jepa.add %x, %z : $", true, +[](double x, double z) { return x + z; }}};
  for (const Case &test : cases)
    for (std::string shape : {"1x3", "3x7x48", "2x101x333"}) {
      std::string line = test.line;
      if (auto at = line.find('#'); at != std::string::npos)
        line.replace(at, 1, "tensor<" + shape + "xf32>");
      std::vector<Tensor> inputs{{"x", shape}};
      if (test.two)
        inputs.push_back({"z", shape});
      Program cpu = run(inputs, {{"y", shape}}, line, 5.0f);
      ASSERT_TRUE(cpu);
      Numbers want;
      for (std::int64_t i = 0; i < cpu.size("x"); ++i)
        want.push_back(test.function(cpu.data("x")[i], test.two ? cpu.data("z")[i] : 0));
      EXPECT_LT(relativeError(cpu.get("y"), want), 1e-6) << line;
    }
}

TEST(CpuKernels, AddRepeats) {
  const int B = 3, N = 5, D = 40;
  struct Case {
    std::string shape;
    int clip, token, feature; ///< steps in rhs, 0 where it repeats
  };
  for (const Case &test : {Case{"1x5x40", 0, D, 1}, Case{"1x1x40", 0, 0, 1}, Case{"3x1x40", D, 0, 1},
                           Case{"3x5x1", N, 1, 0}, Case{"1x1x1", 0, 0, 0}}) {
    Program cpu = run({{"x", "3x5x40"}, {"t", test.shape}}, {{"y", "3x5x40"}}, "%y = jepa.add %x, %t : $");
    ASSERT_TRUE(cpu);
    Numbers want;
    for (int b = 0; b < B; ++b)
      for (int n = 0; n < N; ++n)
        for (int i = 0; i < D; ++i)
          want.push_back(double(cpu.data("x")[(b * N + n) * D + i]) +
                         cpu.data("t")[b * test.clip + n * test.token + i * test.feature]);
    EXPECT_LT(relativeError(cpu.get("y"), want), 1e-6) << test.shape;
  }
}

//===----------------------------------------------------------------------===//
// Sums and losses
//===----------------------------------------------------------------------===//

TEST(CpuKernels, SumTo) {
  struct Case {
    std::string from, to;
    int outer, summed, inner;
  };
  for (const Case &test : {Case{"4x100x48", "48", 1, 400, 48}, Case{"3x7x101", "1x7x101", 1, 3, 707},
                           Case{"2x300x24", "2x1x24", 2, 300, 24}, Case{"3x50x33", "1x1x33", 1, 150, 33},
                           Case{"1x9000x16", "16", 1, 9000, 16}}) {
    Program cpu = run({{"x", test.from}}, {{"y", test.to}}, "%y = jepa.sum_to %x : $");
    ASSERT_TRUE(cpu);
    Numbers want(test.outer * test.inner);
    for (int o = 0; o < test.outer; ++o)
      for (int s = 0; s < test.summed; ++s)
        for (int i = 0; i < test.inner; ++i)
          want[o * test.inner + i] += cpu.data("x")[(o * test.summed + s) * test.inner + i];
    EXPECT_LT(relativeError(cpu.get("y"), want), 5e-6) << test.from;
  }
}

TEST(CpuKernels, SquaredNorm) {
  Program cpu = run({{"a", "7"}, {"b", "33x1000"}, {"c", "64"}}, {{"n", ""}}, "%n = jepa.squared_norm %a, %b, %c : $");
  ASSERT_TRUE(cpu);
  Numbers want(1);
  for (const char *name : {"a", "b", "c"})
    for (float x : cpu.get(name))
      want[0] += double(x) * x;
  EXPECT_LT(relativeError(cpu.get("n"), want), 1e-6);
}

/// A limit on the tokens that count: its operand, and for each of [clips, capacity] tokens the row of deviations that it is in, or -1.
struct Limit {
  std::string name, shape;
  std::vector<int> values;
  int clips, samples;
  std::vector<int> sampleOfToken;

  void add(std::vector<Tensor> &inputs) const {
    if (!name.empty())
      inputs.push_back({name, shape});
  }
  std::string text() const { return name.empty() ? "" : " " + name + " %" + name; }
  /// Fills the limit, and what does not count with what must not be touched.
  void prepare(Program &program, const std::vector<std::string> &tensors, int width) const {
    std::copy(values.begin(), values.end(), values.empty() ? nullptr : program.data<int>(name));
    for (const std::string &tensor : tensors)
      for (std::size_t token = 0; token < sampleOfToken.size(); ++token)
        if (sampleOfToken[token] < 0)
          std::fill_n(program.data(tensor) + token * width, width, std::numeric_limits<float>::quiet_NaN());
  }
  int tokensOf(int sample) const { return std::count(sampleOfToken.begin(), sampleOfToken.end(), sample); }
};

/// 2 clips of 45 tokens, whole and of 31; 90 places for samples of 40, 7 and 31 tokens.
static std::vector<Limit> limits() {
  Limit whole{"", "", {}, 2, 2, {}}, length{"length", "1xi32", {31}, 2, 2, {}};
  Limit bounds{"bounds", "4xi32", {0, 40, 47, 78}, 1, 3, {}};
  for (int token = 0; token < 90; ++token) {
    whole.sampleOfToken.push_back(token / 45);
    length.sampleOfToken.push_back(token % 45 < 31 ? token / 45 : -1);
    bounds.sampleOfToken.push_back(token < 40 ? 0 : token < 47 ? 1 : token < 78 ? 2 : -1);
  }
  return {whole, length, bounds};
}

TEST(CpuKernels, PowerLoss) {
  for (int width : {5, 24, 101, 1000})
    for (const Limit &limit : limits())
      for (int exponent : {1, 2}) {
        std::string shape = limit.clips == 2 ? "2x45x" : "1x90x", tail = limit.text();
        shape += std::to_string(width);
        tail += " {exponent = " + std::to_string(exponent) + ".0} : $";
        std::vector<Tensor> inputs{{"p", shape}, {"t", shape}};
        limit.add(inputs);
        auto prepare = [&](Program &program) {
          limit.prepare(program, {"p", "t"}, width);
          program.data("p")[0] = program.data("t")[0];
        };
        Program loss = run(inputs, {{"y", ""}}, "%y = jepa.power_loss %p, %t" + tail, 2.0f, prepare);
        inputs.insert(inputs.begin(), {"d", ""});
        Program gradient = run(inputs, {{"y", shape}}, "%y = jepa.power_loss_grad %d, %p, %t" + tail, 2.0f, prepare);
        ASSERT_TRUE(loss && gradient);
        double mean = 0;
        Numbers slopes;
        for (int i = 0; i < 90 * width; ++i) {
          int sample = limit.sampleOfToken[i / width];
          double count = sample < 0 ? 1 : double(limit.samples) * limit.tokensOf(sample) * width;
          if (sample >= 0)
            mean += std::pow(std::abs(double(loss.data("p")[i]) - loss.data("t")[i]), exponent) / exponent / count;
          double d = double(gradient.data("p")[i]) - gradient.data("t")[i];
          slopes.push_back(sample < 0 ? 0 : (exponent == 2 ? d : (d > 0) - (d < 0)) * *gradient.data("d") / count);
        }
        EXPECT_LT(relativeError(loss.get("y"), {mean}), 1e-6) << shape << limit.name;
        EXPECT_LT(relativeError(gradient.get("y"), slopes), 1e-6) << shape << limit.name;
      }
}

TEST(CpuKernels, TokenStd) {
  for (int width : {5, 24, 101, 1000})
    for (const Limit &limit : limits()) {
      std::string shape = limit.clips == 2 ? "2x45x" : "1x90x", rows = std::to_string(limit.samples) + "x";
      shape += std::to_string(width);
      rows += std::to_string(width);
      std::vector<Tensor> inputs{{"x", shape}};
      limit.add(inputs);
      auto prepare = [&](Program &program) { limit.prepare(program, {"x"}, width); };
      Program forward = run(inputs, {{"s", rows}}, "%s = jepa.token_std %x" + limit.text() + " {eps = 1.0e-04} : $",
                            2.0f, prepare);
      inputs.insert(inputs.begin(), {"ds", rows});
      inputs.insert(inputs.begin() + 2, {"s", rows});
      Program gradient = run(inputs, {{"dx", shape}}, "%dx = jepa.token_std_grad %ds, %x, %s" + limit.text() + " : $",
                             2.0f, prepare);
      ASSERT_TRUE(forward && gradient);
      auto statistics = [&](Program &program, int sample, int feature) {
        double mean = 0, square = 0, count = limit.tokensOf(sample);
        auto each = [&](auto body) {
          for (int token = 0; token < 90; ++token)
            if (limit.sampleOfToken[token] == sample)
              body(double(program.data("x")[token * width + feature]));
        };
        each([&](double x) { mean += x / count; });
        each([&](double x) { square += (x - mean) * (x - mean); });
        return std::pair(mean, std::sqrt(square / (count - 1) + 1e-4));
      };
      Numbers deviations, slopes;
      for (int i = 0; i < limit.samples * width; ++i)
        deviations.push_back(statistics(forward, i / width, i % width).second);
      for (int i = 0; i < 90 * width; ++i) {
        int sample = limit.sampleOfToken[i / width], row = sample * width + i % width;
        slopes.push_back(sample < 0 ? 0
                                    : gradient.data("ds")[row] *
                                          (gradient.data("x")[i] - statistics(gradient, sample, i % width).first) /
                                          (gradient.data("s")[row] * double(limit.tokensOf(sample) - 1)));
      }
      EXPECT_LT(relativeError(forward.get("s"), deviations), 2e-6) << shape << limit.name;
      EXPECT_LT(relativeError(gradient.get("dx"), slopes), 2e-6) << shape << limit.name;
    }
}

//===----------------------------------------------------------------------===//
// Tokens
//===----------------------------------------------------------------------===//

TEST(CpuKernels, ConcatSlicePad) {
  Program features = run({{"a", "2x3x24"}, {"b", "2x3x5"}}, {{"y", "2x3x29"}}, "%y = jepa.concat_features %a, %b : $");
  Program tokens = run({{"a", "2x3x24"}, {"b", "2x1x24"}, {"c", "2x3x24"}}, {{"y", "2x7x24"}},
                       "%y = jepa.concat_tokens %a, %b, %c : $");
  Program slice = run({{"x", "2x7x24"}}, {{"y", "2x2x24"}}, "%y = jepa.slice_tokens %x {offset = 3} : $");
  Program pad = run({{"x", "2x2x24"}}, {{"y", "2x7x24"}}, "%y = jepa.pad_tokens %x {offset = 3} : $");
  ASSERT_TRUE(features && tokens && slice && pad);
  for (int b = 0; b < 2; ++b)
    for (int i = 0; i < 24; ++i) {
      for (int n = 0; n < 3; ++n) {
        EXPECT_EQ(features.data("y")[(b * 3 + n) * 29 + i], features.data("a")[(b * 3 + n) * 24 + i]);
        EXPECT_EQ(tokens.data("y")[(b * 7 + n) * 24 + i], tokens.data("a")[(b * 3 + n) * 24 + i]);
        EXPECT_EQ(tokens.data("y")[(b * 7 + n + 4) * 24 + i], tokens.data("c")[(b * 3 + n) * 24 + i]);
        if (i < 5)
          EXPECT_EQ(features.data("y")[(b * 3 + n) * 29 + 24 + i], features.data("b")[(b * 3 + n) * 5 + i]);
      }
      EXPECT_EQ(tokens.data("y")[(b * 7 + 3) * 24 + i], tokens.data("b")[b * 24 + i]);
      for (int n = 0; n < 7; ++n) {
        bool inside = n >= 3 && n < 5;
        if (inside)
          EXPECT_EQ(slice.data("y")[(b * 2 + n - 3) * 24 + i], slice.data("x")[(b * 7 + n) * 24 + i]);
        EXPECT_EQ(pad.data("y")[(b * 7 + n) * 24 + i], inside ? pad.data("x")[(b * 2 + n - 3) * 24 + i] : 0);
      }
    }
}

TEST(CpuKernels, GatherScatter) {
  const int lists[] = {0, 2, 9, 1, 2, 8};
  auto prepare = [&](Program &program) { std::copy(lists, lists + 6, program.data<int>("m")); };
  for (int clips : {2, 1}) {
    std::string table = std::to_string(clips) + "x10x70";
    Program gather = run({{"x", table}, {"m", "2x3xi32"}}, {{"y", "2x3x70"}}, "%y = jepa.gather_tokens %x, %m : $", 2,
                         prepare);
    Program scatter = run({{"x", "2x3x70"}, {"m", "2x3xi32"}}, {{"y", table}}, "%y = jepa.scatter_tokens %x, %m : $", 2,
                          prepare);
    ASSERT_TRUE(gather && scatter);
    Numbers gathered, scattered(clips * 700);
    for (int i = 0; i < 6; ++i)
      for (int c = 0; c < 70; ++c) {
        int row = (clips == 2 ? i / 3 * 10 : 0) + lists[i];
        gathered.push_back(gather.data("x")[row * 70 + c]);
        scattered[row * 70 + c] += scatter.data("x")[i * 70 + c];
      }
    EXPECT_EQ(toDouble(gather.get("y")), gathered);
    EXPECT_LT(relativeError(scatter.get("y"), scattered), 1e-6);
  }
}

TEST(CpuKernels, Patchify) {
  const int H = 12, W = 18, P = 6;
  for (bool selected : {false, true}) {
    std::vector<Tensor> inputs{{"x", "2x3x4x12x18"}};
    if (selected)
      inputs.push_back({"m", "2x2xi32"});
    const int all[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, some[] = {1, 11, 4, 6};
    int tokens = selected ? 2 : 12;
    Program cpu = run(inputs, {{"y", "2x" + std::to_string(tokens) + "x216"}},
                      std::string("%y = jepa.patchify %x") + (selected ? " tokens %m" : "") +
                          " {patch = 6, tubelet = 2} : $", 2, [&](Program &program) {
      if (selected)
        std::copy(some, some + 4, program.data<int>("m"));
    });
    ASSERT_TRUE(cpu);
    Numbers want;
    for (int b = 0; b < 2; ++b)
      for (int n = 0; n < tokens; ++n) {
        int token = selected ? some[b * 2 + n] : all[n];
        for (int c = 0; c < 3; ++c)
          for (int t = 0; t < 2; ++t)
            for (int y = 0; y < P; ++y)
              for (int x = 0; x < P; ++x)
                want.push_back(cpu.data("x")[(((b * 3 + c) * 4 + token / 6 * 2 + t) * H + token / 3 % 2 * P + y) * W +
                                             token % 3 * P + x]);
      }
    EXPECT_EQ(toDouble(cpu.get("y")), want);
  }
}

/// Ops of a packed batch of two samples, against the reference target.
TEST(CpuKernels, Packed) {
  struct Case {
    const char *line;
    std::vector<Tensor> inputs, results;
  };
  const Case cases[] = {
      {"%y = jepa.patchify %x tokens %m {patch = 6, tubelet = 2} : $",
       {{"x", "2x3x4x12x18"}, {"m", "1x7xi32"}},
       {{"y", "1x7x216"}}},
      {"%y = jepa.gather_tokens %x, %m {cyclic} : $", {{"x", "1x12x70"}, {"m", "1x7xi32"}}, {{"y", "1x7x70"}}},
      {"%y = jepa.scatter_tokens %x, %m {cyclic} : $", {{"x", "1x7x70"}, {"m", "1x7xi32"}}, {{"y", "1x12x70"}}},
      {"%y = jepa.regroup_tokens %x : $", {{"x", "2x5x70"}}, {{"y", "1x10x70"}}},
      {"%y = jepa.power_loss %x, %t bounds %b {exponent = 1.0} : $",
       {{"x", "1x7x70"}, {"t", "1x7x70"}, {"b", "3xi32"}},
       {{"y", ""}}},
      {"%y = jepa.power_loss %x, %t bounds %b {exponent = 2.0} : $",
       {{"x", "1x7x70"}, {"t", "1x7x70"}, {"b", "3xi32"}},
       {{"y", ""}}},
      {"%y = jepa.power_loss_grad %d, %x, %t bounds %b {exponent = 1.0} : $",
       {{"d", ""}, {"x", "1x7x70"}, {"t", "1x7x70"}, {"b", "3xi32"}},
       {{"y", "1x7x70"}}},
      {"%y = jepa.power_loss_grad %d, %x, %t bounds %b {exponent = 2.0} : $",
       {{"d", ""}, {"x", "1x7x70"}, {"t", "1x7x70"}, {"b", "3xi32"}},
       {{"y", "1x7x70"}}},
      {"%y = jepa.token_std %x bounds %b {eps = 1.0e-04} : $", {{"x", "1x7x70"}, {"b", "3xi32"}}, {{"y", "2x70"}}},
      {"%y = jepa.token_std_grad %d, %x, %s bounds %b : $",
       {{"d", "2x70"}, {"x", "1x7x70"}, {"s", "2x70"}, {"b", "3xi32"}},
       {{"y", "1x7x70"}}},
  };
  const int tokens[] = {0, 3, 11, 12, 14, 20, 20}, bounds[] = {0, 4, 6};
  for (const Case &given : cases) {
    std::vector<float> found, expected;
    for (const char *target : {"cpu", "reference"}) {
      Program program(oneOp(given.inputs, given.results, given.line), target);
      ASSERT_TRUE(program) << given.line;
      for (const Tensor &input : given.inputs) {
        if (input.name == "m")
          std::copy(std::begin(tokens), std::end(tokens), program.data<int>("m"));
        else if (input.name == "b")
          std::copy(std::begin(bounds), std::end(bounds), program.data<int>("b"));
        else
          program.fill(input.name, 7 + input.name[0], 2);
      }
      program.run();
      (target[0] == 'c' ? found : expected) = program.get("y");
    }
    ASSERT_FALSE(expected.empty());
    EXPECT_LT(relativeError(found, toDouble(expected)), 1e-6) << given.line;
    // The last place is padding: it has no gradient.
    if (std::string(given.line).find("_grad") != std::string::npos)
      EXPECT_EQ(std::count(found.end() - 70, found.end(), 0.0f), 70) << given.line;
  }
}

//===----------------------------------------------------------------------===//
// Products and the optimiser
//===----------------------------------------------------------------------===//

TEST(CpuKernels, Linear) {
  const int rows = 15, in = 24, out = 7;
  Program y = run({{"x", "3x5x24"}, {"w", "7x3x2x2x2"}, {"b", "7"}}, {{"y", "3x5x7"}},
                  "%y = jepa.linear %x, %w bias %b : $");
  Program dx = run({{"d", "3x5x7"}, {"w", "7x24"}}, {{"y", "3x5x24"}}, "%y = jepa.linear_input_grad %d, %w : $");
  Program dw = run({{"d", "3x5x7"}, {"x", "3x5x24"}}, {{"y", "7x3x2x2x2"}}, "%y = jepa.linear_weight_grad %d, %x : $");
  ASSERT_TRUE(y && dx && dw);
  Numbers wantY(rows * out), wantDx(rows * in), wantDw(out * in);
  for (int r = 0; r < rows; ++r)
    for (int o = 0; o < out; ++o) {
      wantY[r * out + o] = y.data("b")[o];
      for (int i = 0; i < in; ++i) {
        wantY[r * out + o] += double(y.data("x")[r * in + i]) * y.data("w")[o * in + i];
        wantDx[r * in + i] += double(dx.data("d")[r * out + o]) * dx.data("w")[o * in + i];
        wantDw[o * in + i] += double(dw.data("d")[r * out + o]) * dw.data("x")[r * in + i];
      }
    }
  EXPECT_LT(relativeError(y.get("y"), wantY), 1e-6);
  EXPECT_LT(relativeError(dx.get("y"), wantDx), 1e-6);
  EXPECT_LT(relativeError(dw.get("y"), wantDw), 1e-6);
}

TEST(CpuKernels, AdamWAndEma) {
  Program cpu(R"(
    func.func @jepa_run(%g: tensor<7x13xf32> {jepa.name = "g"}, %h: tensor<9xf32> {jepa.name = "h"},
                        %n: tensor<f32> {jepa.name = "n"}) {
      jepa.adamw "p", %g, %h norm %n {decay = true, teacher = "u", copy, teacher_copy} : tensor<7x13xf32>, tensor<9xf32>, tensor<f32>
      jepa.ema "t" of "p", %h {shape = array<i64: 7, 13>} : tensor<9xf32>
      return
    })", "cpu");
  ASSERT_TRUE(cpu);
  for (float clip : {0.0f, 0.5f}) {
    const float hyper[] = {0.01f, 0.1f, 0.9f, 0.19f, 0.002f, clip, 0.9f, 0.999f, 1e-8f};
    std::copy(hyper, hyper + 9, cpu.data("h"));
    *cpu.data("n") = 4;
    unsigned seed = 3;
    for (const char *name : {"g", "p", "t", "m:p", "v:p"})
      cpu.fill(name, seed++);
    std::copy_n(cpu.data("t"), cpu.size("t"), cpu.data("u"));
    for (float *v = cpu.data("v:p"), *end = v + cpu.size("v:p"); v < end; ++v)
      *v = std::abs(*v);
    Numbers p = toDouble(cpu.get("p")), t = toDouble(cpu.get("t")), m = toDouble(cpu.get("m:p")),
            v = toDouble(cpu.get("v:p"));
    double shrink = clip > 0 ? std::min(1.0, clip / (std::sqrt(4.0) + 1e-6)) : 1;
    for (std::size_t i = 0; i < p.size(); ++i) {
      double g = cpu.data("g")[i] * shrink;
      m[i] = 0.9 * m[i] + 0.1 * g;
      v[i] = 0.999 * v[i] + 0.001 * g * g;
      p[i] -= p[i] * 0.01 * 0.1 + 0.01 * (m[i] / 0.19) / (std::sqrt(v[i] / 0.002) + 1e-8);
      t[i] = 0.9 * t[i] + 0.1 * p[i];
    }
    cpu.run();
    EXPECT_LT(relativeError(cpu.get("p"), p), 1e-5);
    EXPECT_LT(relativeError(cpu.get("m:p"), m), 1e-5);
    EXPECT_LT(relativeError(cpu.get("v:p"), v), 1e-5);
    EXPECT_LT(relativeError(cpu.get("t"), t), 1e-5);
    EXPECT_EQ(cpu.get("u"), cpu.get("t")) << "the teacher that moves with its student";
    auto rounded = [&](const char *name) {
      std::vector<float> values = cpu.get(name);
      std::transform(values.begin(), values.end(), values.begin(), [](float x) { return jepa::rt::BFloat16(x); });
      return values;
    };
    EXPECT_EQ(cpu.get("copy:p"), rounded("p"));
    EXPECT_EQ(cpu.get("copy:u"), rounded("u"));
  }
}
