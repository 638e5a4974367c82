//===- Races.cpp - what ThreadSanitizer must find, and what it must not ---===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// usage: simt-races blocks|warps|lanes race|clean
//
//===----------------------------------------------------------------------===//
#include "simt/Executor.h"

#include <cstdio>
#include <cstring>

extern "C" void blocks_race(float *, bool);
extern "C" void warps_race(float *, bool);
extern "C" void lanes_race(float *, bool);

int main(int argc, char **argv) {
  if (argc != 3)
    return std::fprintf(stderr, "usage: simt-races blocks|warps|lanes race|clean\n"), 2;
  bool race = !std::strcmp(argv[2], "race");
  std::vector<float> to(64);
  switch (argv[1][0]) {
  case 'b': simt::launch({}, {2}, 32, 0, blocks_race, to.data(), race); break;
  case 'w': simt::launch({}, {1}, 64, 1024, warps_race, to.data(), race); break;
  default: simt::launch({}, {1}, 32, 1024, lanes_race, to.data(), race);
  }
  std::printf("ran\n");
  return 0;
}
