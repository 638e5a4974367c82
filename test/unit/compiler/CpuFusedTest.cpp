//===- CpuFusedTest.cpp - fused groups against the reference target -------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "test/unit/compiler/KernelHarness.h"

#include "runtime/core/ThreadPool.h"

#include <gtest/gtest.h>

#include <tuple>

using namespace jepa::test;

namespace {

constexpr const char *results[] = {"s", "n", "h", "g", "d", "db", "e", "dx", "dw", "dn", "l"};

/// `text` with %T tokens and %W features.
std::string specialise(std::string text, std::int64_t tokens, std::int64_t width) {
  for (auto [what, size] : {std::pair("%T", tokens), std::pair("%W", width)})
    for (std::size_t at; (at = text.find(what)) != std::string::npos;)
      text.replace(at, 2, std::to_string(size));
  return text;
}

/// The groups that a layer and its adjoint have. Of the fourth only what is summed or added is kept; the last computes in
/// bf16 on its way, and must round there as if it stored that.
constexpr const char *program = R"(
!x = tensor<1x%Tx%Wxf32>
!k = tensor<1x%Tx20xf32>
!v = tensor<%Wxf32>
!y = tensor<1x%Tx%Wxbf16>
func.func @jepa_run(%x: !x {jepa.name = "x"}, %r: !x {jepa.name = "r"}, %a: !k {jepa.name = "a"},
    %w: tensor<%Wx20xf32> {jepa.name = "w"}, %u: tensor<20x%Wxf32> {jepa.name = "u"}, %b: !v {jepa.name = "b"},
    %t: tensor<1x1x%Wxf32> {jepa.name = "t"})
    -> (!x {jepa.name = "s"}, !x {jepa.name = "n"}, !x {jepa.name = "h"}, !x {jepa.name = "g"}, !x {jepa.name = "d"},
        !v {jepa.name = "db"}, !x {jepa.name = "e"}, !x {jepa.name = "dx"}, !v {jepa.name = "dw"}, !v {jepa.name = "dn"},
        !x {jepa.name = "l"}) {
  %s, %n = jepa.fused(%x, %r, %b) {
  ^bb0(%0: !x, %1: !x, %2: !v):
    %3 = jepa.add %0, %1 : (!x, !x) -> !x
    %4 = jepa.layer_norm %3 weight %2 bias %2 {eps = 1.0e-6} : (!x, !v, !v) -> !x
    jepa.yield %3, %4 : !x, !x
  } : (!x, !x, !v) -> (!x, !x)
  %h, %g = jepa.fused(%a, %w, %b) {
  ^bb0(%0: !k, %1: tensor<%Wx20xf32>, %2: !v):
    %3 = jepa.linear %0, %1 bias %2 : (!k, tensor<%Wx20xf32>, !v) -> !x
    %4 = jepa.gelu %3 : !x
    jepa.yield %3, %4 : !x, !x
  } : (!k, tensor<%Wx20xf32>, !v) -> (!x, !x)
  %d, %db, %e = jepa.fused(%a, %u, %x, %t) {
  ^bb0(%0: !k, %1: tensor<20x%Wxf32>, %2: !x, %3: tensor<1x1x%Wxf32>):
    %4 = jepa.linear_input_grad %0, %1 : (!k, tensor<20x%Wxf32>) -> !x
    %5 = jepa.gelu_grad %4, %2 : !x
    %6 = jepa.sum_to %5 : (!x) -> !v
    %7 = jepa.add %5, %3 : (!x, tensor<1x1x%Wxf32>) -> !x
    jepa.yield %5, %6, %7 : !x, !v, !x
  } : (!k, tensor<20x%Wxf32>, !x, tensor<1x1x%Wxf32>) -> (!x, !v, !x)
  %dx, %dw, %dn = jepa.fused(%a, %u, %x, %r, %b) {
  ^bb0(%0: !k, %1: tensor<20x%Wxf32>, %2: !x, %3: !x, %4: !v):
    %5 = jepa.linear_input_grad %0, %1 : (!k, tensor<20x%Wxf32>) -> !x
    %6 = jepa.relu_grad %5, %3 : !x
    %7 = jepa.layer_norm_grad %6, %2 weight %4 {eps = 1.0e-6} : (!x, !x, !v) -> !x
    %8, %9 = jepa.layer_norm_weight_grad %6, %2 {eps = 1.0e-6} : (!x, !x) -> (!v, !v)
    %10 = jepa.add %7, %3 : (!x, !x) -> !x
    %11 = jepa.scale %10 {factor = 2.0} : !x
    jepa.yield %11, %8, %9 : !x, !v, !v
  } : (!k, tensor<20x%Wxf32>, !x, !x, !v) -> (!x, !v, !v)
  %l = jepa.fused(%x, %r) {
  ^bb0(%0: !x, %1: !x):
    %2 = jepa.cast %0 : (!x) -> !y
    %3 = jepa.cast %1 : (!x) -> !y
    %4 = jepa.add %2, %3 : (!y, !y) -> !y
    %5 = jepa.relu %4 : !y
    %6 = jepa.cast %5 : (!y) -> !x
    %7 = jepa.layer_norm %6 {eps = 1.0e-6} : (!x) -> !x
    %8 = jepa.stop_gradient %7 : !x
    jepa.yield %8 : !x
  } : (!x, !x) -> !x
  return %s, %n, %h, %g, %d, %db, %e, %dx, %dw, %dn, %l : !x, !x, !x, !x, !x, !v, !x, !x, !v, !v, !x
})";

