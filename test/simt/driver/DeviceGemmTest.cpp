//===- DeviceGemmTest.cpp - products by rows, against loops ---------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/cuda/DeviceGemm.h"
#include "runtime/core/BFloat16.h"
#include "test/unit/runtime/io/TempFolder.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>

using namespace jepa::rt;
using namespace jepa::rt::cuda;
using namespace jepa::rt::test;

namespace {

std::size_t bytesOf(std::int32_t type) { return type == JEPAC_E4M3 ? 1 : type == JEPAC_BF16 ? 2 : 4; }

double e4m3(std::uint8_t bits) {
  int exponent = bits >> 3 & 15;
  double size = exponent ? std::ldexp(8 + (bits & 7), exponent - 10) : std::ldexp(bits & 7, -9);
  return bits & 0x80 ? -size : size;
}

/// Numbers of a type in the device's memory, and as they are rounded.
class Numbers {
public:
  Numbers(const Device &device, std::int32_t type, std::int64_t count, std::mt19937 &random)
      : type(type), device(device), memory(device, count * 4, "a test"), values(static_cast<std::size_t>(count)) {
    std::vector<char> stored(values.size() * 4);
    std::uniform_real_distribution<float> real(-1, 1);
    for (std::size_t i = 0; i < values.size(); ++i) {
      float value = real(random);
      std::uint16_t narrow = floatToBfloat(value);
      auto small = static_cast<std::uint8_t>(random() & 0xbf);
      values[i] = type == JEPAC_E4M3   ? e4m3(small)
                  : type == JEPAC_BF16 ? double(float(BFloat16(value)))
                                       : double(value);
      const void *from = &value;
      if (type == JEPAC_BF16)
        from = &narrow;
      if (type == JEPAC_E4M3)
        from = &small;
      std::memcpy(stored.data() + i * bytesOf(type), from, bytesOf(type));
    }
    device.check(device.driver.copyToDevice(memory.at(), stored.data(), stored.size(), device.stream()), "copying");
  }

  /// What the device holds now.
  std::vector<double> read() const {
    std::vector<char> stored(values.size() * bytesOf(type));
    device.check(device.driver.copyToHost(stored.data(), memory.at(), stored.size(), device.stream()), "copying");
    device.synchronize("copying");
    std::vector<double> result;
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::uint32_t bits = 0;
      std::memcpy(&bits, stored.data() + i * bytesOf(type), bytesOf(type));
      result.push_back(type == JEPAC_BF16 ? double(std::bit_cast<float>(bits << 16))
                                          : double(std::bit_cast<float>(bits)));
    }
    return result;
  }
  void *place() const { return reinterpret_cast<void *>(memory.at()); }
  double operator[](std::int64_t i) const { return values[static_cast<std::size_t>(i)]; }

  const std::int32_t type;

private:
  const Device &device;
  DeviceMemory memory;
  std::vector<double> values;
};

double geluOf(double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }
double geluSlope(double x) {
  // By differences: nothing here is derived twice.
  return (geluOf(x + 1e-5) - geluOf(x - 1e-5)) / 2e-5;
}

class Products : public testing::Test {
protected:
  AlgorithmCache cache() const { return AlgorithmCache(folder / "algorithms"); }

