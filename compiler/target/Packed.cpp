//===- Packed.cpp - samples that stand one after the other on an axis ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/Packed.h"

using namespace mlir;
using namespace jepa;

static Number loadBound(Emit &e, Value bounds, Number index) {
  return e.convert(e.load(bounds, {index}), e.builder.getIndexType());
}

int64_t jepa::countSamples(Value bounds) { return cast<MemRefType>(bounds.getType()).getDimSize(0) - 1; }

Sample jepa::sampleAt(Emit &e, Value bounds, Number index) {
  return {index, loadBound(e, bounds, index), loadBound(e, bounds, index + 1)};
}

// As many samples as end at or before a token stand before it; where all do, it is padding.
Sample jepa::sampleOf(Emit &e, Value bounds, Number token) {
  int64_t samples = countSamples(bounds);
  Number before = e.sum(1, samples + 1, e.builder.getIndexType(), [&](Number bound) {
    return e.select(e.less(token, loadBound(e, bounds, bound)), e.index(0), e.index(1));
  });
  Sample sample = sampleAt(e, bounds, e.min(before, e.index(samples - 1)));
  sample.begin = e.select(e.less(before, e.index(samples)), sample.begin, sample.end);
  return sample;
}
