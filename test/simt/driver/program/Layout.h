//===- Layout.h - the arena of a small program on a device ----------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Two clips of four frames of 16 x 16 pixels, a grid of 2 x 2 x 2 tokens. The
// model is one product: features = clips w' + b, compared with a target made of
// the masks; the teacher follows both. What a plan tells generated code is written
// here by hand.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_TEST_SIMT_DRIVER_PROGRAM_LAYOUT_H
#define JEPA_TEST_SIMT_DRIVER_PROGRAM_LAYOUT_H

enum {
  BATCH = 2,
  CHANNELS = 3,
  FRAMES = 4,
  SIZE = 16,
  PIXELS = CHANNELS * FRAMES * SIZE * SIZE,
  WIDTH = 8,
  CONTEXT = 3,
  TARGET = 2,
  WEIGHTS = WIDTH * PIXELS,
  CHUNKS = WEIGHTS / 4096 + 1, // of w, and one of b

  // Bytes. Temporaries share their place with inputs that were read.
  AT_WEIGHT = 0,
  AT_TEACHER = AT_WEIGHT + 4 * WEIGHTS,
  AT_M_WEIGHT = AT_TEACHER + 4 * WEIGHTS,
  AT_V_WEIGHT = AT_M_WEIGHT + 4 * WEIGHTS,
  AT_BIAS = AT_V_WEIGHT + 4 * WEIGHTS,
  AT_TEACHER_BIAS = AT_BIAS + 256,
  AT_M_BIAS = AT_TEACHER_BIAS + 256,
  AT_V_BIAS = AT_M_BIAS + 256,
  AT_HYPER = AT_V_BIAS + 256,
  AT_CONTEXT = AT_HYPER + 256,
  AT_TARGET = AT_CONTEXT + 256,
  AT_LOSS = AT_TARGET + 256,
  AT_NORM = AT_LOSS + 256,
  AT_FEATURES = AT_NORM + 256,
  AT_GOAL = AT_FEATURES + 256,
  AT_FEATURES_GRAD = AT_GOAL + 256,
  AT_ONE = AT_FEATURES_GRAD + 256,
  AT_PARTIAL = AT_ONE + 256,
  AT_BIAS_GRAD = AT_PARTIAL + 256,
  AT_WEIGHT_GRAD = AT_BIAS_GRAD + 256,
  AT_WORKSPACE = AT_WEIGHT_GRAD + 4 * WEIGHTS,
  WORKSPACE = 4 * WEIGHTS,
  AT_PIXELS = AT_WORKSPACE + WORKSPACE,
  AT_CLIP_BYTES = AT_PIXELS + 4 * BATCH * PIXELS,
  AT_CLIP = AT_CLIP_BYTES + 256,
  ARENA_BYTES = AT_CLIP + 4 * BATCH * PIXELS
};

#endif // JEPA_TEST_SIMT_DRIVER_PROGRAM_LAYOUT_H
