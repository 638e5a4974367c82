//===- PassReport.h - what passes counted ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_ANALYSIS_PASSREPORT_H
#define JEPA_COMPILER_ANALYSIS_PASSREPORT_H

#include "mlir/IR/DialectInterface.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/Operation.h"
#include "llvm/Support/raw_ostream.h"

#include <map>
#include <mutex>

namespace jepa {

/// Numbers that passes leave for a person or a tool: FLOPs before and after, selections moved, functions outlined. (LLVM's
/// own pass statistics print nothing in a release build.) One report belongs to one context; passes may write to it from
/// several threads.
class PassReport : public mlir::DialectInterface::Base<PassReport> {
public:
  enum class Format { Text, Json };

  explicit PassReport(mlir::Dialect *dialect) : Base(dialect) {}

  /// Gives every context made from `registry` a report. Without this, counting does nothing.
  static void attach(mlir::DialectRegistry &registry);
  /// The context's report, or null.
  static PassReport *get(mlir::MLIRContext *context);

  /// Notes that `pass` counted `value` of `what` in the symbol `scope`. Counting again adds.
  static void count(mlir::Operation *scope, llvm::StringRef pass, llvm::StringRef what, int64_t value);

  /// While it lives nothing is counted: of what is only tried, or is done to a copy, nobody asks for a report.
  class Pause {
  public:
    explicit Pause(mlir::MLIRContext *context);
    ~Pause();
    Pause(const Pause &) = delete;
    Pause &operator=(const Pause &) = delete;

  private:
    PassReport *report;
  };

  /// Passes in the order in which they first counted, symbols and counters by name.
  /// JSON: {"passes": [{"pass": "...", "scopes": {"jepa_run": {"flops_before": 1, ...}}}]}
  void print(llvm::raw_ostream &os, Format format) const;

private:
  using Counters = std::map<std::string, int64_t>;
  struct Entry {
    std::string pass;
    std::map<std::string, Counters> scopes;
  };
  mutable std::mutex mutex; ///< guards what follows
  int pauses = 0;
  std::vector<Entry> entries;
};

} // namespace jepa

#endif // JEPA_COMPILER_ANALYSIS_PASSREPORT_H
