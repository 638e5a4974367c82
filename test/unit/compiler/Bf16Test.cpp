//===- Bf16Test.cpp - kernels on bf16, with and without instructions for it ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/Machine.h"
#include "runtime/core/BFloat16.h"
#include "test/unit/compiler/KernelHarness.h"

#include <gtest/gtest.h>

#include <cmath>
#include <regex>

using namespace jepa::test;
using jepa::rt::BFloat16;

namespace {

/// One op on rows. `W` stands for a width, `V` for twice it, `B` for bf16 where it is mixed with f32.
struct Case {
  const char *name, *inputs, *results, *line;
};

} // namespace

static const Case cases[] = {
    {"cast", "x:3x5xWxf32", "y:3x5xWxB", "%y = jepa.cast %x : $"},
    {"cast_back", "x:3x5xWxB", "y:3x5xWxf32", "%y = jepa.cast %x : $"},
    {"gelu", "x:3x5xWxB", "y:3x5xWxB", "%y = jepa.gelu %x : #"},
    {"gelu_grad", "dy:3x5xWxB x:3x5xWxB", "y:3x5xWxB", "%y = jepa.gelu_grad %dy, %x : #"},
    {"relu_grad", "dy:3x5xWxB x:3x5xWxB", "y:3x5xWxB", "%y = jepa.relu_grad %dy, %x : #"},
    {"add", "x:3x5xWxf32 z:3x5xWxB", "y:3x5xWxf32", "%y = jepa.add %x, %z : $"},
    {"add_repeated", "x:3x5xWxB z:1x5x1xB", "y:3x5xWxf32", "%y = jepa.add %x, %z : $"},
    {"sum_to", "x:80xWxB", "y:Wxf32", "%y = jepa.sum_to %x : $"},
    {"layer_norm", "x:3x5xWxf32 w:Wxf32 b:Wxf32", "y:3x5xWxB",
     "%y = jepa.layer_norm %x weight %w bias %b {eps = 1.0e-06} : $"},
    {"layer_norm_plain", "x:3x5xWxB", "y:3x5xWxB", "%y = jepa.layer_norm %x {eps = 1.0e-06} : $"},
    {"layer_norm_grad", "dy:3x5xWxB x:3x5xWxf32 w:Wxf32", "y:3x5xWxf32",
     "%y = jepa.layer_norm_grad %dy, %x weight %w {eps = 1.0e-06} : $"},
    {"layer_norm_weight_grad", "dy:10x7xWxB x:10x7xWxB", "y:Wxf32 z:Wxf32",
     "%y, %z = jepa.layer_norm_weight_grad %dy, %x {eps = 1.0e-06} : $"},
    {"concat_features", "x:3x5xWxB z:3x5xWxf32", "y:3x5xVxB", "%y = jepa.concat_features %x, %z : $"},
    {"split_features", "x:3x5xVxB", "y:3x5xWxB z:3x5xWxf32", "%y, %z = jepa.split_features %x : $"},
    {"concat_tokens", "x:3x2xWxB z:3x3xWxf32", "y:3x5xWxf32", "%y = jepa.concat_tokens %x, %z : $"},
    {"slice_tokens", "x:3x5xWxB", "y:3x2xWxB", "%y = jepa.slice_tokens %x {offset = 2} : $"},
    {"pad_tokens", "x:3x2xWxB", "y:3x5xWxB", "%y = jepa.pad_tokens %x {offset = 1} : $"},
    {"patchify", "x:2x3x2x8x8xf32", "y:2x4x96xB", "%y = jepa.patchify %x {patch = 4, tubelet = 2} : $"},
    {"attention", "q:2x9x48xB k:2x9x48xB v:2x9x48xB", "y:2x9x48xB l:2x3x9xf32",
     "%y, %l = jepa.attention %q, %k, %v {heads = 3} : $"},
    {"attention_grad", "d:2x9x48xB q:2x9x48xB k:2x9x48xB v:2x9x48xB o:2x9x48xB l:2x3x9xf32",
     "dq:2x9x48xB dk:2x9x48xB dv:2x9x48xB",
     "%dq, %dk, %dv = jepa.attention_grad %d, %q, %k, %v, %o, %l {heads = 3} : $"},
};

static std::string widened(std::string text, int width) {
  text = std::regex_replace(text, std::regex("W"), std::to_string(width));
  text = std::regex_replace(text, std::regex("V"), std::to_string(2 * width));
  return std::regex_replace(text, std::regex("B"), "bf16");
}

static std::vector<std::pair<std::string, std::string>> tensors(const std::string &text) {
  std::vector<std::pair<std::string, std::string>> list;
  std::regex one(R"((\w+):(\S+))");
  for (std::sregex_iterator it(text.begin(), text.end(), one), end; it != end; ++it)
    list.emplace_back((*it)[1], "tensor<" + (*it)[2].str() + ">");
  return list;
}

static std::string programOf(const Case &c, int width) {
  std::string arguments, operands, results, named, values;
  auto add = [](std::string &list, const std::string &item) { list += (list.empty() ? "" : ", ") + item; };
  for (const auto &[name, type] : tensors(widened(c.inputs, width))) {
    add(arguments, "%" + name + ": " + type + " {jepa.name = \"" + name + "\"}");
    add(operands, type);
  }
  for (const auto &[name, type] : tensors(widened(c.results, width))) {
    add(named, type + " {jepa.name = \"" + name + "\"}");
    add(results, type);
    add(values, "%" + name);
  }
  std::string line = std::regex_replace(c.line, std::regex(R"(\$)"), "(" + operands + ") -> (" + results + ")");
  line = std::regex_replace(line, std::regex("#"), results);
  return "func.func @jepa_run(" + arguments + ") -> (" + named + ") {\n" + line + "\nreturn " + values + " : " +
         results + "\n}\n";
}

