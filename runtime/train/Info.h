//===- Info.h - what a specialised binary is -----------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_TRAIN_INFO_H
#define JEPA_RUNTIME_TRAIN_INFO_H

#include "runtime/core/Plan.h"

#include <string>

namespace jepa::rt {

/// Geometry, FLOPs, memory and provenance of a plan. Outside tools read the keys.
Json infoJson(const Plan &plan);

/// The same for people.
std::string infoText(const Plan &plan);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_TRAIN_INFO_H
