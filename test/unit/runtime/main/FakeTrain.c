//===- FakeTrain.c - a stand-in for a generated training step ------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Four weights chase four numbers that depend on the clip's pixels and on the
// masks' tokens: enough for the loss to notice whatever should not change.
// JEPAC_FAKE_NAN makes the loss of that step a NaN, JEPAC_FAKE_DELAY sleeps.
//
//===----------------------------------------------------------------------===//
#define _DEFAULT_SOURCE
#include "FakeModel.h"
#include "runtime/core/Abi.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static float *reals(void *arena, int offset) { return (float *)((char *)arena + offset); }
static int32_t *indices(void *arena, int offset) { return (int32_t *)((char *)arena + offset); }

/// goal[i] = a quarter of the clips' pixels, averaged.
static void goalOfQuarter(void *const *args, int64_t begin, int64_t end, int64_t thread) {
  const float *clip = args[0];
  float *goal = args[1];
  (void)thread;
  for (int64_t i = begin; i < end; ++i) {
    double sum = 0;
    for (int64_t p = i; p < BATCH * CLIP_FLOATS; p += WIDTH)
      sum += clip[p];
    goal[i] = (float)(sum * WIDTH / (BATCH * CLIP_FLOATS));
  }
}

void jepa_run(void *arena) {
  static int step = 0;
  float *w = reals(arena, AT_WEIGHT), *teacher = reals(arena, AT_TEACHER);
  float *m = reals(arena, AT_M_WEIGHT), *v = reals(arena, AT_V_WEIGHT);
  float *gradient = reals(arena, AT_GRAD);
  const float *hyper = reals(arena, AT_HYPER);
  float goal[WIDTH];
  void *args[2] = {reals(arena, AT_CLIP), goal};
  jepac_parallel_for(goalOfQuarter, args, WIDTH, 1);
  for (int i = 0; i < BATCH * CONTEXT; ++i)
    goal[i % WIDTH] += 0.1f * (float)indices(arena, AT_CONTEXT)[i];
  for (int i = 0; i < BATCH * TARGET; ++i)
    goal[i % WIDTH] -= 0.1f * (float)indices(arena, AT_TARGET)[i];
  double loss = 0, norm = 0;
  for (int i = 0; i < WIDTH; ++i) {
    gradient[i] = w[i] - goal[i];
    loss += 0.5 * gradient[i] * gradient[i];
    norm += gradient[i] * gradient[i];
    m[i] = hyper[6] * m[i] + (1 - hyper[6]) * gradient[i];
    v[i] = hyper[7] * v[i] + (1 - hyper[7]) * gradient[i] * gradient[i];
    w[i] -= hyper[0] * (hyper[1] * w[i] + m[i] / hyper[3] / (sqrtf(v[i] / hyper[4]) + hyper[8]));
    teacher[i] = hyper[2] * teacher[i] + (1 - hyper[2]) * w[i];
  }
  reals(arena, AT_LOSS)[0] = (float)loss;
  reals(arena, AT_NORM)[0] = (float)norm;
  const char *nanStep = getenv("JEPAC_FAKE_NAN"), *delay = getenv("JEPAC_FAKE_DELAY");
  if (nanStep && atoi(nanStep) == step)
    reals(arena, AT_LOSS)[0] = NAN;
  if (delay)
    usleep((useconds_t)atoi(delay) * 1000);
  // Inputs do not outlive a step: a plan may reuse their place.
  for (int i = 0; i < BATCH * CLIP_FLOATS; ++i)
    reals(arena, AT_CLIP)[i] = NAN;
  ++step;
}
