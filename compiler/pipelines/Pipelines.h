//===- Pipelines.h - the phases of a build ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_PIPELINES_PIPELINES_H
#define JEPA_COMPILER_PIPELINES_PIPELINES_H

#include "compiler/target/Machine.h"
#include "compiler/target/Passes.h"

#include "mlir/Pass/PassManager.h"

#include <map>
#include <set>
#include <string>

namespace jepa {

/// What a build has been through, in order; the names are those of `jepac emit --stage`.
enum class Phase { Dsl, Jepa, Pruned, Gradient, Fused, Kernels, Cuda, Llvm };

struct PhaseInfo {
  Phase phase;
  const char *name;
  /// One line for `--stage` help.
  const char *description;
};
llvm::ArrayRef<PhaseInfo> getPhases();
std::optional<Phase> findPhase(llvm::StringRef name);

struct PipelineOptions {
  bool train = true;
  /// Masks have run-time lengths (`--masks published`).
  bool ragged = false;
  /// Samples keep all their tokens, packed (`--masks packed`). At most one of the two.
  bool packed = false;
  bool taps = false;
  /// Compute in bf16 where that is enough (`--dtype bf16`).
  bool lowPrecision = false;
  /// Compute the teacher's products in e4m3 (`--teacher-dtype fp8`), as far as the target can.
  bool quantizeTeacher = false;
  std::string target = "cpu";
  int64_t maxThreads = 1;
  /// Without `packedBytes` weights stay as they are.
  ProductLibrary products;
  /// Leave Phase::Llvm as nested modules, so that their code can be generated side by side.
  bool split = false;
  Machine machine;
  /// Bytes that `jepa-rematerialize` brings its estimate of the peak down to, as far as it can; 0 leaves it out.
  int64_t rematerializeTo = 0;
  /// Passes to leave out, by command line name, with or without the prefix "jepa-".
  std::set<std::string> disabled;
  /// Replaces the graph passes (pruned, gradient, fused) by a textual pipeline.
  std::string graphPipeline;
  /// Textual pipelines to run at the points "after-prune", "after-differentiate", "after-fuse".
  std::map<std::string, std::string> extensions;
};

/// Whether a pass is left out, by its command line name.
bool isDisabled(llvm::StringRef name, const PipelineOptions &options);

/// Fails, having said why to `errors`, where a program that runs needs a pass that is left out. One that is only looked at
/// does not.
mlir::LogicalResult verifyDisabled(const PipelineOptions &options, llvm::raw_ostream &errors);

/// Adds the passes that lead from the phase before `phase` to `phase`. Fails, having said why to `errors`, on a pipeline
/// text that cannot be parsed or a disabled pass that does not exist or is in every pipeline.
mlir::LogicalResult addPhase(mlir::OpPassManager &manager, Phase phase, const PipelineOptions &options,
                             llvm::raw_ostream &errors);

} // namespace jepa

#endif // JEPA_COMPILER_PIPELINES_PIPELINES_H
