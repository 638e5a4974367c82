//===- jepa-opt.cpp - run passes on IR ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/InitAll.h"
#include "compiler/analysis/PassReport.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/PrettyStackTrace.h"
#include "llvm/Support/ToolOutputFile.h"

using jepa::PassReport;

static llvm::cl::opt<PassReport::Format> reportFormat(
    "jepa-pass-report", llvm::cl::desc("Print what passes counted on standard error"),
    llvm::cl::values(clEnumValN(PassReport::Format::Text, "text", "one counter a line"),
                     clEnumValN(PassReport::Format::Json, "json", "one JSON object")));

namespace {
/// Prints the context's report at the end of a pipeline.
struct PrintReport : mlir::PassWrapper<PrintReport, mlir::OperationPass<>> {
  llvm::StringRef getName() const override { return "PrintReport"; }
  void runOnOperation() override {
    markAllAnalysesPreserved();
    PassReport::get(&getContext())->print(llvm::errs(), reportFormat);
  }
};
} // namespace

/// What mlir-opt's main does, with the report after the pipeline.
static mlir::LogicalResult runWithReport(const std::string &input, const std::string &output,
                                         mlir::DialectRegistry &registry) {
  std::string message;
  auto file = mlir::openInputFile(input, &message);
  auto out = file ? mlir::openOutputFile(output, &message) : nullptr;
  if (!out) {
    llvm::errs() << message << "\n";
    return mlir::failure();
  }
  auto config = mlir::MlirOptMainConfig::createFromCLOptions(), withReport = config;
  withReport.setPassPipelineSetupFn([&](mlir::PassManager &manager) {
    if (failed(config.setupPassPipeline(manager)))
      return mlir::failure();
    manager.addPass(std::make_unique<PrintReport>());
    return mlir::success();
  });
  if (failed(mlir::MlirOptMain(out->os(), std::move(file), registry, withReport)))
    return mlir::failure();
  out->keep();
  return mlir::success();
}

int main(int argc, char **argv) {
  llvm::setBugReportMsg("PLEASE report this to jepac's issue tracker, with the input and the crash backtrace.\n");
  mlir::DialectRegistry registry;
  jepa::registerAllDialects(registry);
  jepa::registerAllPasses();
  PassReport::attach(registry);
  auto [input, output] = mlir::registerAndParseCLIOptions(argc, argv, "jepac's pass driver\n", registry);
  if (reportFormat.getNumOccurrences())
    return mlir::asMainReturnCode(runWithReport(input, output, registry));
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, input, output, registry));
}
