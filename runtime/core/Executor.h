//===- Executor.h - who runs a program's steps ----------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_CORE_EXECUTOR_H
#define JEPA_RUNTIME_CORE_EXECUTOR_H

#include "runtime/core/Plan.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace jepa::rt {

/// What a program takes of a device.
struct DeviceUse {
  std::string name;
  std::int64_t allocatedBytes = 0; ///< by the program
  std::int64_t usedBytes = 0;      ///< by all, with what the driver itself takes
};

/// Runs steps over an arena, which the host sees as a State's memory. One step
/// at a time:
///
///   write to input(...); stage(); launch(); finish(); read scalar outputs
///
/// Between launch() and finish() an executor that overlaps() takes the inputs
/// of the next step, as far as stage(). Everything may throw Error; after that
/// nothing but the destructor is called.
class Executor {
public:
  virtual ~Executor() = default;

  /// Where the next step's input is written. All inputs are written for each step.
  virtual std::byte *input(const Buffer &buffer) = 0;
  /// Hands the written inputs to the next launch.
  virtual void stage() = 0;
  /// Whether stage() may come between launch() and finish().
  virtual bool overlaps() const = 0;
  /// Begins a step.
  virtual void launch() = 0;
  /// Waits for the step's end and returns the seconds that it took. Outputs of one element are then in the host's
  /// memory; others come by download().
  virtual double finish() = 0;

  /// Between steps: brings a buffer from the host's memory to where the program runs, and back.
  virtual void upload(const Buffer &buffer) = 0;
  virtual void download(const Buffer &buffer) = 0;

  /// Median seconds of one product alone.
  virtual double timeProduct(const GemmUse &use) = 0;

  virtual std::optional<DeviceUse> device() const { return std::nullopt; }
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_CORE_EXECUTOR_H
