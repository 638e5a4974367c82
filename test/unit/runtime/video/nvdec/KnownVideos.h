//===- KnownVideos.h - files that the stand-in for NVDEC can decode -------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_TEST_UNIT_RUNTIME_VIDEO_NVDEC_KNOWNVIDEOS_H
#define JEPA_TEST_UNIT_RUNTIME_VIDEO_NVDEC_KNOWNVIDEOS_H

#include "test/unit/runtime/video/nvdec/Picture.h"

#include <cstdlib>
#include <fstream>
#include <string>

namespace jepa::rt {

/// Frames from one key frame to the next.
inline constexpr int keyDistance = 12;

// Encoders that lose nothing, as options of ffmpeg.
inline std::string losslessH264() {
  return "-c:v libx264 -qp 0 -bf 2 -sc_threshold 0 -g " + std::to_string(keyDistance);
}
inline std::string losslessHevc() {
  std::string distance = std::to_string(keyDistance);
  return "-c:v libx265 -x265-params lossless=1:open-gop=0:scenecut=0:log-level=none:keyint=" + distance +
         ":min-keyint=" + distance;
}
inline std::string losslessVp9() {
  return "-c:v libvpx-vp9 -lossless 1 -auto-alt-ref 0 -lag-in-frames 0 -deadline realtime -cpu-used 8 -g " +
         std::to_string(keyDistance);
}

struct KnownVideo {
  std::string encoder = losslessH264();
  int width = 64, height = 48, frames = 30, bits = 8;
  std::string format = "yuv420p";
};

/// Writes the video to `path`; false where this ffmpeg lacks the encoder.
inline bool makeKnownVideo(const std::string &path, const KnownVideo &video) {
  std::string raw = path + ".yuv";
  std::ofstream file(raw, std::ios::binary);
  for (int n = 0; n < video.frames; ++n)
    for (int c = 0; c < 3; ++c)
      for (int y = 0; y < (c ? (video.height + 1) / 2 : video.height); ++y)
        for (int x = 0; x < (c ? (video.width + 1) / 2 : video.width); ++x) {
          int sample = pictureSample(c, x, y, n % keyDistance, video.bits);
          file.put(static_cast<char>(sample & 255));
          if (video.bits > 8)
            file.put(static_cast<char>(sample >> 8));
        }
  file.close();
  std::string command = "ffmpeg -v error -nostdin -y -f rawvideo -pix_fmt " + video.format + " -s " +
                        std::to_string(video.width) + "x" + std::to_string(video.height) + " -r 25 -i " + raw + " " +
                        video.encoder + " " + path + " >/dev/null 2>&1 && rm " + raw;
  return std::system(command.c_str()) == 0;
}

} // namespace jepa::rt

#endif // JEPA_TEST_UNIT_RUNTIME_VIDEO_NVDEC_KNOWNVIDEOS_H
