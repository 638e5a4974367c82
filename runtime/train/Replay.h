//===- Replay.h - running on given tensors and nothing random ------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_TRAIN_REPLAY_H
#define JEPA_RUNTIME_TRAIN_REPLAY_H

#include "runtime/train/Program.h"

#include <cstdint>
#include <optional>
#include <string>

namespace jepa::rt {

struct ReplayOptions {
  std::string inputs, outputs;
  /// Without it: the inputs' metadata `steps`, or one.
  std::optional<std::int64_t> steps;
};

/// Reads `clip`, `mask{i}.context`, `mask{i}.target` and `init.*` from the inputs.
/// To train, runs the steps and writes `losses` and `final.*`; built with taps,
/// also every output of step 0. To embed, runs once and writes every output.
/// Tensors that the program does not ask for are ignored.
void replay(const Program &program, const ReplayOptions &options);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_TRAIN_REPLAY_H
