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

/// Links object code to a shared object, in process. Throws rt::Error.
std::string linkShared(llvm::ArrayRef<char> object);

enum class BuildOutcome { Failed, Built, Cached };

/// Builds a specialisation into the artifact at `path`, on the executable `runtime`; the cache may be null. Failed comes
/// after a diagnostic; throws ConfigError and rt::Error.
BuildOutcome buildArtifact(const Specialisation &specialisation, const std::string &runtime, const std::string &path,
                           const BuildCache *cache = nullptr);

} // namespace jepa

#endif // JEPA_COMPILER_DRIVER_ARTIFACT_H
