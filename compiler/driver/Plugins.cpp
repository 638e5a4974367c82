//===- Plugins.cpp - models and passes from outside ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/driver/Plugins.h"

#include "jepa/model.h"
#include "runtime/core/Error.h"

#include "mlir/Tools/Plugins/PassPlugin.h"

#include <dlfcn.h>

using namespace jepa;

void jepa::loadModelPlugin(const std::string &path) {
  // A name without a slash would be searched for in the system's folders.
  std::string file = path.find('/') == std::string::npos ? "./" + path : path;
  void *handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    throw rt::Error("plugin '" + path + "' cannot be loaded: " + dlerror(), 2);
  auto get = reinterpret_cast<Registry *(*)()>(dlsym(handle, "jepacPluginRegistry"));
  if (!get)
    throw rt::Error("'" + path + "' is no model plugin; build it with jepa_add_model", 2);
  registry().adopt(*get());
}

void jepa::loadPassPlugin(const std::string &path) {
  std::string file = path.find('/') == std::string::npos ? "./" + path : path;
  llvm::Expected<mlir::PassPlugin> plugin = mlir::PassPlugin::load(file);
  if (!plugin)
    throw rt::Error("pass plugin '" + path + "' cannot be loaded: " + llvm::toString(plugin.takeError()), 2);
  plugin->registerPassRegistryCallbacks();
}