  /// Runs the product and compares all that it writes, and what lies between rows.
  void check(const jepac_device_gemm_desc &d) {
    SCOPED_TRACE(testing::Message() << d.m << " x " << d.n << " x " << d.k << " trans " << d.transA << d.transB
                                    << " inputs " << d.inputs << " result " << d.result << " epilogue " << d.epilogue);
    Numbers a(device, d.inputs, (d.transA ? d.k : d.m) * d.lda, random);
    Numbers b(device, d.inputs, (d.transB ? d.n : d.k) * d.ldb, random);
    Numbers c(device, d.result, d.m * d.ldc, random), bias(device, d.biasType, std::max(d.m, d.n), random);
    Numbers aux(device, d.result, std::max<std::int64_t>(d.m * d.auxiliary, 1), random);
    Numbers scaleA(device, JEPAC_F32, 1, random), scaleB(device, JEPAC_F32, 1, random);
    DeviceMemory workspace(device, d.workspaceBytes, "a test");
    bool scaled = d.inputs == JEPAC_E4M3, gelu = d.epilogue == JEPAC_EPILOGUE_GELU,
         dgelu = d.epilogue == JEPAC_EPILOGUE_DGELU;
    ProductPlaces places{c.place(),
                         a.place(),
                         b.place(),
                         d.epilogue ? bias.place() : nullptr,
                         d.auxiliary ? aux.place() : nullptr,
                         scaled ? static_cast<float *>(scaleA.place()) : nullptr,
                         scaled ? static_cast<float *>(scaleB.place()) : nullptr,
                         reinterpret_cast<void *>(workspace.at())};
    gemm.run(d, places, device.stream());
    std::vector<double> first = c.read();
    gemm.run(d, places, device.stream());
    std::vector<double> got = c.read(), gotAux = aux.read(), gotBias = bias.read();
    EXPECT_EQ(got, first) << "measuring changed the result";

    double epsilon = d.result == JEPAC_BF16 ? 4e-3 : 1e-5, scale = scaled ? scaleA[0] * scaleB[0] : 1;
    std::vector<double> sums(static_cast<std::size_t>(std::max(d.m, d.n)));
    for (std::int64_t i = 0; i < d.m; ++i)
      for (std::int64_t j = 0; j < d.ldc; ++j) {
        std::size_t at = static_cast<std::size_t>(i * d.ldc + j);
        if (j >= d.n) {
          ASSERT_EQ(got[at], c[i * d.ldc + j]) << "wrote beside a row";
          continue;
        }
        double value = 0, size = 1;
        for (std::int64_t l = 0; l < d.k; ++l)
          value += a[d.transA ? l * d.lda + i : i * d.lda + l] * b[d.transB ? j * d.ldb + l : l * d.ldb + j];
        value *= scale;
        if (d.epilogue == JEPAC_EPILOGUE_BIAS || gelu)
          value += bias[j];
        if (gelu && d.auxiliary) {
          ASSERT_NEAR(gotAux[static_cast<std::size_t>(i * d.auxiliary + j)], value, epsilon * (1 + std::fabs(value)));
        }
        if (gelu)
          value = geluOf(value);
        if (dgelu)
          value *= geluSlope(aux[i * d.auxiliary + j]);
        // A product of its own can only sum what was stored.
        sums[static_cast<std::size_t>(j)] += std::getenv("JEPAC_FAKE_CUBLASLT_NO_BIAS_GRAD") ? got[at] : value;
        size += std::fabs(value);
        ASSERT_NEAR(got[at], value, epsilon * size) << i << ", " << j;
      }
    if (d.epilogue == JEPAC_EPILOGUE_BIAS_GRAD)
      for (std::int64_t i = 0; i < d.m; ++i) {
        double sum = 0;
        for (std::int64_t l = 0; l < d.k; ++l)
          sum += a[d.transA ? l * d.lda + i : i * d.lda + l];
        ASSERT_NEAR(gotBias[static_cast<std::size_t>(i)], sum, epsilon * (1 + std::fabs(sum)));
      }
    for (std::size_t j = 0; dgelu && j < static_cast<std::size_t>(d.n); ++j)
      ASSERT_NEAR(gotBias[j], sums[j], 2 * epsilon * (1 + std::fabs(sums[j])));
  }

  TempFolder folder;
  std::mt19937 random{3};
  Device device{"sm_90a", 12000};
  DeviceGemm gemm{device, cache()};
};

jepac_device_gemm_desc product(std::int64_t m, std::int64_t n, std::int64_t k, bool transA, bool transB,
                               std::int64_t gap = 0) {
  jepac_device_gemm_desc d{};
  d.m = m, d.n = n, d.k = k;
  d.lda = (transA ? m : k) + gap, d.ldb = (transB ? k : n) + 2 * gap, d.ldc = n + 3 * gap;
  d.workspaceBytes = 1 << 20;
  d.transA = transA, d.transB = transB;
  return d;
}

} // namespace

