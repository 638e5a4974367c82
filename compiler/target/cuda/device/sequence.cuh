//===- sequence.cuh - which rows belong together --------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A token axis is cut into parts (what the context gave, what the targets are),
// and a sequence, within which tokens attend to each other, has a piece of each
// part. Clips of equal length, clips cut to a length that is known at run time
// and packed samples are three ways of saying where the pieces lie.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "types.cuh"

namespace jepa::device {

/// One sequence's tokens, in at most `Parts` pieces.
template <int Parts> struct Sequence {
  int first[Parts];  ///< row of each piece's first token
  int before[Parts]; ///< tokens in the pieces before it
  int count;

  /// The row of a token below `count`.
  JEPA_DEVICE int row(int token) const {
    int row = first[0] + token;
    JEPA_UNROLL
    for (int part = 1; part < Parts; ++part)
      row = token >= before[part] ? first[part] + token - before[part] : row;
    return row;
  }
};

/// A token axis with its parts. Part p holds the tokens [start[p], start[p] + capacity[p]) of a clip.
template <int Parts> struct Packing {
  int tokens; ///< of a clip
  int start[Parts], capacity[Parts];
  /// Of each part only so many tokens count, in every clip; null: all of them.
  const int *length[Parts];
  /// There is one clip, and sequence s has the tokens [bounds[p][s], bounds[p][s + 1]) of part p; null: a sequence is a
  /// clip.
  const int *bounds[Parts];

  JEPA_DEVICE Sequence<Parts> sequence(int s) const {
    Sequence<Parts> its;
    its.count = 0;
    JEPA_UNROLL
    for (int part = 0; part < Parts; ++part) {
      int begin = bounds[part] ? bounds[part][s] : 0;
      int end = bounds[part] ? bounds[part][s + 1] : length[part] ? *length[part] : capacity[part];
      its.first[part] = clip(s) * tokens + start[part] + begin;
      its.before[part] = its.count;
      its.count += end - begin;
    }
    return its;
  }
  /// The packed tokens that belong to none of the sequences.
  JEPA_DEVICE Sequence<Parts> padding(int sequences) const {
    Sequence<Parts> its;
    its.count = 0;
    JEPA_UNROLL
    for (int part = 0; part < Parts; ++part) {
      int begin = bounds[part] ? bounds[part][sequences] : capacity[part];
      its.first[part] = start[part] + begin;
      its.before[part] = its.count;
      its.count += capacity[part] - begin;
    }
    return its;
  }
  JEPA_DEVICE int clip(int s) const { return bounds[0] ? 0 : s; }
  /// Where [clips, heads, tokens] holds the number of a row of sequence s.
  JEPA_DEVICE int statistic(int s, int heads, int head, int row) const {
    int base = clip(s) * tokens;
    return base * heads + head * tokens + row - base;
  }
};

/// A packing of equal clips.
JEPA_DEVICE Packing<1> clipsOf(int tokens) { return {tokens, {0}, {tokens}, {nullptr}, {nullptr}}; }

} // namespace jepa::device