static std::vector<std::vector<float>> outputsOf(const Case &c, int width, const std::string &target,
                                                 const std::string &features) {
  std::vector<std::vector<float>> outputs;
  Program program(programOf(c, width), target, 64, features);
  if (!program)
    return outputs;
  unsigned seed = 3;
  for (const auto &[name, type] : tensors(widened(c.inputs, width)))
    program.fill(name, seed++, name == "l" ? 0.1f : 2.0f);
  if (std::string(c.name) == "attention_grad")
    // So that the probabilities are some: about the logarithm of nine.
    for (std::int64_t i = 0; i < program.size("l"); ++i)
      program.data("l")[i] += 6;
  program.run();
  for (const auto &[name, type] : tensors(widened(c.results, width)))
    outputs.push_back(program.get(name));
  return outputs;
}

/// The cpu target computes in f32 and rounds once, the reference target in f64: they differ by one place of bf16 at
/// most, which is up to 2^-7 of a number.
TEST(Bf16, CpuKernelsRoundLikeTheReference) {
  for (const char *features : {"native", "x86-64-v3", "x86-64-v4,-avx512bf16"})
    for (const Case &c : cases)
      for (int width : {5, 24, 80}) {
        std::string text = std::string(c.name) + " " + std::to_string(width) + " " + features;
        auto cpu = outputsOf(c, width, "cpu", features), reference = outputsOf(c, width, "reference", "native");
        EXPECT_EQ(cpu.size(), reference.size()) << text;
        for (std::size_t i = 0; i < std::min(cpu.size(), reference.size()); ++i) {
          std::vector<double> want(reference[i].begin(), reference[i].end());
          // Attention's probabilities are rounded as well, where the machine multiplies pairs of bf16; what is coarse before it
          // is rounded (GELU) may be a place off.
          bool isCoarse = text.starts_with("attention") || text.starts_with("gelu");
          EXPECT_LT(relativeError(cpu[i], want), isCoarse ? 0x1p-7 : 0x1p-8) << text;
        }
      }
}

/// Every bf16 in f32 and the numbers halfway to the next, both sides of them.
TEST(Bf16, RoundsToNearestTiesToEven) {
  std::vector<float> numbers;
  for (std::uint32_t high = 0x0080; high < 0x7f80; high += 7)
    for (std::uint32_t low : {0x0000u, 0x0001u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu})
      for (std::uint32_t sign : {0u, 0x80000000u})
        numbers.push_back(std::bit_cast<float>(sign | high << 16 | low));
  numbers.push_back(0);
  numbers.push_back(INFINITY);
  std::string n = std::to_string(numbers.size());
  std::string text = "func.func @jepa_run(%x: tensor<" + n + "xf32> {jepa.name = \"x\"}) -> (tensor<" + n +
                     "xbf16> {jepa.name = \"y\"}) {\n%y = jepa.cast %x : (tensor<" + n + "xf32>) -> tensor<" + n +
                     "xbf16>\nreturn %y : tensor<" + n + "xbf16>\n}\n";
  for (const char *features : {"native", "x86-64-v3"})
    for (const char *target : {"cpu", "reference"}) {
      Program program(text, target, 64, features);
      ASSERT_TRUE(program);
      std::copy(numbers.begin(), numbers.end(), program.data("x"));
      program.run();
      std::vector<float> rounded = program.get("y");
      for (std::size_t i = 0; i < numbers.size(); ++i)
        ASSERT_EQ(rounded[i], float(BFloat16(numbers[i]))) << numbers[i] << " on " << features << ", " << target;
    }
}

/// Halfway in f32 but not in f64: rounding twice would go the other way.
TEST(Bf16, ReferenceRoundsOnce) {
  Program program(R"(func.func @jepa_run(%x: tensor<4xf64> {jepa.name = "x"}) -> (tensor<4xbf16> {jepa.name = "y"}) {
    %y = jepa.cast %x : (tensor<4xf64>) -> tensor<4xbf16>
    return %y : tensor<4xbf16>
  })",
                  "reference");
  ASSERT_TRUE(program);
  const double numbers[] = {1 + 0x1p-8 + 0x1p-40, 1 + 0x1p-7 + 0x1p-8 - 0x1p-40, -1 - 0x1p-8 - 0x1p-40, 1e300};
  std::copy(std::begin(numbers), std::end(numbers), program.data<double>("x"));
  program.run();
  std::vector<float> want = {1 + 0x1p-7f, 1 + 0x1p-7f, -1 - 0x1p-7f, INFINITY};
  EXPECT_EQ(program.get("y"), want);
}

TEST(Bf16, MachinesAreNamedAsCompilersDo) {
  std::string why;
  auto machine = jepa::Machine::parse("x86-64-v3,+avx512f", why);
  ASSERT_TRUE(machine) << why;
  EXPECT_TRUE(machine->has("avx2"));
  EXPECT_TRUE(machine->has("avx512f"));
  EXPECT_FALSE(machine->hasBf16Dot());
  EXPECT_FALSE(jepa::Machine::parse("pentium-ninety", why));
  EXPECT_EQ(
      why,
      "there is no processor 'pentium-ninety'; use native, x86-64-v3, x86-64-v4, or a name that clang -march takes");
  EXPECT_FALSE(jepa::Machine::parse("x86-64-v3,+bf16", why));
  EXPECT_EQ(why, "there is no feature 'bf16'; use clang's names, such as avx2, avx512f, avx512bf16");
  EXPECT_FALSE(jepa::Machine::parse("+avx2,x86-64-v3", why));
  EXPECT_EQ(why, "'x86-64-v3' must come first, or begin with + or -");
}
