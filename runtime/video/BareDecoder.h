//===- BareDecoder.h - what decoding alone costs --------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_VIDEO_BAREDECODER_H
#define JEPA_RUNTIME_VIDEO_BAREDECODER_H

#include <cstdint>
#include <memory>
#include <string>

namespace jepa::rt {

/// libavcodec and nothing around it, the measure for a loader: the file's
/// packets lie in memory, and frames are decoded on one thread from the key
/// packet before the first one to the last, none left out, none converted.
class BareDecoder {
public:
  /// Reads the whole file. Throws Error naming it.
  explicit BareDecoder(const std::string &path);
  ~BareDecoder();
  BareDecoder(const BareDecoder &) = delete;
  BareDecoder &operator=(const BareDecoder &) = delete;

  /// Seconds for what frames `first` to `last` in the order of display need.
  /// Negative where the packets' timestamps do not tell frames apart.
  double seconds(std::int64_t first, std::int64_t last);

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_VIDEO_BAREDECODER_H
