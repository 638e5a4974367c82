//===- Compiler.h - a specialised model, phase by phase, to object code ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_DRIVER_COMPILER_H
#define JEPA_COMPILER_DRIVER_COMPILER_H

#include "compiler/driver/Request.h"
#include "compiler/pipelines/Pipelines.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

namespace jepa {

/// What a build counts on the way.
struct Costs {
  /// Model FLOPs per clip of the whole step, and of the same step with every token computed.
  int64_t flopsPerClip = 0, flopsPerClipUnpruned = 0;
};

/// Compiles one specialisation. Each step returns failure after a diagnostic on the context, or throws what
/// Model::trace throws.
class Compiler {
public:
  explicit Compiler(const Specialisation &specialisation);
  ~Compiler();

  /// What is told of a build on its way: the name of a pass, empty for the import, and the module after it. A pass
  /// over functions is told once for each function, always with the same `number`. A pass that failed left a diagnostic.
  using Observer = std::function<void(llvm::StringRef pass, int number, mlir::ModuleOp module, bool failed)>;
  void setObserver(Observer tell) { observer = std::move(tell); }

  /// Runs the phases, from where the module is, up to and including `phase`; the module shows what it is then.
  mlir::LogicalResult runTo(Phase phase);
  mlir::ModuleOp getModule() { return *module; }
  const Costs &getCosts() const { return costs; }
  /// The passes of every phase, as text, without running one.
  std::string describePipelines();
  /// The passes that ran, as a textual pipeline.
  const std::string &getPipelineText() const { return pipelineText; }
  /// Prints what the passes counted, if the request asks for it.
  void printReport(llvm::raw_ostream &os);
  mlir::MLIRContext &getContext() { return context; }

  /// The device's kernels and the host's step as CUDA C++; need Phase::Cuda of target cuda.
  std::string kernelsText();
  std::string stepText();
  /// Takes compiled kernels in: their launches know their blocks, and objects() has the code as `jepa_device_code`. Throws
  /// rt::Error where a kernel is missing or another one than the text's.
  void setDeviceCode(std::string code);
  /// LLVM IR as text, after optimisation; needs Phase::Llvm.
  mlir::FailureOr<std::string> llvmText();
  /// Object code, in parts to link together, from Phase::Kernels, on that many threads (0: the machine's). The parts do
  /// not depend on the threads.
  mlir::FailureOr<std::vector<llvm::SmallVector<char, 0>>> objects(unsigned threads);

private:
  std::string deviceCode;
  mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> import();
  void fill(mlir::PassManager &manager, Phase phase, const PipelineOptions &pipeline);
  /// From Phase::Gradient: finds how far jepa-rematerialize has to go for the plan to hold the request's memory limit. Throws
  /// rt::Error with the smallest plan where none does.
  mlir::LogicalResult fitMemory();
  mlir::LogicalResult run(mlir::ModuleOp target, Phase phase, const PipelineOptions &options, bool record);

  const Specialisation &specialisation;
  mlir::MLIRContext context;
  mlir::ScopedDiagnosticHandler diagnostics;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// Where the module is.
  Phase reached = Phase::Jepa;
  PipelineOptions options;
  Costs costs;
  std::string pipelineText;
  Observer observer;
  int passesObserved = 0;
};

/// How much scratch the GEMM library asks for, for the threads and the processor of `specialisation`; the first call limits
/// this process' products to that processor.
ProductLibrary productLibrary(const Specialisation &specialisation);

/// The nodes that the model recorded, one per line.
std::string printGraph(const Graph &graph);

/// Model FLOPs of one run of `jepa_run`, calls included.
int64_t countFlops(mlir::ModuleOp module);

} // namespace jepa

#endif // JEPA_COMPILER_DRIVER_COMPILER_H