TEST_F(Products, AreWhatTheLoopsSay) {
  for (auto [m, n, k] : {std::array{1, 1, 1}, {5, 7, 3}, {33, 1, 17}, {1, 24, 8}, {31, 45, 29}})
    for (int trans = 0; trans < 4; ++trans)
      for (int gap : {0, 3})
        for (int epilogue = JEPAC_EPILOGUE_NONE; epilogue <= JEPAC_EPILOGUE_BIAS_GRAD; ++epilogue)
          for (auto [inputs, result] :
               {std::array{JEPAC_F32, JEPAC_F32}, {JEPAC_BF16, JEPAC_F32}, {JEPAC_BF16, JEPAC_BF16}}) {
            jepac_device_gemm_desc d = product(m, n, k, trans & 1, trans & 2, gap);
            d.inputs = inputs, d.result = result, d.biasType = result, d.epilogue = epilogue;
            if (epilogue == JEPAC_EPILOGUE_GELU || epilogue == JEPAC_EPILOGUE_DGELU)
              d.auxiliary = (n + 7) / 8 * 8 + (gap ? 16 : 0);
            check(d);
          }
}

// As on a device for which the library has no algorithm with such an epilogue.
TEST_F(Products, AreFollowedByTheirSumsWhereTheLibraryHasNoEpilogueForThem) {
  ASSERT_EQ(setenv("JEPAC_FAKE_CUBLASLT_NO_BIAS_GRAD", "1", 1), 0);
  for (auto [m, n, k] : {std::array{1, 1, 1}, {5, 7, 3}, {33, 1, 17}, {31, 45, 29}, {1030, 24, 8}})
    for (int gap : {0, 3})
      for (int epilogue : {JEPAC_EPILOGUE_DGELU, JEPAC_EPILOGUE_BIAS_GRAD})
        for (auto [inputs, result] :
             {std::array{JEPAC_F32, JEPAC_F32}, {JEPAC_BF16, JEPAC_F32}, {JEPAC_BF16, JEPAC_BF16}}) {
          bool sumsResult = epilogue == JEPAC_EPILOGUE_DGELU;
          jepac_device_gemm_desc d = product(m, n, k, /*transA=*/!sumsResult, false, gap);
          d.inputs = inputs, d.result = result, d.biasType = result, d.epilogue = epilogue;
          if (sumsResult)
            d.auxiliary = (n + 7) / 8 * 8;
          check(d);
        }
  // The sums of 45 columns over 31 rows were asked for as a product of one row.
  gemm.save();
  EXPECT_HAS(readBytes(folder / "algorithms"), ": 1 45 31 31 45 45 ");

  jepac_device_gemm_desc small = product(100, 8, 8, false, false);
  small.epilogue = JEPAC_EPILOGUE_DGELU, small.auxiliary = 8, small.workspaceBytes = 256;
  try {
    check(small);
    ADD_FAILURE();
  } catch (const Error &error) {
    EXPECT_HAS(std::string(error.what()), "(256 bytes) has no room for what cuBLASLt's missing epilogue takes (512)");
  }
  unsetenv("JEPAC_FAKE_CUBLASLT_NO_BIAS_GRAD");
}

TEST_F(Products, InE4m3HaveScales) {
  for (int epilogue : {JEPAC_EPILOGUE_NONE, JEPAC_EPILOGUE_BIAS, JEPAC_EPILOGUE_GELU})
    for (int result : {JEPAC_BF16, JEPAC_F32}) {
      jepac_device_gemm_desc d = product(48, 32, 16, false, true);
      d.inputs = JEPAC_E4M3, d.result = result, d.biasType = JEPAC_BF16, d.epilogue = epilogue;
      check(d);
    }
}

TEST_F(Products, ThatTheLibraryRefusesAreNamed) {
  jepac_device_gemm_desc d = product(8, 12, 4, false, true);
  d.epilogue = JEPAC_EPILOGUE_GELU, d.auxiliary = 12; // must be a multiple of 8
  try {
    check(d);
    FAIL();
  } catch (const Error &error) {
    EXPECT_STREQ(error.what(),
                 "cuBLASLt refused a product of 8 x 12 x 4 nt in f32, epilogue 2: CUBLAS_STATUS_INVALID_VALUE");
  }
}

