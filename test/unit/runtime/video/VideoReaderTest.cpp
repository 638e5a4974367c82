//===- VideoReaderTest.cpp - the right frames, whatever the file ----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/video/VideoReader.h"

#include "runtime/masking/RandomStream.h"
#include "runtime/video/Transform.h"
#include "test/unit/runtime/video/TestClips.h"

#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

using namespace jepa::rt;

namespace {

using Indices = std::vector<std::int64_t>;
using Pixels = std::vector<std::uint8_t>;

std::vector<Pixels> readAll(VideoReader &reader, const Indices &indices) {
  std::vector<Pixels> frames;
  reader.read(indices, [&](std::size_t place, const RgbView &view) {
    EXPECT_EQ(place, frames.size());
    EXPECT_EQ(view.width, reader.width());
    EXPECT_EQ(view.height, reader.height());
    frames.emplace_back(view.pixels, view.pixels + view.width * view.height * 3);
  });
  EXPECT_EQ(frames.size(), indices.size());
  return frames;
}

int centre(const Pixels &frame, const VideoReader &reader) {
  return frame[(reader.height() / 2 * reader.width() + reader.width() / 2) * 3];
}

void expectCounting(const std::string &path, int frames) {
  VideoReader reader(path);
  ASSERT_EQ(reader.frameCount(), frames) << path;
  EXPECT_EQ(reader.width(), 64);
  EXPECT_EQ(reader.height(), 48);
  RandomStream random{7};
  for (int tries = 0; tries < 12; ++tries) {
    Indices indices;
    for (int i = 0; i < 8; ++i)
      indices.push_back(random.below(frames));
    std::sort(indices.begin(), indices.end());
    auto pictures = readAll(reader, indices);
    for (std::size_t i = 0; i < pictures.size(); ++i)
      EXPECT_NEAR(centre(pictures[i], reader), countingLevel(indices[i]), 1) << path << " frame " << indices[i];
  }
}

TEST(VideoReader, FindsExactlyTheFramesAskedFor) {
  JEPA_NEED_FFMPEG();
  TemporaryFolder folder;
  for (const char *name : {"a.mp4", "a.mkv", "a.avi", "a.mov", "a.ts", "a.h264"}) {
    if (!makeCountingVideo(folder / name, 96))
      GTEST_SKIP() << "this ffmpeg has no libx264";
    expectCounting(folder / name, 96);
  }
  ASSERT_TRUE(makeCountingVideo(folder / "one-key.mp4", 96, "-g 1000 -bf 0"));
  expectCounting(folder / "one-key.mp4", 96);
}

TEST(VideoReader, SeeksInLongVideos) {
  JEPA_NEED_FFMPEG();
  TemporaryFolder folder;
  std::string path = folder / "long.mp4", film = folder / "long.mkv";
  if (!runFFmpeg("-f lavfi -i testsrc2=s=64x48:r=25:d=40 -c:v libx264 -preset ultrafast -bf 2 -g 50 " + path))
    GTEST_SKIP() << "this ffmpeg has no libx264";
  ASSERT_TRUE(runFFmpeg("-i " + path + " -c copy " + film));
  for (const std::string &file : {path, film}) {
    VideoReader sequential(file), jumping(file);
    ASSERT_EQ(sequential.frameCount(), 1000);
    EXPECT_NEAR(sequential.framesPerSecond(), 25, 1e-6);
    Indices all(1000);
    std::iota(all.begin(), all.end(), 0);
    auto frames = readAll(sequential, all);
    for (const Indices &indices : {Indices{0, 410, 411, 999}, Indices{700, 700, 760}, Indices{3, 4}}) {
      auto some = readAll(jumping, indices);
      for (std::size_t i = 0; i < indices.size(); ++i)
        EXPECT_TRUE(some[i] == frames[indices[i]]) << file << " frame " << indices[i];
    }
  }
}

/// The same frames through planes and through RGB, which is rounded to bytes and for which swscale only takes the mean
/// of two rows of chroma or one of them: colours must be smooth.
void expectPlanesAsRgb(const std::string &path) {
  VideoReader reader(path);
  FrameTransform transform = FrameTransform::centre(reader.width(), reader.height(), 32);
  Indices indices{0, reader.frameCount() / 2, reader.frameCount() - 1};
  std::vector<float> direct(3 * 3 * 32 * 32), converted(direct.size());
  int planes = 0;
  auto into = [&](std::vector<float> &clip) {
    return [&](std::size_t place, const auto &frame) {
      transform.apply(clip.data(), 3, static_cast<std::int64_t>(place), frame);
      planes += std::is_same_v<decltype(frame), const YuvView &>;
    };
  };
  reader.read(indices, into(direct), into(direct));
  reader.read(indices, into(converted));
  EXPECT_EQ(planes, 3) << path;
  double worst = 0, sum = 0;
  for (std::size_t i = 0; i < direct.size(); ++i) {
    double levels = std::abs(direct[i] - converted[i]) * 255 * 0.225;
    worst = std::max(worst, levels);
    sum += levels;
  }
  EXPECT_LT(worst, 4) << path;
  EXPECT_LT(sum / static_cast<double>(direct.size()), 0.8) << path;
}

TEST(VideoReader, PlanesAgreeWithRgb) {
  JEPA_NEED_FFMPEG();
  TemporaryFolder folder;
  std::string path = folder / "v.mp4";
  for (const char *format : {"yuv420p", "yuv422p", "yuv444p", "yuvj420p"}) {
    if (!runFFmpeg("-f lavfi -i testsrc2=s=126x90:r=25:d=1,gblur=8,format=" + std::string(format) +
                   " -c:v libx264 -qp 4 " + path))
      GTEST_SKIP() << "this ffmpeg has no libx264";
    expectPlanesAsRgb(path);
  }
}

TEST(VideoReader, StillPictures) {
  JEPA_NEED_FFMPEG();
  TemporaryFolder folder;
  // The second name is no pattern, the third no address.
  for (const char *name : {"still.png", "still %03d.jpg", "http:x.png"}) {
    std::string made = folder / "made.png", path = folder / name;
    if (std::string(name).ends_with("jpg"))
      made = folder / "made.jpg";
    ASSERT_TRUE(runFFmpeg("-f lavfi -i color=red:s=40x30 -frames:v 1 " + made));
    std::filesystem::rename(made, path);
    VideoReader reader(path);
    EXPECT_EQ(reader.frameCount(), 1);
    auto frames = readAll(reader, {0, 0, 0});
    EXPECT_GT(frames[2][0], 240);
    EXPECT_LT(frames[2][1], 15);
  }
}

TEST(VideoReader, AppliesTheRotation) {
  JEPA_NEED_FFMPEG();
  TemporaryFolder folder;
  std::string flat = folder / "flat.mp4", turned = folder / "turned.mp4", expected = folder / "expected.mkv";
  if (!runFFmpeg("-f lavfi -i testsrc=s=96x64:r=5:d=1 -pix_fmt yuv444p -c:v libx264 -qp 1 " + flat))
    GTEST_SKIP() << "this ffmpeg has no libx264";
  for (int angle : {90, 180, 270}) {
    if (!runFFmpeg("-i " + flat + " -c copy -metadata:s:v rotate=" + std::to_string(angle) + " " + turned))
      GTEST_SKIP() << "this ffmpeg cannot write a rotation";
    // The command turns frames by itself when it decodes.
    ASSERT_TRUE(runFFmpeg("-i " + turned + " -c:v ffv1 " + expected));
    VideoReader a(turned), b(expected);
    ASSERT_EQ(a.width(), b.width()) << angle;
    ASSERT_EQ(a.height(), b.height());
    auto x = readAll(a, {2}), y = readAll(b, {2});
    double difference = 0;
    for (std::size_t i = 0; i < x[0].size(); ++i)
      difference += std::abs(x[0][i] - y[0][i]);
    EXPECT_LT(difference / static_cast<double>(x[0].size()), 1) << angle;
  }
}

TEST(VideoReader, BadFilesAreOneLine) {
  JEPA_NEED_FFMPEG();
  TemporaryFolder folder;
  auto message = [&](const std::string &path) { return messageOf([&] { VideoReader reader(path); }); };
  EXPECT_NE(message(folder / "none.mp4").find("none.mp4: no such file"), std::string::npos);
  EXPECT_NE(message(folder / ".").find("it is a folder"), std::string::npos);
  EXPECT_NE(message(folder.write("text.mp4", "this is not a video\n")).find("text.mp4: "), std::string::npos);
  EXPECT_NE(message(folder.write("empty.mp4", "")).find("empty.mp4: "), std::string::npos);
  std::string sound = folder / "sound.wav";
  ASSERT_TRUE(runFFmpeg("-f lavfi -i sine=d=0.2 " + sound));
  EXPECT_NE(message(sound).find("it has no video stream"), std::string::npos) << message(sound);
}

TEST(VideoReader, TruncatedAndDamagedFiles) {
  JEPA_NEED_FFMPEG();
  TemporaryFolder folder;
  std::string path = folder / "whole.mkv";
  if (!runFFmpeg("-f lavfi -i testsrc2=s=128x96:r=25:d=4 -c:v libx264 -g 10 " + path))
    GTEST_SKIP() << "this ffmpeg has no libx264";
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  RandomStream random{3};
  int read = 0;
  for (int tries = 0; tries < 40; ++tries) {
    auto size = static_cast<std::int64_t>(bytes.size());
    std::string damaged = bytes.substr(0, tries < 20 ? random.below(size) : size);
    for (int i = 0; tries >= 20 && i < 200; ++i)
      damaged[random.below(size)] = static_cast<char>(random.bits());
    std::string copy = folder.write("damaged.mkv", damaged);
    std::string message = messageOf([&] {
      VideoReader reader(copy);
      Indices all(reader.frameCount());
      std::iota(all.begin(), all.end(), 0);
      readAll(reader, all);
      ++read;
    });
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
  EXPECT_GT(read, 5);
}

TEST(VideoReader, RefusesFramesThatAreNotThere) {
  JEPA_NEED_FFMPEG();
  TemporaryFolder folder;
  std::string path = folder / "still.png";
  ASSERT_TRUE(runFFmpeg("-f lavfi -i color=red:s=40x30 -frames:v 1 " + path));
  VideoReader reader(path);
  auto sink = [](std::size_t, const RgbView &) {};
  EXPECT_THROW(reader.read(Indices{1}, sink), Error);
  EXPECT_THROW(reader.read(Indices{-1}, sink), Error);
  std::atomic<bool> cancel = true;
  EXPECT_NE(messageOf([&] { VideoReader(path, &cancel); }).find("cancelled"), std::string::npos);
}

TEST(VideoReader, SharedClips) {
  std::string folder = JEPAC_SHARED_DIR "/clips/";
  if (!std::filesystem::exists(folder))
    GTEST_SKIP() << "no clips beside the sources";
  if (!messageOf(requireVideo).empty())
    GTEST_SKIP() << messageOf(requireVideo);
  struct Known {
    const char *name;
    std::int64_t frames, width, height;
  };
  for (const Known &known : {Known{"flipping_a_pancake.mkv", 310, 426, 240}, Known{"nasa_13013.mp4", 390, 480, 270},
                             Known{"av1_video.mkv", 125, 640, 360}, Known{"h265_video.mp4", 10, 128, 128},
                             Known{"h264_10bits.mp4", 30, 200, 200}, Known{"video_90.mov", 3, 320, 568},
                             Known{"unordered.mov", 4, 50, 50}, Known{"corrupted.mp4", 50, 1280, 720}}) {
    VideoReader reader(folder + known.name);
    EXPECT_EQ(reader.frameCount(), known.frames) << known.name;
    EXPECT_EQ(reader.width(), known.width) << known.name;
    EXPECT_EQ(reader.height(), known.height) << known.name;
    readAll(reader, {0, known.frames / 2, known.frames - 1});
  }
}

} // namespace
