//===- Check.h - every pass of a pipeline, proved by running it ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_DRIVER_CHECK_H
#define JEPA_COMPILER_DRIVER_CHECK_H

#include "compiler/driver/Request.h"
#include "runtime/core/Json.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/raw_ostream.h"

namespace jepa {

/// The program after one pass.
struct CheckRow {
  std::string name;
  /// Against the first program that had the result, and against the row before. The latter decides.
  double errorInput = 0, errorPrevious = 0, tolerance = 0;
  bool ok = true;
  /// Model FLOPs and memory traffic of one run (the whole batch); the arena that it would need on the request's target,
  /// negative where it cannot be lowered; wall time of one run.
  int64_t flops = 0, bytes = 0, peakBytes = -1;
  double seconds = 0;
  /// What to know of the row beyond its numbers: which tensor is worst, why it could not be run.
  std::string note;
};

struct CheckReport {
  std::string model;
  std::vector<CheckRow> rows;

  /// The first pass that is not ok, or null.
  const CheckRow *firstBad() const;
  /// `{model, passes: [{name, error_input, error_previous, tolerance, ok, flops, bytes, peak_bytes, seconds}],
  /// first_bad}`; an error without a number (a result is gone, NaN, not run) is null, as is an unknown peak.
  rt::Json toJson() const;
};

/// Runs the program as it is imported and after each pass up to the memory plan, on seeded inputs, and compares each with
/// the one before: loss, results and taps; gradients, the first time with differences of the loss; weights and moments
/// after the step, the first time with AdamW worked out from the gradients. A program that a pass left as it was is not
/// run again; one that cannot be run is bad. Tells `progress` of each row.
CheckReport check(const Specialisation &specialisation, llvm::function_ref<void(const CheckRow &)> progress = {});

/// The table's head, one row, and what it comes to, as text.
void printCheckHead(llvm::raw_ostream &os);
void printCheckRow(llvm::raw_ostream &os, const CheckRow &row);
void printCheckVerdict(llvm::raw_ostream &os, const CheckReport &report);

} // namespace jepa

#endif // JEPA_COMPILER_DRIVER_CHECK_H
