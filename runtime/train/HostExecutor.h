//===- HostExecutor.h - steps on the processor ----------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_TRAIN_HOSTEXECUTOR_H
#define JEPA_RUNTIME_TRAIN_HOSTEXECUTOR_H

#include "runtime/core/Executor.h"

namespace jepa::rt {

/// Runs on the calling thread and the pool: the arena is the host's memory, and
/// launch() returns when the step is done.
class HostExecutor final : public Executor {
public:
  HostExecutor(void *arena, jepac_run_function function) : arena(static_cast<std::byte *>(arena)), function(function) {}

  std::byte *input(const Buffer &buffer) override { return arena + buffer.offset; }
  void stage() override {}
  /// A step's outputs may lie where the next one's inputs go.
  bool overlaps() const override { return false; }
  void launch() override;
  double finish() override { return seconds; }
  void upload(const Buffer &) override {}
  void download(const Buffer &) override {}
  /// Weights are packed beforehand.
  double timeProduct(const GemmUse &use) override;

private:
  std::byte *arena;
  jepac_run_function function;
  double seconds = 0;
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_TRAIN_HOSTEXECUTOR_H
