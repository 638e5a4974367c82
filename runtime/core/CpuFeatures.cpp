//===- CpuFeatures.cpp - what the processor can do ------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/core/CpuFeatures.h"

#include <algorithm>
#include <iterator>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

using namespace jepa::rt;

namespace {

enum Register { EAX, EBX, ECX, EDX };

/// The registers that the system must save for programs, as bits of XCR0.
enum Saved : unsigned { None = 0, Ymm = 0x06, Zmm = 0xe6, Tiles = 0x60000 };

/// Where cpuid says it.
struct Feature {
  std::string_view name;
  unsigned leaf, subleaf;
  Register place;
  unsigned bit;
  Saved saved;
};

constexpr Feature features[] = {
    {"sse3", 1, 0, ECX, 0, None},
    {"pclmul", 1, 0, ECX, 1, None},
    {"ssse3", 1, 0, ECX, 9, None},
    {"fma", 1, 0, ECX, 12, Ymm},
    {"sse4.1", 1, 0, ECX, 19, None},
    {"sse4.2", 1, 0, ECX, 20, None},
    {"movbe", 1, 0, ECX, 22, None},
    {"popcnt", 1, 0, ECX, 23, None},
    {"aes", 1, 0, ECX, 25, None},
    {"avx", 1, 0, ECX, 28, Ymm},
    {"f16c", 1, 0, ECX, 29, Ymm},
    {"bmi", 7, 0, EBX, 3, None},
    {"avx2", 7, 0, EBX, 5, Ymm},
    {"bmi2", 7, 0, EBX, 8, None},
    {"avx512f", 7, 0, EBX, 16, Zmm},
    {"avx512dq", 7, 0, EBX, 17, Zmm},
    {"adx", 7, 0, EBX, 19, None},
    {"avx512ifma", 7, 0, EBX, 21, Zmm},
    {"avx512cd", 7, 0, EBX, 28, Zmm},
    {"sha", 7, 0, EBX, 29, None},
    {"avx512bw", 7, 0, EBX, 30, Zmm},
    {"avx512vl", 7, 0, EBX, 31, Zmm},
    {"avx512vbmi", 7, 0, ECX, 1, Zmm},
    {"avx512vbmi2", 7, 0, ECX, 6, Zmm},
    {"gfni", 7, 0, ECX, 8, None},
    {"vaes", 7, 0, ECX, 9, Ymm},
    {"vpclmulqdq", 7, 0, ECX, 10, Ymm},
    {"avx512vnni", 7, 0, ECX, 11, Zmm},
    {"avx512bitalg", 7, 0, ECX, 12, Zmm},
    {"avx512vpopcntdq", 7, 0, ECX, 14, Zmm},
    {"avx512vp2intersect", 7, 0, EDX, 8, Zmm},
    {"amx-bf16", 7, 0, EDX, 22, Tiles},
    {"avx512fp16", 7, 0, EDX, 23, Zmm},
    {"amx-tile", 7, 0, EDX, 24, Tiles},
    {"amx-int8", 7, 0, EDX, 25, Tiles},
    {"sha512", 7, 1, EAX, 0, Ymm},
    {"sm3", 7, 1, EAX, 1, Ymm},
    {"sm4", 7, 1, EAX, 2, Ymm},
    {"avxvnni", 7, 1, EAX, 4, Ymm},
    {"avx512bf16", 7, 1, EAX, 5, Zmm},
    {"amx-fp16", 7, 1, EAX, 21, Tiles},
    {"avxifma", 7, 1, EAX, 23, Ymm},
    {"avxvnniint8", 7, 1, EDX, 4, Ymm},
    {"avxneconvert", 7, 1, EDX, 5, Ymm},
    {"avxvnniint16", 7, 1, EDX, 10, Ymm},
    {"lzcnt", 0x80000001, 0, ECX, 5, None},
    {"sse4a", 0x80000001, 0, ECX, 6, None},
    {"xop", 0x80000001, 0, ECX, 11, Ymm},
    {"fma4", 0x80000001, 0, ECX, 16, Ymm},
    {"tbm", 0x80000001, 0, ECX, 21, None},
};

} // namespace

static const Feature *find(std::string_view name) {
  const auto *found = std::ranges::find(features, name, &Feature::name);
  return found == std::end(features) ? nullptr : found;
}

#if defined(__x86_64__)
static bool asks(unsigned leaf, unsigned subleaf, Register place, unsigned bit) {
  unsigned registers[4] = {};
  if (!__get_cpuid_count(leaf, subleaf, &registers[EAX], &registers[EBX], &registers[ECX], &registers[EDX]))
    return false;
  return registers[place] >> bit & 1;
}

static bool saves(unsigned registers) {
  constexpr unsigned xgetbvBit = 27;
  if (!asks(1, 0, ECX, xgetbvBit))
    return registers == 0;
  unsigned low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & registers) == registers;
}

/// Linux saves the tile registers' 8 KiB only for programs that ask for them.
static bool mayUseTiles() {
  constexpr long requestPermission = 0x1023, tileData = 18;
  static const bool may = syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
  return may;
}
#else
static bool asks(unsigned, unsigned, Register, unsigned) { return false; }
static bool saves(unsigned) { return false; }
static bool mayUseTiles() { return false; }
#endif

bool jepa::rt::isCpuFeature(std::string_view name) { return find(name) != nullptr; }

bool jepa::rt::cpuHas(std::string_view name) {
  const Feature *feature = find(name);
  return feature && asks(feature->leaf, feature->subleaf, feature->place, feature->bit) && saves(feature->saved) &&
         (feature->saved != Tiles || mayUseTiles());
}
