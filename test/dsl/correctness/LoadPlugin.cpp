//===- LoadPlugin.cpp - loads a plugin and traces its model -------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "jepa/model.h"

#include <cstdio>
#include <dlfcn.h>

using namespace jepa;

int main(int argc, char **argv) {
  if (argc != 3)
    return 2;
  void *plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (!plugin) {
    std::fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  auto *find = reinterpret_cast<Registry *(*)()>(dlsym(plugin, "jepacPluginRegistry"));
  if (!find)
    return 1;
  registry().adopt(*find());
  try {
    Choice choice = findPreset(argv[2]);
    Graph graph = choice.model->trace(choice.config, Task::Train);
    std::printf("%zu nodes\n", graph.nodes.size());
    return graph.loss >= 0 && models().size() == 1 ? 0 : 1;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
