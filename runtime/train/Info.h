//===- Info.h - what a specialised binary is -----------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_TRAIN_INFO_H
#define JEPA_RUNTIME_TRAIN_INFO_H

#include "runtime/core/Plan.h"

#include <string>

namespace jepa::rt {

/// What the targets of a teacher in e4m3 may be off by, as max |a - b| / max |b| against f64: half as much again
/// as vjepa-tiny's are, to which every block and each of its four products gives its part.
inline constexpr double fp8TeacherTolerance = 0.1;

/// Geometry, FLOPs, memory and provenance of a plan. Outside tools read the keys.
Json infoJson(const Plan &plan);

/// The same for people.
std::string infoText(const Plan &plan);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_TRAIN_INFO_H
