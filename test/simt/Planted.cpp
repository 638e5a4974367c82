//===- Planted.cpp - faults that sanitizers must find, and must not find ---===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// usage: PROGRAM KERNEL fault|clean
//
//===----------------------------------------------------------------------===//
#include "simt/Executor.h"

#include <cstdio>
#include <cstring>

#define KERNELS(apply)                                                                                                 \
  apply(blocks_race, 2) apply(warps_race, 1) apply(lanes_race, 1) apply(global_overrun, 1) apply(shared_overrun, 1)
#define DECLARE(name, blocks) extern "C" void name(float *, bool);
KERNELS(DECLARE)

int main(int argc, char **argv) {
  if (argc != 3)
    return std::fprintf(stderr, "usage: %s KERNEL fault|clean\n", argv[0]), 2;
  bool fault = !std::strcmp(argv[2], "fault");
  unsigned threads = !std::strcmp(argv[1], "warps_race") ? 64 : 32;
  std::vector<float> to(64);
#define RUN(name, blocks)                                                                                              \
  if (!std::strcmp(argv[1], #name))                                                                                    \
    return simt::launch({}, {blocks}, threads, 1024, name, to.data(), fault), std::printf("ran\n"), 0;
  KERNELS(RUN)
  return std::fprintf(stderr, "error: no kernel %s\n", argv[1]), 2;
}
