//===- State.cpp - the arena and what lives in it -------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/core/State.h"

#include "runtime/core/CpuFeatures.h"
#include "runtime/core/PositionTable.h"
#include "runtime/core/Random.h"
#include "runtime/core/ThreadPool.h"
#include "runtime/gemm/Gemm.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

using namespace jepa::rt;

//===----------------------------------------------------------------------===//
// The machine
//===----------------------------------------------------------------------===//

std::vector<std::string> jepa::rt::missingCpuFeatures(const Plan &plan) {
  std::vector<std::string> missing;
  for (const std::string &feature : plan.cpuFeatures)
    if (!cpuHas(feature))
      missing.push_back(feature);
  return missing;
}

void jepa::rt::checkMachine(const Plan &plan) {
  std::int64_t threads = ThreadPool::get().threads();
  if (threads > plan.maxThreads)
    throw usageError("this binary was planned for at most " + std::to_string(plan.maxThreads) +
                     " threads, found " + std::to_string(threads) +
                     "; set JEPAC_THREADS to a smaller number or build it again");
  std::string missing;
  for (const std::string &feature : missingCpuFeatures(plan))
    missing += (missing.empty() ? "" : ", ") + feature;
  if (!missing.empty())
    throw Error("this processor lacks what the binary was built for: " + missing +
                "; build it again here, or with --cpu-features x86-64-v3");
  if (plan.gemms.empty() || plan.onDevice())
    return;
  limitProducts(plan.cpuFeatures);
  requireOneDnn();
  for (const GemmUse &use : plan.gemms) {
    std::int64_t needed = gemmScratchBytes(use.desc, threads);
    if (needed > use.scratchBytes)
      throw Error("oneDNN needs " + std::to_string(needed) + " bytes of scratch for a product of " +
                  gemmShape(use.desc) + " on this machine, planned were " +
                  std::to_string(use.scratchBytes) + "; build the binary again here");
    std::int64_t plain = use.desc.n * use.desc.k * (use.desc.inputs == JEPAC_BF16 ? 2 : 4);
    if (use.desc.packedB && jepac_gemm_packed_bytes(&use.desc) > plain)
      throw Error("a packed weight of a product of " + gemmShape(use.desc) +
                  " needs more room on this machine than was planned; build the binary again here");
  }
}

//===----------------------------------------------------------------------===//
// The arena
//===----------------------------------------------------------------------===//

/// What the system says can be had without swapping anything else out; -1 when
/// it does not say.
static std::int64_t availableBytes() {
  std::ifstream text("/proc/meminfo");
  std::string key, unit;
  std::int64_t kibibytes = 0, sum = -1;
  while (text >> key >> kibibytes && std::getline(text, unit))
    if (key == "MemAvailable:" || key == "SwapFree:")
      sum = std::max<std::int64_t>(sum, 0) + kibibytes * 1024;
  return sum;
}

static constexpr const char *useLess = "; free memory, or build for a smaller batch or resolution";

/// What the host keeps: all of the arena, or the named buffers of a device's.
static std::int64_t hostBytes(const Plan &plan) {
  if (!plan.onDevice())
    return plan.arenaBytes;
  std::int64_t bytes = 0;
  for (const Buffer &buffer : plan.buffers)
    bytes += buffer.bytes;
  return bytes;
}

State::State(const Plan &plan) : plan(plan) {
  // Linux grants more than it has and kills later, without a word.
  std::int64_t needed = hostBytes(plan);
  if (std::int64_t has = availableBytes(); has >= 0 && needed > has)
    throw Error("this binary needs " + std::to_string(needed) + " bytes of memory, " + std::to_string(has) +
                " are available" + useLess);
  mapped = static_cast<std::size_t>(std::max<std::int64_t>(plan.arenaBytes, 1));
  int reserve = plan.onDevice() ? MAP_NORESERVE : 0;
  void *memory = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | reserve, -1, 0);
  if (memory == MAP_FAILED)
    throw Error("could not reserve the " + std::to_string(plan.arenaBytes) +
                " bytes that this binary needs: " + std::strerror(errno) + useLess);
  base = static_cast<std::byte *>(memory);
#ifdef MADV_HUGEPAGE
  if (!plan.onDevice())
    madvise(base, mapped, MADV_HUGEPAGE); // advice: slower without, not wrong
#endif
}

State::~State() { munmap(base, mapped); }

double State::get(const Buffer &buffer, std::int64_t index) const {
  return withReals(buffer,
                   [&](auto values) -> double { return values[static_cast<std::size_t>(index)]; });
}

void State::set(const Buffer &buffer, std::int64_t index, double value) const {
  withReals(buffer, [&]<class T>(std::span<T> values) {
    values[static_cast<std::size_t>(index)] = static_cast<T>(value);
  });
}