class CpuFused : public testing::TestWithParam<std::tuple<int, int>> {
protected:
  void TearDown() override { jepa::rt::ThreadPool::get().setThreads(0); }
};

TEST_P(CpuFused, IsWhatTheOpsAre) {
  auto [tokens, width] = GetParam();
  std::string text = specialise(program, tokens, width);
  Program fused(text, "cpu"), reference(text, "reference");
  ASSERT_TRUE(fused && reference);
  unsigned seed = 2;
  for (const char *input : {"x", "r", "a", "w", "u", "b", "t"})
    for (Program *each : {&fused, &reference})
      each->fill(input, seed++ / 2, 1.0f);
  reference.run();
  std::vector<std::vector<float>> alone;
  for (int threads : {1, 2}) {
    jepa::rt::ThreadPool::get().setThreads(threads);
    fused.run();
    for (std::size_t i = 0; i < std::size(results); ++i) {
      std::vector<float> values = fused.get(results[i]), expected = reference.get(results[i]);
      EXPECT_LT(relativeError(values, std::vector<double>(expected.begin(), expected.end())), 2e-5) << results[i];
      if (threads == 1)
        alone.push_back(values);
      else
        EXPECT_EQ(values, alone[i]) << results[i] << " depends on the number of threads";
    }
  }
}

/// Groups behind a product in bf16: in the last result's place, in another's that is wider, in none.
constexpr const char *grouped = R"(
!x = tensor<1x%Tx%Wxf32>
!k = tensor<1x%Tx20xbf16>
!v = tensor<%Wxf32>
!y = tensor<1x%Tx%Wxbf16>
!w = tensor<%Wx20xbf16>
!u = tensor<20x%Wxbf16>
func.func @jepa_run(%a: !k {jepa.name = "a"}, %w: !w {jepa.name = "w"}, %u: !u {jepa.name = "u"}, %b: !v {jepa.name = "b"},
    %x: !x {jepa.name = "x"}, %h: !y {jepa.name = "h"})
    -> (!y {jepa.name = "g"}, !x {jepa.name = "s"}, !y {jepa.name = "n"}, !y {jepa.name = "d"}, !v {jepa.name = "db"},
        !x {jepa.name = "dx"}, !y {jepa.name = "dy"}, !v {jepa.name = "dw"}, !v {jepa.name = "dn"}) {
  %g = jepa.fused(%a, %w, %b) {
  ^bb0(%0: !k, %1: !w, %2: !v):
    %3 = jepa.linear %0, %1 bias %2 : (!k, !w, !v) -> !y
    %4 = jepa.gelu %3 : !y
    jepa.yield %4 : !y
  } : (!k, !w, !v) -> !y
  %s, %n = jepa.fused(%a, %w, %b, %x) {
  ^bb0(%0: !k, %1: !w, %2: !v, %3: !x):
    %4 = jepa.linear %0, %1 bias %2 : (!k, !w, !v) -> !y
    %5 = jepa.add %3, %4 : (!x, !y) -> !x
    %6 = jepa.layer_norm %5 weight %2 bias %2 {eps = 1.0e-6} : (!x, !v, !v) -> !y
    jepa.yield %5, %6 : !x, !y
  } : (!k, !w, !v, !x) -> (!x, !y)
  %d, %db = jepa.fused(%a, %u, %h) {
  ^bb0(%0: !k, %1: !u, %2: !y):
    %3 = jepa.linear_input_grad %0, %1 : (!k, !u) -> !y
    %4 = jepa.gelu_grad %3, %2 : !y
    %5 = jepa.sum_to %4 : (!y) -> !v
    jepa.yield %4, %5 : !y, !v
  } : (!k, !u, !y) -> (!y, !v)
  %dx, %dy, %dw, %dn = jepa.fused(%a, %u, %x, %b) {
  ^bb0(%0: !k, %1: !u, %2: !x, %3: !v):
    %4 = jepa.linear_input_grad %0, %1 : (!k, !u) -> !y
    %5 = jepa.layer_norm_grad %4, %2 weight %3 {eps = 1.0e-6} : (!y, !x, !v) -> !x
    %6, %7 = jepa.layer_norm_weight_grad %4, %2 {eps = 1.0e-6} : (!y, !x) -> (!v, !v)
    %8 = jepa.add %5, %2 : (!x, !x) -> !x
    %9 = jepa.cast %8 : (!x) -> !y
    jepa.yield %8, %9, %6, %7 : !x, !y, !v, !v
  } : (!k, !u, !x, !v) -> (!x, !y, !v, !v)
  return %g, %s, %n, %d, %db, %dx, %dy, %dw, %dn : !y, !x, !y, !y, !v, !x, !y, !v, !v
})";

