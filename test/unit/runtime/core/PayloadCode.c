//===- PayloadCode.c - generated code's stand-in --------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/core/Abi.h"

static void square(void *const *args, int64_t begin, int64_t end, int64_t thread) {
  (void)thread;
  int64_t *values = (int64_t *)args[0];
  for (int64_t i = begin; i < end; ++i)
    values[i] = i * i;
}

JEPAC_EXPORT void jepa_run(void *arena) {
  void *args[1] = {arena};
  jepac_parallel_for(square, args, 1000, 7);
}
