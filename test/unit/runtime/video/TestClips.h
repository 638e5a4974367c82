//===- TestClips.h - videos that the tests make for themselves ------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_TEST_UNIT_RUNTIME_VIDEO_TESTCLIPS_H
#define JEPA_TEST_UNIT_RUNTIME_VIDEO_TESTCLIPS_H

#include "runtime/core/Error.h"
#include "runtime/video/VideoReader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace jepa::rt {

/// A folder that goes away with the test.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "jepa-video-XXXXXX").string();
    if (mkdtemp(name.data()))
      folder = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(folder); }
  std::string operator/(const std::string &name) const { return (folder / name).string(); }
  std::string write(const std::string &name, const std::string &text) const {
    std::filesystem::create_directories((folder / name).parent_path());
    std::ofstream(folder / name, std::ios::binary) << text;
    return (folder / name).string();
  }

private:
  std::filesystem::path folder;
};

/// Runs ffmpeg on a generated picture whose grey level tells the frame.
inline bool runFFmpeg(const std::string &arguments) {
  std::string command = "ffmpeg -v error -nostdin -y " + arguments + " >/dev/null 2>&1";
  return std::system(command.c_str()) == 0;
}

/// `frames` frames of one grey level each, 16 + 2 * index, in H.264 with B
/// frames and a key frame every 12.
inline bool makeCountingVideo(const std::string &path, int frames, const std::string &encoder = "-g 12 -bf 3") {
  return runFFmpeg("-f lavfi -i \"color=black:s=64x48:r=25:d=" + std::to_string(frames / 25.0) +
                   ",format=gray,geq=lum='16+2*N',format=yuv420p\" -frames:v " + std::to_string(frames) +
                   " -c:v libx264 -qp 8 " + encoder + " \"" + path + "\"");
}

/// Level of the counting video's frame.
inline int countingLevel(std::int64_t index) { return 16 + 2 * static_cast<int>(index); }

inline std::string messageOf(const std::function<void()> &action, int *exitCode = nullptr) {
  try {
    action();
  } catch (const Error &error) {
    if (exitCode)
      *exitCode = error.exitCode;
    return error.what();
  }
  return "";
}

} // namespace jepa::rt

#define JEPA_NEED_FFMPEG()                                                                                             \
  if (std::system("ffmpeg -version >/dev/null 2>&1") != 0 || !jepa::rt::messageOf(jepa::rt::requireVideo).empty())     \
  GTEST_SKIP() << "needs the ffmpeg command and a build with FFmpeg"

#endif // JEPA_TEST_UNIT_RUNTIME_VIDEO_TESTCLIPS_H
