//===- CheckProgram.h - a program at one of its stages, run in this process ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_DRIVER_CHECKPROGRAM_H
#define JEPA_COMPILER_DRIVER_CHECKPROGRAM_H

#include "compiler/driver/CheckCode.h"
#include "compiler/driver/Request.h"
#include "runtime/core/State.h"
#include "runtime/masking/MaskSampler.h"
#include "runtime/train/Schedules.h"

#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <memory>

namespace jepa {

/// What one run of a program leaves that can be compared with another stage of it.
struct Observation {
  using Values = std::map<std::string, std::vector<double>>;
  /// Results and taps, by name.
  Values outputs;
  /// The gradients that wait for an optimiser (`jepa.gradient`), by parameter.
  Values gradients;
  /// By how much the run moved each parameter and moment; what stayed as it was is left out.
  Values changes;
  /// Low-precision copies of parameters after the run.
  Values copies;
};

/// What every stage of a check runs on: a clip, masks, weights, moments and hyper-parameters that depend on the seed and
/// their names alone and are the same, to the last bit, in f32 and in f64.
class CheckInputs {
public:
  explicit CheckInputs(const Specialisation &specialisation);

  /// Brings the arena to the state before the run. What is neither input nor state becomes NaN, so that whatever a
  /// program forgets to write is seen.
  void fill(rt::State &state) const;

  /// A parameter's or a moment's value before the run.
  const std::vector<double> &stateBefore(const rt::Buffer &buffer) const;
  /// The vector of hyper-parameters: clipping, decay and bias correction all have an effect.
  static rt::HyperVector hyper();

private:
  std::vector<rt::MaskDraw> draws;
  /// What was drawn, by name.
  mutable std::map<std::string, std::vector<double>> states;
};

/// A stage of a program, compiled into this process: tensors on the reference target with every buffer in a place of its
/// own, kernels as they are.
class CheckProgram {
public:
  /// Compiles a copy of `module`. f32 tensors are computed in f64 (and bf16 tensors are rounded where the program says
  /// so), so that what two stages differ by is not rounding; kernels compute in what they were lowered for. Throws
  /// rt::Error, with what the compiler said, where the program cannot be lowered. Runs while `code` lives.
  CheckProgram(mlir::ModuleOp module, const Specialisation &specialisation, const CheckInputs &inputs, CheckCode &code);

  /// Runs from the inputs and collects what is left. `adjust` may change the state first.
  Observation run(llvm::function_ref<void(rt::State &)> adjust = {});
  /// Wall time of the last run.
  double seconds() const { return time; }
  const rt::Plan &getPlan() const { return *plan; }

private:
  const CheckInputs &inputs;
  std::unique_ptr<rt::Plan> plan;
  jepac_run_function entry = nullptr;
  double time = 0;
};

/// Bytes of the arena that `module` would need on the request's target if it were lowered as it stands; none where it
/// cannot be lowered.
std::optional<int64_t> plannedBytes(mlir::ModuleOp module, const Specialisation &specialisation);

/// Memory traffic of one run if every op, or launch, read its operands and wrote its results once.
int64_t countBytes(mlir::ModuleOp module);

/// Whether the entry works on buffers rather than tensors, and whether these have their places.
bool isLowered(mlir::ModuleOp module);
bool isPlanned(mlir::ModuleOp module);

} // namespace jepa

#endif // JEPA_COMPILER_DRIVER_CHECKPROGRAM_H
