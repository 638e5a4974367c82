//===- State.h - the arena and what lives in it ---------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_CORE_STATE_H
#define JEPA_RUNTIME_CORE_STATE_H

#include "runtime/core/BFloat16.h"
#include "runtime/core/Error.h"
#include "runtime/core/Plan.h"

#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace jepa::rt {

/// Those of the features that the plan's code needs which this processor lacks.
std::vector<std::string> missingCpuFeatures(const Plan &plan);

/// Refuses, in one line, what this machine cannot run: code for features that
/// the processor lacks, a plan with products where oneDNN is missing, more threads than were planned, more scratch than
/// was planned. Products of f64 plans, of the reference target and of devices use none of it.
/// Call before the arena is made.
void checkMachine(const Plan &plan);

/// The memory of a plan: one mapping of arena_bytes, zero at first, 64-byte
/// aligned, and its buffers by name. Refers to the plan. Where the program runs
/// on a device, this is the host's mirror of its named buffers: the mapping has
/// the arena's addresses, and takes memory only where a buffer is touched.
class State {
public:
  /// Maps the arena; throws Error with the number of bytes when it cannot.
  explicit State(const Plan &plan);
  ~State();
  State(const State &) = delete;
  State &operator=(const State &) = delete;

  const Plan &plan;

  void *arena() const { return base; }

  /// A buffer's bytes.
  std::span<std::byte> bytes(const Buffer &buffer) const {
    return {base + buffer.offset, static_cast<std::size_t>(buffer.bytes)};
  }

  /// A buffer's elements. T is float, double, BFloat16 or int32_t; throws Error when the
  /// buffer holds others.
  template <class T> std::span<T> elements(const Buffer &buffer) const {
    constexpr DType wanted = std::is_same_v<T, float>      ? DType::F32
                             : std::is_same_v<T, double>   ? DType::F64
                             : std::is_same_v<T, BFloat16> ? DType::BF16
                                                           : DType::I32;
    static_assert(std::is_same_v<T, float> || std::is_same_v<T, double> ||
                  std::is_same_v<T, BFloat16> || std::is_same_v<T, std::int32_t>);
    if (buffer.dtype != wanted)
      throw Error("buffer '" + buffer.name + "' holds " + std::string(dtypeName(buffer.dtype)) +
                  ", not " + std::string(dtypeName(wanted)));
    return {reinterpret_cast<T *>(base + buffer.offset), static_cast<std::size_t>(buffer.elements)};
  }
  template <class T> std::span<T> elements(std::string_view name) const {
    return elements<T>(plan.at(name));
  }

  /// Reads or writes element `index` of a real buffer of any dtype.
  double get(const Buffer &buffer, std::int64_t index) const;
  void set(const Buffer &buffer, std::int64_t index, double value) const;

  /// Brings everything to step 0: parameters by their rule, as a function of
  /// (seed, name, element) alone; teachers as they are; moments zero; tables
  /// and low-precision copies filled.
  void initialize(std::uint64_t seed);

  /// The parts of initialize(), for weights that come from elsewhere.
  void initializeParameter(const Buffer &parameter, std::uint64_t seed);
  void copyTeachers();
  void zeroMoments();
  void fillTables();

private:
  /// Calls `use(span)` with a real buffer's elements in their own type.
  template <class Use> decltype(auto) withReals(const Buffer &buffer, Use use) const {
    if (buffer.dtype == DType::F64)
      return use(elements<double>(buffer));
    if (buffer.dtype == DType::BF16)
      return use(elements<BFloat16>(buffer));
    return use(elements<float>(buffer));
  }

  std::byte *base = nullptr;
  std::size_t mapped = 0;
};

/// Makes the low-precision copies of a plan's parameters again. Whoever writes
/// parameters from outside calls this before the next run; the optimiser keeps
/// the copies up to date by itself.
void fillCopies(const Plan &plan, std::byte *arena);

/// Brings a parameter that was just written, element by element, into the
/// layout that the plan wants it in. Whoever writes one from outside calls this
/// once for it.
void packParameter(const Plan &plan, const Buffer &parameter, std::byte *arena);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_CORE_STATE_H
