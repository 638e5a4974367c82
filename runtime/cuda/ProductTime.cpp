//===- ProductTime.cpp - how long a product takes alone -------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/cuda/ProductTime.h"

#include "runtime/core/BFloat16.h"
#include "runtime/core/Median.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

using namespace jepa::rt;
using namespace jepa::rt::cuda;

static constexpr int runs = 20;

static std::int64_t rounded(std::int64_t bytes) { return (bytes + 255) / 256 * 256; }

static std::int64_t elementBytes(std::int32_t type) { return type == JEPAC_E4M3 ? 1 : type == JEPAC_BF16 ? 2 : 4; }

/// Numbers between -1 and 1 of a type, `count` of them: how fast a product is depends on its numbers' bits.
static std::vector<std::byte> numbersOf(std::int32_t type, std::int64_t count) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(count * elementBytes(type)));
  std::uint32_t state = 1;
  for (std::int64_t i = 0; i < count; ++i) {
    state = state * 1664525 + 1013904223;
    float value = static_cast<float>(state >> 8) * 0x1p-23F - 1;
    std::uint16_t narrow = floatToBfloat(value);
    auto small = static_cast<std::uint8_t>(state >> 24 & 0xb7); // at most 1.875, of either sign
    const void *from = type == JEPAC_E4M3   ? static_cast<const void *>(&small)
                       : type == JEPAC_BF16 ? static_cast<const void *>(&narrow)
                                            : &value;
    std::memcpy(bytes.data() + i * elementBytes(type), from, static_cast<std::size_t>(elementBytes(type)));
  }
  return bytes;
}

double jepa::rt::cuda::timeProduct(Device &device, DeviceGemm &gemm, const jepac_device_gemm_desc &d) {
  std::int64_t bytes = 0;
  auto reserve = [&](std::int64_t size) { return std::exchange(bytes, bytes + rounded(size)); };
  std::int64_t aBytes = (d.transA ? d.k : d.m) * d.lda * elementBytes(d.inputs);
  std::int64_t bBytes = (d.transB ? d.n : d.k) * d.ldb * elementBytes(d.inputs);
  std::int64_t a = reserve(aBytes), b = reserve(bBytes), c = reserve(d.m * d.ldc * elementBytes(d.result));
  std::int64_t bias = reserve(std::max(d.m, d.n) * 4), aux = reserve(d.m * d.auxiliary * elementBytes(d.result));
  std::int64_t scale = reserve(sizeof(float)), workspace = reserve(d.workspaceBytes);
  DeviceMemory matrices(device, bytes,
                        "timing " + std::to_string(d.m) + " x " + std::to_string(d.n) + " x " + std::to_string(d.k) +
                            " alone");
  auto fill = [&](std::int64_t at, std::int64_t size, const std::vector<std::byte> &numbers) {
    for (std::int64_t done = 0; done < size; done += static_cast<std::int64_t>(numbers.size()))
      device.check(device.driver.copyToDevice(matrices.at(at + done), numbers.data(),
                                              static_cast<std::size_t>(std::min<std::int64_t>(
                                                  size - done, static_cast<std::int64_t>(numbers.size()))),
                                              device.stream()),
                   "filling a matrix");
  };
  std::vector<std::byte> numbers = numbersOf(d.inputs, 1 << 18), one = numbersOf(JEPAC_F32, 1);
  fill(a, aBytes, numbers);
  fill(b, bBytes, numbers);
  fill(scale, sizeof(float), one);
  fill(bias, std::max(d.m, d.n) * 4, numbersOf(d.biasType, 1 << 10));
  fill(aux, d.m * d.auxiliary * elementBytes(d.result), numbersOf(d.result, 1 << 18));
  auto at = [&](std::int64_t offset) { return reinterpret_cast<void *>(matrices.at(offset)); };
  bool plain = d.epilogue == JEPAC_EPILOGUE_NONE;
  auto *scales = static_cast<const float *>(at(scale));
  ProductPlaces where{at(c),  at(a),  at(b),        plain ? nullptr : at(bias), d.auxiliary ? at(aux) : nullptr,
                      scales, scales, at(workspace)};
  gemm.run(d, where, device.stream());
  DeviceEvent first(device), last(device);
  std::vector<double> seconds;
  for (int i = 0; i < runs; ++i) {
    first.record(device.stream());
    gemm.run(d, where, device.stream());
    last.record(device.stream());
    last.wait("a product");
    seconds.push_back(last.secondsSince(first));
  }
  gemm.save();
  return median(seconds);
}
