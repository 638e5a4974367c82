//===- Plugins.h - models and passes from outside ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_DRIVER_PLUGINS_H
#define JEPA_COMPILER_DRIVER_PLUGINS_H

#include <string>

namespace jepa {

/// Adds the models of a library made by `jepa_add_model`. It stays loaded. Throws rt::Error.
void loadModelPlugin(const std::string &path);

/// Registers the passes of an MLIR pass plugin. It stays loaded. Throws rt::Error.
void loadPassPlugin(const std::string &path);

} // namespace jepa

#endif // JEPA_COMPILER_DRIVER_PLUGINS_H
