//===- Artifact.h - from compiled code to one file ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_DRIVER_ARTIFACT_H
#define JEPA_COMPILER_DRIVER_ARTIFACT_H

#include "compiler/driver/BuildCache.h"
#include "compiler/driver/Compiler.h"
#include "runtime/core/Json.h"

namespace jepa {

/// What the plan says of the request, settled: model, configuration, masks.
rt::Json describeSpecialisation(const Specialisation &specialisation);

/// The plan that the runtime reads: the above, the buffers and products of a module at Phase::Kernels, what it `costs` and
/// the passes that made it.
rt::Json describePlan(mlir::ModuleOp module, const Specialisation &specialisation, const Costs &costs,
                      const std::string &pipelineText);

/// Links the parts of a program to a shared object, in process. Throws rt::Error.
std::string linkShared(llvm::ArrayRef<llvm::SmallVector<char, 0>> objects);

enum class BuildOutcome { Failed, Built, Cached };

/// How to build, whatever it is.
struct BuildOptions {
  /// The executable to build on.
  std::string runtime;
  /// Where earlier builds are; none if null.
  const BuildCache *cache = nullptr;
  /// To generate code on; 0 is the machine's. The artifact does not depend on them.
  unsigned threads = 0;
};

/// Builds a specialisation into the artifact at `path`. Failed comes after a diagnostic; throws ConfigError and rt::Error.
BuildOutcome buildArtifact(const Specialisation &specialisation, const std::string &path, const BuildOptions &options);

} // namespace jepa

#endif // JEPA_COMPILER_DRIVER_ARTIFACT_H
