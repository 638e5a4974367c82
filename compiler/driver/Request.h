//===- Request.h - what to build ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_DRIVER_REQUEST_H
#define JEPA_COMPILER_DRIVER_REQUEST_H

#include "compiler/target/Machine.h"
#include "jepa/model.h"
#include "runtime/core/Plan.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace jepa {

/// A build as the command line asks for it.
struct Request {
  std::string model;
  Task task = Task::Train;
  std::string target = "cpu";
  /// f32, bf16 (products and attention; f32 elsewhere) or f64.
  std::string dtype = "f32";
  /// bf16 or fp8 (the teacher's products in e4m3); empty for what `dtype` says.
  std::string teacherDtype;
  /// The processor that the code is for; see Machine::parse.
  std::string cpuFeatures = "native";
  /// The GPU that code for the target cuda is for: sm_80 or sm_90a.
  std::string cudaArch = "sm_90a";
  /// A file of compiled kernels to take instead of compiling them; empty for none.
  std::string deviceCode;
  /// fixed, published or packed.
  std::string masks = "fixed";
  std::optional<double> maskRatio;
  /// Flags that stand for settings (--resolution for crop, ...), as key and value, with the flag's own name.
  struct Flag {
    std::string flag, key, value;
  };
  std::vector<Flag> flags;
  /// `--set key=value`, in order; of two with one key the last counts.
  std::vector<std::string> settings;
  bool taps = false;
  /// Most threads that the binary will run on; 0 is this machine's.
  int64_t maxThreads = 0;
  /// Recompute until the plan fits into so many bytes, and refuse one that cannot; 0 is no limit.
  int64_t memoryLimit = 0;
  std::set<std::string> disabledPasses;
  std::string pipeline;
  std::map<std::string, std::string> extensions;
  /// Print what passes did, and at which line of the model, on standard error.
  bool remarks = false;
  /// Print what passes counted on standard error: text, json, or empty for not.
  std::string passReport;
};

/// A request with every choice made.
struct Specialisation {
  Request request;
  const Model *model = nullptr;
  Config config;
  Machine machine;
  /// Train only.
  std::optional<rt::MaskPlan> masks;
  int64_t batch = 0;
};

/// Settles the settings, the token counts and the masks, and lets the model check them. Throws ConfigError or
/// rt::Error, one line each.
Specialisation specialise(const Request &request);

/// "16GiB", "512MiB", "1000000" in bytes. Throws ConfigError.
int64_t parseBytes(const std::string &text);

} // namespace jepa

#endif // JEPA_COMPILER_DRIVER_REQUEST_H