TEST_F(Products, WithoutWorkspaceTakeWhatNeedsNone) {
  jepac_device_gemm_desc d = product(8, 12, 40, false, true);
  d.workspaceBytes = 0;
  check(d);
}

TEST_F(Products, KeepTheirAlgorithms) {
  std::string file = folder / "algorithms";
  jepac_device_gemm_desc d = product(8, 12, 40, false, true);
  check(d);
  EXPECT_FALSE(std::filesystem::exists(file));
  gemm.save();
  std::string text = readBytes(file);
  EXPECT_HAS(text, "jepac-algorithms-1 ");
  EXPECT_HAS(text, " fake GPU cublasLt 130100: 8 12 40 40 40 12 0 1048576 0 1 0 0 1 0 256 256 256 256 256\n");

  // Others' entries stay beside one's own.
  jepac_device_gemm_desc other = product(4, 12, 40, false, true);
  check(other);
  gemm.save();
  EXPECT_GT(readBytes(file).size(), text.size());
}

TEST_F(Products, MeasureAgainWhereTheCacheIsBrokenOrForeign) {
  std::string file = folder / "algorithms";
  jepac_device_gemm_desc d = product(8, 12, 40, false, true);
  check(d);
  gemm.save();
  std::string good = readBytes(file), foreign = good;
  auto measuredWith = [&](const std::string &text) {
    writeBytes(file, text);
    DeviceGemm again(device, cache());
    Numbers a(device, JEPAC_F32, 8 * 40, random), b(device, JEPAC_F32, 12 * 40, random),
        c(device, JEPAC_F32, 8 * 12, random);
    DeviceMemory workspace(device, d.workspaceBytes, "a test");
    again.run(
        d,
        {c.place(), a.place(), b.place(), nullptr, nullptr, nullptr, nullptr, reinterpret_cast<void *>(workspace.at())},
        device.stream());
    std::filesystem::remove(file);
    again.save(); // writes only what was measured
    return std::filesystem::exists(file);
  };
  EXPECT_FALSE(measuredWith(good));
  writeBytes(file, good);
  auto longAgo = std::filesystem::last_write_time(file) - std::chrono::hours(24);
  std::filesystem::last_write_time(file, longAgo);
  cache();
  EXPECT_GT(std::filesystem::last_write_time(file), longAgo) << "its use does not show";
  EXPECT_TRUE(measuredWith(good.substr(0, good.size() / 2)));
  EXPECT_TRUE(measuredWith(""));
  foreign.back() = 'x';
  EXPECT_TRUE(measuredWith(foreign));
}

TEST_F(Products, AreNotMeasuredWhereNothingCanBeKept) {
  AlgorithmCache nowhere{std::filesystem::path()};
  EXPECT_FALSE(nowhere.keeps());
  writeBytes(folder / "file", "");
  EXPECT_FALSE(AlgorithmCache(std::filesystem::path(folder / "file") / "algorithms").keeps());
  DeviceGemm plain(device, nowhere);
  jepac_device_gemm_desc d = product(2, 2, 2, false, true);
  Numbers a(device, JEPAC_F32, 4, random), b(device, JEPAC_F32, 4, random), c(device, JEPAC_F32, 4, random);
  DeviceMemory workspace(device, d.workspaceBytes, "a test");
  ProductPlaces places{c.place(), a.place(), b.place(), nullptr,
                       nullptr,   nullptr,   nullptr,   reinterpret_cast<void *>(workspace.at())};
  // A capture would be spoilt by a measurement.
  device.check(device.driver.captureBegin(device.stream(), captureThreadLocal), "capturing");
  plain.run(d, places, device.stream());
  Graph graph = nullptr;
  EXPECT_EQ(device.driver.captureEnd(device.stream(), &graph), success);
  device.driver.graphDestroy(graph);
  device.check(device.driver.captureBegin(device.stream(), captureThreadLocal), "capturing");
  EXPECT_THROW(gemm.run(d, places, device.stream()), Error);
  EXPECT_NE(device.driver.captureEnd(device.stream(), &graph), success);
}