/// The same ops, each alone.
constexpr const char *ungrouped = R"(
!x = tensor<1x%Tx%Wxf32>
!k = tensor<1x%Tx20xbf16>
!v = tensor<%Wxf32>
!y = tensor<1x%Tx%Wxbf16>
!w = tensor<%Wx20xbf16>
!u = tensor<20x%Wxbf16>
func.func @jepa_run(%a: !k {jepa.name = "a"}, %w: !w {jepa.name = "w"}, %u: !u {jepa.name = "u"}, %b: !v {jepa.name = "b"},
    %x: !x {jepa.name = "x"}, %h: !y {jepa.name = "h"})
    -> (!y {jepa.name = "g"}, !x {jepa.name = "s"}, !y {jepa.name = "n"}, !y {jepa.name = "d"}, !v {jepa.name = "db"},
        !x {jepa.name = "dx"}, !y {jepa.name = "dy"}, !v {jepa.name = "dw"}, !v {jepa.name = "dn"}) {
  %l = jepa.linear %a, %w bias %b : (!k, !w, !v) -> !y
  %g = jepa.gelu %l : !y
  %s = jepa.add %x, %l : (!x, !y) -> !x
  %n = jepa.layer_norm %s weight %b bias %b {eps = 1.0e-6} : (!x, !v, !v) -> !y
  %i = jepa.linear_input_grad %a, %u : (!k, !u) -> !y
  %d = jepa.gelu_grad %i, %h : !y
  %db = jepa.sum_to %d : (!y) -> !v
  %p = jepa.layer_norm_grad %i, %x weight %b {eps = 1.0e-6} : (!y, !x, !v) -> !x
  %dw, %dn = jepa.layer_norm_weight_grad %i, %x {eps = 1.0e-6} : (!y, !x) -> (!v, !v)
  %dx = jepa.add %p, %x : (!x, !x) -> !x
  %dy = jepa.cast %dx : (!x) -> !y
  return %g, %s, %n, %d, %db, %dx, %dy, %dw, %dn : !y, !x, !y, !y, !v, !x, !y, !v, !v
})";

TEST_P(CpuFused, HasTheBitsOfTheOpsAlone) {
  auto [tokens, width] = GetParam();
  Program fused(specialise(grouped, tokens, width), "cpu"), alone(specialise(ungrouped, tokens, width), "cpu");
  ASSERT_TRUE(fused && alone);
  unsigned seed = 2;
  for (const char *input : {"a", "w", "u", "b", "x", "h"})
    for (Program *each : {&fused, &alone})
      each->fill(input, seed++ / 2, 1.0f);
  alone.run();
  for (int threads : {1, 2, 3}) {
    jepa::rt::ThreadPool::get().setThreads(threads);
    fused.run();
    for (const char *result : {"g", "s", "n", "d", "db", "dx", "dy", "dw", "dn"})
      EXPECT_EQ(fused.get(result), alone.get(result)) << result << " on " << threads << " threads";
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, CpuFused,
                         testing::Values(std::tuple(1, 48), std::tuple(7, 1280), std::tuple(8, 37), std::tuple(94, 384),
                                         std::tuple(363, 192), std::tuple(1117, 48), std::tuple(1568, 100)),
                         [](const auto &info) {
                           return std::to_string(std::get<0>(info.param)) + "x" +
                                  std::to_string(std::get<1>(info.param));
                         });

} // namespace