//===----------------------------------------------------------------------===//
// Step 0
//===----------------------------------------------------------------------===//

/// The published initialiser cuts at this value, not at two deviations.
static constexpr double truncatedAt = 2;

void State::initializeParameter(const Buffer &parameter, std::uint64_t seed) {
  Random random(seed, parameter.name);
  bool drawn = parameter.init == "trunc_normal";
  double constant = parameter.init == "ones" ? 1 : 0;
  withReals(parameter, [&]<class T>(std::span<T> values) {
    constexpr std::size_t grain = 1 << 12;
    parallelFor(parameter.elements, grain, [&](std::int64_t begin, std::int64_t end, std::int64_t) {
      std::array<double, grain> numbers;
      std::span<double> chunk(numbers.data(), static_cast<std::size_t>(end - begin));
      if (drawn)
        random.truncatedNormals(static_cast<std::uint64_t>(begin), chunk, parameter.std, truncatedAt);
      else
        std::ranges::fill(chunk, constant);
      std::ranges::transform(chunk, values.begin() + begin, [](double x) { return static_cast<T>(x); });
    });
  });
  packParameter(plan, parameter, base);
}

/// Runs body(begin, end) over [0, bytes): whoever first touches a page waits until the system has cleared it, so all
/// threads do.
template <class Body> static void overPages(std::size_t bytes, Body body) {
  constexpr std::int64_t hugePage = 1 << 21;
  parallelFor(static_cast<std::int64_t>(bytes), hugePage, [&](std::int64_t begin, std::int64_t end, std::int64_t) {
    body(static_cast<std::size_t>(begin), static_cast<std::size_t>(end));
  });
}

void State::copyTeachers() {
  for (const Buffer &buffer : plan.buffers)
    if (buffer.kind == BufferKind::Parameter && !buffer.emaOf.empty()) {
      const std::byte *from = bytes(plan.at(buffer.emaOf)).data();
      std::span<std::byte> to = bytes(buffer);
      overPages(to.size(), [&](std::size_t begin, std::size_t end) {
        std::copy(from + begin, from + end, to.data() + begin);
      });
    }
}

void State::zeroMoments() {
  for (const Buffer &buffer : plan.buffers)
    if (buffer.kind == BufferKind::Moment) {
      std::span<std::byte> moment = bytes(buffer);
      overPages(moment.size(), [&](std::size_t begin, std::size_t end) {
        std::ranges::fill(moment.subspan(begin, end - begin), std::byte(0));
      });
    }
}

void State::fillTables() {
  for (const Buffer &buffer : plan.buffers) {
    if (buffer.kind != BufferKind::Table)
      continue;
    std::vector<double> table = positionTable(buffer);
    withReals(buffer, [&]<class T>(std::span<T> values) {
      std::ranges::transform(table, values.begin(), [](double x) { return static_cast<T>(x); });
    });
  }
}

void State::initialize(std::uint64_t seed) {
  for (const Buffer &buffer : plan.buffers)
    if (buffer.kind == BufferKind::Parameter && buffer.emaOf.empty())
      initializeParameter(buffer, seed);
  copyTeachers();
  zeroMoments();
  fillTables();
  fillCopies(plan, base);
}

template <class Master>
static void round(const std::byte *from, std::byte *to, std::int64_t count) {
  constexpr std::int64_t grain = 1 << 16;
  const auto *masters = reinterpret_cast<const Master *>(from);
  auto *copies = reinterpret_cast<BFloat16 *>(to);
  parallelFor(count, grain, [&](std::int64_t begin, std::int64_t end, std::int64_t) {
    std::transform(masters + begin, masters + end, copies + begin,
                   [](Master x) { return BFloat16(static_cast<float>(x)); });
  });
}

void jepa::rt::fillCopies(const Plan &plan, std::byte *arena) {
  for (const Buffer &buffer : plan.buffers)
    if (buffer.kind == BufferKind::Copy) {
      const Buffer &master = plan.at(buffer.master());
      auto fill = master.dtype == DType::F64 ? round<double> : round<float>;
      fill(arena + master.offset, arena + buffer.offset, buffer.elements);
    }
}

void jepa::rt::packParameter(const Plan &plan, const Buffer &parameter, std::byte *arena) {
  if (!parameter.packed)
    return;
  const jepac_gemm_desc &product = *plan.productOf(parameter);
  std::byte *place = arena + parameter.offset;
  std::vector<std::byte> plain(place, place + parameter.bytes);
  std::vector<std::byte> scratch(
      static_cast<std::size_t>(gemmScratchBytes(product, ThreadPool::get().threads())));
  jepac_gemm_pack(&product, place, plain.data(), scratch.data());
}
