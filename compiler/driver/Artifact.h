//===- Artifact.h - from compiled code to one file ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_DRIVER_ARTIFACT_H
#define JEPA_COMPILER_DRIVER_ARTIFACT_H

#include "compiler/driver/Compiler.h"
#include "runtime/core/Json.h"

namespace jepa {

/// The plan that the runtime reads: buffers, products and costs of a module at Phase::Kernels. `pipelineText` of the
/// compiler is recorded as it is now.
rt::Json describePlan(Compiler &compiler, const Specialisation &specialisation);

/// Links object code to a shared object, in process. Throws rt::Error.
std::string linkShared(llvm::ArrayRef<char> object);

/// Builds a specialisation into the artifact at `path`, on the executable `runtime`. Returns failure after a diagnostic;
/// throws ConfigError and rt::Error.
mlir::LogicalResult buildArtifact(const Specialisation &specialisation, const std::string &runtime,
                                  const std::string &path);

} // namespace jepa

#endif // JEPA_COMPILER_DRIVER_ARTIFACT_H
