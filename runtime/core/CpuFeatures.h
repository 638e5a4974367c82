//===- CpuFeatures.h - what the processor can do --------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_CORE_CPUFEATURES_H
#define JEPA_RUNTIME_CORE_CPUFEATURES_H

#include <string_view>

namespace jepa::rt {

/// Whether `name` is a feature, by LLVM's name, that cpuHas can tell: every one
/// that adds instructions for computing.
bool isCpuFeature(std::string_view name);

/// Whether this processor has the feature and the system lets this program use
/// it: asked for first where programs have to (AMX).
/// False for names that isCpuFeature does not know.
bool cpuHas(std::string_view name);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_CORE_CPUFEATURES_H
