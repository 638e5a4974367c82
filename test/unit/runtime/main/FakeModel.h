//===- FakeModel.h - the arena of the tests' stand-in for a model --------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Two clips of four frames of 16 x 16 pixels, a grid of 2 x 2 x 2 tokens, four
// weights. What generated code gets from its plan is written here by hand.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_TEST_UNIT_RUNTIME_MAIN_FAKEMODEL_H
#define JEPA_TEST_UNIT_RUNTIME_MAIN_FAKEMODEL_H

enum {
  BATCH = 2,
  CHANNELS = 3,
  FRAMES = 4,
  SIZE = 16,
  TOKENS = 8,
  WIDTH = 4,
  CONTEXT = 3,
  TARGET = 2,
  CLIP_FLOATS = CHANNELS * FRAMES * SIZE * SIZE,

  AT_WEIGHT = 0,
  AT_TEACHER = 64,
  AT_BIAS = 128,
  AT_M_WEIGHT = 192,
  AT_V_WEIGHT = 256,
  AT_M_BIAS = 320,
  AT_V_BIAS = 384,
  AT_HYPER = 448,
  AT_LOSS = 512,
  AT_NORM = 576,
  AT_CONTEXT = 640,
  AT_TARGET = 704,
  AT_GRAD = 768,
  AT_CONTEXT_LENGTH = 832,
  AT_TARGET_LENGTH = 896,
  AT_FEATURES = 1024,
  AT_CLIP = 2048,
  ARENA_BYTES = AT_CLIP + 4 * BATCH * CLIP_FLOATS
};

#endif // JEPA_TEST_UNIT_RUNTIME_MAIN_FAKEMODEL_H
