//===- FakeEmbed.c - a stand-in for generated features -------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "FakeModel.h"

#include <stdint.h>

/// features[b, n, i] = weight[i] * mean of clip b, + n.
void jepa_run(void *arena) {
  const float *w = (float *)((char *)arena + AT_WEIGHT), *clip = (float *)((char *)arena + AT_CLIP);
  float *features = (float *)((char *)arena + AT_FEATURES);
  for (int b = 0; b < BATCH; ++b) {
    double sum = 0;
    for (int p = 0; p < CLIP_FLOATS; ++p)
      sum += clip[b * CLIP_FLOATS + p];
    for (int n = 0; n < TOKENS; ++n)
      for (int i = 0; i < WIDTH; ++i)
        *features++ = w[i] * (float)(sum / CLIP_FLOATS) + (float)n;
  }
}
