//===- patchify.cuh - tubelets of normalised numbers from clips --------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#pragma once

#include "types.cuh"

namespace jepa::device {

/// Bytes to numbers, by channel: x scale + shift.
struct Normalisation {
  float scale[3], shift[3];
};

/// From clips to [token, 3 Tubelet Patch Patch]: tokens in the order time, row, column, numbers in the order channel,
/// time, row, column, as the published convolution's weight has them. Where *areBytes, a clip is [time, height, width,
/// 3] of bytes, which `norm` makes numbers of; where not, or with null, [3, time, height, width] of numbers. `tokens`
/// lists, for each row of the result, a token of a clip: [clips, tokensPerClip]; null: all of them. `packed`: the
/// numbers in the list count through the clips. Launch: grid (tokensPerClip, clips).
template <int Time, int Height, int Width, int Patch, int Tubelet> struct Patchify {
  static_assert(Time % Tubelet == 0 && Height % Patch == 0 && Width % Patch == 0, "a clip has whole tubelets");
  static constexpr int threads = 128;
  static constexpr int rows = Height / Patch, columns = Width / Patch, perClip = Time / Tubelet * rows * columns;
  static constexpr int plane = Tubelet * Patch * Patch, numbers = 3 * plane;
  static constexpr int vector = vectorWidth<bf16>(Patch);

  template <class T>
  JEPA_DEVICE static void run(T *to, const float *clips, const int *areBytes, const int *tokens, Normalisation norm,
                              bool packed = false) {
    int at = blockY() * gridX() + blockX(), token = tokens ? tokens[at] : blockX();
    int clip = packed ? token / perClip : blockY();
    token %= perClip;
    int time = token / (rows * columns) * Tubelet, y = token / columns % rows * Patch, x = token % columns * Patch;
    to += static_cast<long long>(at) * numbers;
    bool bytes = areBytes && *areBytes;
    // A thread has all three channels of `vector` neighbours, which lie together in a frame of bytes.
    for (int i = threadIndex(); i < plane / vector; i += threads) {
      int pixel = i * vector, column = pixel % Patch, row = pixel / Patch % Patch, frame = pixel / (Patch * Patch);
      float values[3][vector];
      if (bytes) {
        long long line = (static_cast<long long>(clip) * Time + time + frame) * Height + y + row;
        readBytes(values, reinterpret_cast<const unsigned char *>(clips) + (line * Width + x + column) * 3, norm);
      } else {
        JEPA_UNROLL
        for (int channel = 0; channel < 3; ++channel) {
          long long line = ((static_cast<long long>(clip) * 3 + channel) * Time + time + frame) * Height + y + row;
          loadStreamed(values[channel], clips + line * Width + x + column);
        }
      }
      JEPA_UNROLL
      for (int channel = 0; channel < 3; ++channel)
        store(to + channel * plane + pixel, values[channel]);
    }
  }

private:
  JEPA_DEVICE static void readBytes(float (&values)[3][vector], const unsigned char *from, const Normalisation &norm) {
    float bytes[3][vector];
    JEPA_UNROLL
    for (int part = 0; part < 3; ++part) {
      auto piece = loadStreaming(reinterpret_cast<const Vector<unsigned char, vector> *>(from + part * vector));
      JEPA_UNROLL
      for (int j = 0; j < vector; ++j)
        bytes[part][j] = static_cast<float>(piece.values[j]);
    }
    JEPA_UNROLL
    for (int channel = 0; channel < 3; ++channel) {
      JEPA_UNROLL
      for (int j = 0; j < vector; ++j) {
        int byte = j * 3 + channel;
        values[channel][j] = bytes[byte / vector][byte % vector] * norm.scale[channel] + norm.shift[channel];
      }
    }
  }
};

} // namespace jepa::device
