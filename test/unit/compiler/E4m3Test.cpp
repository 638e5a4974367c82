//===- E4m3Test.cpp - products with x in e4m3, where no GPU is ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "runtime/core/BFloat16.h"
#include "test/unit/compiler/KernelHarness.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace jepa::test;
using jepa::rt::BFloat16;

/// Sizes that a byte stands for, by the format's definition, in order.
static std::vector<double> sizes() {
  std::vector<double> all;
  for (int bits = 0; bits < 0x7f; ++bits)
    all.push_back(bits < 8 ? std::ldexp(bits, -9) : std::ldexp(8 + bits % 8, bits / 8 - 10));
  return all;
}

/// The nearest; of two, the one with an even byte.
static double nearest(double x) {
  static const std::vector<double> all = sizes();
  std::size_t best = 0;
  for (std::size_t i = 1; i < all.size(); ++i) {
    double distance = std::fabs(std::fabs(x) - all[i]), least = std::fabs(std::fabs(x) - all[best]);
    if (distance < least || (distance == least && i % 2 == 0))
      best = i;
  }
  return std::copysign(all[best], x);
}

/// Products of `rows` x 16 numbers of `type`, rounded to e4m3, with the identity.
static std::string program(std::size_t rows, const std::string &type) {
  std::string x = "tensor<1x" + std::to_string(rows) + "x16x", e4m3 = x + "f8E4M3FN>", y = x + "f32>";
  x += type + ">";
  return "func.func @jepa_run(%x: " + x + " {jepa.name = \"x\"}, %w: tensor<16x16xbf16> {jepa.name = \"w\"}) -> (" + y +
         " {jepa.name = \"y\"}) {\n%e = jepa.cast %x : (" + x + ") -> " + e4m3 + "\n%y = jepa.linear %e, %w : (" +
         e4m3 + ", tensor<16x16xbf16>) -> " + y + "\nreturn %y : " + y + "\n}\n";
}

static void setIdentity(const Program &program) {
  for (int i = 0; i < 16 * 16; ++i)
    program.data<BFloat16>("w")[i] = BFloat16(i % 17 ? 0.0F : 1.0F);
}

/// Every number, those halfway to the next and their neighbours, and what is too large.
TEST(E4m3, RoundsToNearestTiesToEvenAndSaturates) {
  std::vector<float> numbers{448, 460, 464, 470, 1e9F, INFINITY, 1e-30F, 0};
  std::vector<double> all = sizes();
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    auto middle = static_cast<float>((all[i] + all[i + 1]) / 2);
    for (float number :
         {static_cast<float>(all[i]), std::nextafter(middle, 0.0F), middle, std::nextafter(middle, 500.0F)})
      numbers.push_back(number);
  }
  for (std::size_t i = 0, count = numbers.size(); i < count; ++i)
    numbers.push_back(-numbers[i]);
  numbers.resize((numbers.size() + 15) / 16 * 16);
  for (const char *target : {"cpu", "reference"}) {
    Program made(program(numbers.size() / 16, "f32"), target);
    ASSERT_TRUE(made);
    std::copy(numbers.begin(), numbers.end(), made.data("x"));
    setIdentity(made);
    made.run();
    std::vector<float> found = made.get("y");
    ASSERT_EQ(found.size(), numbers.size());
    for (std::size_t i = 0; i < numbers.size(); ++i)
      EXPECT_EQ(found[i], nearest(numbers[i])) << numbers[i] << " on " << target;
  }
}

/// Halfway in f32 but not in f64: rounding twice would go the other way.
TEST(E4m3, ReferenceRoundsOnce) {
  Program made(program(1, "f64"), "reference");
  ASSERT_TRUE(made);
  const double numbers[] = {1 + 0x1p-4 + 0x1p-40, 1 + 0x1p-3 + 0x1p-4 - 0x1p-40, -1 - 0x1p-4 - 0x1p-40,
                            0x1p-10 + 0x1p-50, -1e300};
  std::fill_n(made.data<double>("x"), 16, 0.0);
  std::copy(std::begin(numbers), std::end(numbers), made.data<double>("x"));
  setIdentity(made);
  made.run();
  std::vector<float> found = made.get("y");
  for (std::size_t i = 0; i < std::size(numbers); ++i)
    EXPECT_EQ(found[i], nearest(numbers[i])) << numbers[i];
}
