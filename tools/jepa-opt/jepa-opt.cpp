//===- jepa-opt.cpp - run passes on IR ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/InitAll.h"
#include "passes/AllPasses.h.inc"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/PrettyStackTrace.h"

int main(int argc, char **argv) {
  llvm::setBugReportMsg("PLEASE report this to jepac's issue tracker, with the input and the crash backtrace.\n");
  mlir::DialectRegistry registry;
  jepa::registerAllDialects(registry);
  jepa::registerAllPasses();
  jepa::registerFolderPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "jepac's pass driver\n", registry));
}
