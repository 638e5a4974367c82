//===- Machine.h - the processor that code is generated for ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_MACHINE_H
#define JEPA_COMPILER_TARGET_MACHINE_H

#include "llvm/ADT/StringRef.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace llvm {
class TargetMachine;
} // namespace llvm

namespace jepa {

/// A processor by LLVM's name, with features added or taken away.
class Machine {
public:
  /// This one.
  Machine();

  /// Reads a comma-separated list as compilers take it: at most one processor ("native", "x86-64-v3", "znver4", ...;
  /// native if there is none), then features to add or take away ("+avx512f", "-avx512bf16"). Nothing, with the reason
  /// in `why`, where a name means nothing to LLVM.
  static std::optional<Machine> parse(llvm::StringRef text, std::string &why);

  const std::string &getProcessor() const { return processor; }
  /// Every feature that generated code may use, by LLVM's names, implied ones included; sorted.
  const std::vector<std::string> &getFeatures() const { return enabled; }
  bool has(llvm::StringRef feature) const;
  /// Whether f32 is rounded to bf16 by an instruction.
  bool roundsToBf16() const { return has("avx512bf16") && has("avx512vl"); }
  /// Whether pairs of bf16 are multiplied and added up by an instruction on 16 lanes. Code that uses it without the
  /// feature aborts the code generator.
  bool hasBf16Dot() const { return has("avx512bf16"); }
  /// Whether tiles of bf16 are multiplied by an instruction.
  bool hasMatrixTiles() const { return has("amx-bf16") && has("amx-tile"); }

  /// Null, with the reason in `why`, where LLVM cannot generate code for it. `quick`: compile fast instead of well.
  std::unique_ptr<llvm::TargetMachine> createTargetMachine(bool quick, std::string &why) const;

private:
  explicit Machine(std::string processor, std::string changes);

  /// LLVM's names: of the processor, and "+a,-b" on top of it.
  std::string processor, changes;
  std::vector<std::string> enabled;
};

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_MACHINE_H
