//===- NvdecTest.cpp - the GPU's decoder gives the CPU's frames -----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// On a stand-in for the driver, below FFmpeg's own code for NVDEC: it knows the
// pictures of the videos that are made here without loss.
//
//===----------------------------------------------------------------------===//
#include "runtime/video/Nvdec.h"

#include "runtime/masking/RandomStream.h"
#include "runtime/video/ClipLoader.h"
#include "runtime/video/HardwareFrames.h"
#include "test/unit/runtime/video/TestClips.h"
#include "test/unit/runtime/video/nvdec/KnownVideos.h"

#include <dlfcn.h>

#include <numeric>
#include <vector>

using namespace jepa::rt;

namespace {

using Indices = std::vector<std::int64_t>;
using Bytes = std::vector<std::uint8_t>;

int ask(const char *library, const char *function) {
  void *opened = dlopen(library, RTLD_NOW);
  auto *call = opened ? reinterpret_cast<int (*)()>(dlsym(opened, function)) : nullptr;
  return call ? call() : -1;
}
int contextsMade() { return ask("libcuda.so.1", "jepa_fake_contexts"); }
int picturesDecoded() { return ask("libnvcuvid.so.1", "jepa_fake_pictures"); }

/// All that a reader gives of those frames, as planes where it can.
std::vector<Bytes> readFrames(VideoReader &reader, const Indices &indices, bool asPlanes) {
  std::vector<Bytes> frames;
  auto rgb = [&](std::size_t, const RgbView &view) {
    frames.emplace_back(view.pixels, view.pixels + view.width * view.height * 3);
  };
  auto yuv = [&](std::size_t, const YuvView &view) {
    Bytes &bytes = frames.emplace_back();
    for (int c = 0; c < 3; ++c) {
      std::int64_t width = c ? (view.width + (1 << view.shiftX) - 1) >> view.shiftX : view.width;
      std::int64_t height = c ? (view.height + (1 << view.shiftY) - 1) >> view.shiftY : view.height;
      for (std::int64_t y = 0; y < height; ++y)
        bytes.insert(bytes.end(), view.planes[c] + y * view.strides[c], view.planes[c] + y * view.strides[c] + width);
    }
    for (float value : {view.gain, view.black, view.redV, view.greenU, view.greenV, view.blueU}) {
      const auto *raw = reinterpret_cast<const std::uint8_t *>(&value);
      bytes.insert(bytes.end(), raw, raw + sizeof(value));
    }
  };
  asPlanes ? reader.read(indices, rgb, yuv) : reader.read(indices, rgb);
  EXPECT_EQ(frames.size(), indices.size());
  return frames;
}

class NvdecTest : public testing::Test {
protected:
  void SetUp() override {
    JEPA_NEED_FFMPEG();
    if (!hardwareCodec(AV_CODEC_ID_H264, AV_HWDEVICE_TYPE_CUDA))
      GTEST_SKIP() << "this FFmpeg is built without CUDA";
    ASSERT_TRUE(contextsMade() >= 0 && picturesDecoded() >= 0)
        << "the stand-in for the driver is not found: ctest sets LD_LIBRARY_PATH to its folder";
    unsetenv("JEPAC_FAKE_NVDEC");
    nvdec = Nvdec::open();
  }
  void TearDown() override { unsetenv("JEPAC_FAKE_NVDEC"); }

  /// The same bits from both, for frames in any order.
  void expectSameFrames(const std::string &path) {
    VideoReader cpu(path), device(path, nullptr, nvdec.get());
    ASSERT_EQ(cpu.frameCount(), device.frameCount());
    RandomStream random{11};
    for (int tries = 0; tries < 6; ++tries) {
      Indices indices;
      for (int i = 0; i < 5; ++i)
        indices.push_back(random.below(cpu.frameCount()));
      std::sort(indices.begin(), indices.end());
      for (bool asPlanes : {false, true})
        EXPECT_TRUE(readFrames(cpu, indices, asPlanes) == readFrames(device, indices, asPlanes))
            << path << " frames " << indices[0] << ", ..., as planes " << asPlanes;
    }
  }

  TemporaryFolder folder;
  std::shared_ptr<Nvdec> nvdec;
};

TEST_F(NvdecTest, GivesTheSameFrames) {
  for (auto [name, video] :
       {std::pair("plain.mp4", KnownVideo{losslessH264(), 126, 90}),
        {"full-range.mp4", KnownVideo{losslessH264() + " -color_range pc", 64, 48, 30, 8, "yuvj420p"}},
        {"bt709.mkv", KnownVideo{losslessH264() + " -colorspace bt709"}},
        {"hevc.mp4", KnownVideo{losslessHevc(), 126, 90}},
        {"hevc-10.mkv", KnownVideo{losslessHevc(), 126, 90, 30, 10, "yuv420p10le"}},
        {"odd.webm", KnownVideo{losslessVp9(), 127, 90}}}) {
    if (!makeKnownVideo(folder / name, video))
      GTEST_SKIP() << "this ffmpeg cannot encode " << name;
    int before = picturesDecoded();
    expectSameFrames(folder / name);
    EXPECT_GT(picturesDecoded(), before) << name;
  }
  EXPECT_EQ(nvdec->refusedVideos(), 0);
  EXPECT_TRUE(nvdec->takeNews().empty());
}

TEST_F(NvdecTest, CutsFramesWhereTheCpuDoes) {
  std::string whole = folder / "whole.mp4", cut = folder / "cut.mp4";
  if (!makeKnownVideo(whole, {losslessH264(), 128, 96}))
    GTEST_SKIP() << "this ffmpeg has no libx264";
  // Twice: containers take the size from the headers before the filter.
  ASSERT_TRUE(runFFmpeg("-i " + whole +
                        " -c copy -bsf:v h264_metadata=crop_left=6:crop_top=4:crop_right=10:crop_bottom=2 " +
                        (folder / "cut.ts")));
  ASSERT_TRUE(runFFmpeg("-i " + (folder / "cut.ts") + " -c copy " + cut));
  VideoReader reader(cut, nullptr, nvdec.get());
  ASSERT_EQ(reader.width(), 128 - 16);
  ASSERT_EQ(reader.height(), 96 - 6);
  Bytes frame = readFrames(reader, {5}, true)[0];
  EXPECT_EQ(frame[0], pictureSample(0, 6, 4, 5, 8));
  EXPECT_EQ(frame[112 * 90], pictureSample(1, 3, 2, 5, 8));
  expectSameFrames(cut);
  EXPECT_EQ(nvdec->refusedVideos(), 0);
}

TEST_F(NvdecTest, WhatItDoesNotTakeIsDecodedOnTheCpu) {
  std::string source = "-f lavfi -i testsrc2=s=64x48:r=25:d=1 ";
  int before = picturesDecoded();
  int refused = 0, kinds = 0;
  for (auto [name, encoder, kind] :
       {std::tuple("ten.mp4", "-pix_fmt yuv420p10le -c:v libx264", "h264 High 10"),
        {"ten-too.mp4", "-pix_fmt yuv420p10le -c:v libx264", ""}, // one of the same kind
        {"full-chroma.mp4", "-pix_fmt yuv444p -c:v libx265 -x265-params log-level=none", "hevc"},
        {"small.mp4", "-pix_fmt yuv420p -s 32x32 -c:v libx264 -profile:v main", "h264 Main"},
        {"odd.webm", "-vf scale=64:63 -pix_fmt yuv420p -c:v libvpx-vp9 -cpu-used 8", "vp9 Profile 0 of odd height"},
        {"old.avi", "-c:v mpeg4", "mpeg4 Simple"},
        {"picture.png", "-frames:v 1", "png"},
        {"picture.jpg", "-frames:v 1", "mjpeg"},
        {"new.mkv", "-pix_fmt yuv420p -c:v libaom-av1 -cpu-used 8", "av1 Main"}}) {
    if (!runFFmpeg(source + encoder + " " + (folder / name)))
      continue;
    expectSameFrames(folder / name);
    EXPECT_EQ(nvdec->refusedVideos(), ++refused) << name;
    EXPECT_TRUE(nvdec->isRefused(folder / name));
    std::vector<std::string> news = nvdec->takeNews();
    ASSERT_EQ(news.size(), *kind ? 1u : 0u) << name;
    kinds += *kind != 0;
    if (*kind) {
      EXPECT_TRUE(news[0].starts_with(std::string("NVDEC does not take ") + kind)) << news[0];
      EXPECT_NE(news[0].find((folder / name) + " is decoded on the CPU"), std::string::npos) << news[0];
    }
    expectSameFrames(folder / name); // not tried again
    EXPECT_EQ(nvdec->refusedVideos(), refused);
  }
  EXPECT_GE(kinds, 3);
  EXPECT_EQ(picturesDecoded(), before);
}

TEST_F(NvdecTest, ADamagedFileIsNoRefusal) {
  std::string path = folder / "damaged.mkv";
  if (!makeKnownVideo(path, {}))
    GTEST_SKIP() << "this ffmpeg has no libx264";
  ASSERT_TRUE(runFFmpeg("-i " + path + " -c copy -bsf:v noise=amount=1 " + (folder / "noise.mkv")));
  auto messageWith = [&](Nvdec *device) {
    return messageOf([&] {
      VideoReader reader(folder / "noise.mkv", nullptr, device);
      readFrames(reader, {0, 5, 9}, true);
    });
  };
  EXPECT_EQ(messageWith(nvdec.get()), messageWith(nullptr));
  EXPECT_NE(messageWith(nullptr), "");
  EXPECT_EQ(nvdec->refusedVideos(), 0);
}

TEST_F(NvdecTest, AFailingDeviceLeavesTheVideoToTheCpu) {
  std::string path = folder / "v.mp4";
  if (!makeKnownVideo(path, {}))
    GTEST_SKIP() << "this ffmpeg has no libx264";
  Indices all(KnownVideo{}.frames);
  std::iota(all.begin(), all.end(), 0);
  VideoReader cpu(path);
  std::vector<Bytes> expected = readFrames(cpu, all, true);
  // The first frames were given already when copies begin to fail.
  setenv("JEPAC_FAKE_NVDEC", "copy", 1);
  VideoReader copying(path, nullptr, nvdec.get());
  EXPECT_TRUE(readFrames(copying, all, true) == expected);
  std::vector<std::string> news = nvdec->takeNews();
  ASSERT_EQ(news.size(), 1u);
  EXPECT_TRUE(news[0].starts_with("frames cannot be copied from NVDEC (")) << news[0];
  // Nor does another clip try it again, though it would go now.
  unsetenv("JEPAC_FAKE_NVDEC");
  int pictures = picturesDecoded();
  VideoReader later(path, nullptr, nvdec.get());
  EXPECT_TRUE(readFrames(later, all, true) == expected);
  EXPECT_EQ(picturesDecoded(), pictures);

  for (const char *fault : {"decode", "decode-some"}) {
    setenv("JEPAC_FAKE_NVDEC", fault, 1);
    std::shared_ptr<Nvdec> other = Nvdec::open();
    VideoReader decoding(path, nullptr, other.get());
    EXPECT_TRUE(readFrames(decoding, all, true) == expected) << fault;
    EXPECT_EQ(other->refusedVideos(), 1) << fault;
    news = other->takeNews();
    ASSERT_EQ(news.size(), 1u) << fault;
    EXPECT_TRUE(news[0].starts_with("NVDEC does not give all frames of h264")) << news[0];
  }
}

TEST_F(NvdecTest, WorkersShareOneDevice) {
  std::vector<VideoEntry> videos;
  for (int i = 0; i < 4; ++i) {
    videos.push_back({folder / (std::to_string(i) + ".mp4"), i});
    if (i == 2 ? !runFFmpeg("-f lavfi -i testsrc2=s=64x48:r=25:d=1 -c:v mpeg4 " + videos[i].path)
               : !makeKnownVideo(videos[i].path, {losslessH264(), 64 + 16 * i, 48, 20 + i}))
      GTEST_SKIP() << "this ffmpeg cannot encode video " << i;
  }
  LoaderOptions options;
  options.batch = 4;
  options.frames = 4;
  options.size = 24;
  options.seed = 3;
  options.workers = 3;
  std::vector<std::string> lines;
  options.report = [&](std::string_view line) { lines.emplace_back(line); };
  auto batches = [&](std::shared_ptr<Nvdec> decoder) {
    options.nvdec = std::move(decoder);
    ClipLoader loader(videos, options);
    std::vector<std::vector<float>> clips(5);
    for (std::vector<float> &clip : clips) {
      clip.resize(options.batch * 3 * options.frames * options.size * options.size);
      EXPECT_EQ(loader.next(clip.data()), options.batch);
    }
    EXPECT_EQ(loader.skippedVideos(), 0);
    return clips;
  };
  auto expected = batches(nullptr);
  EXPECT_TRUE(lines.empty());
  int contexts = contextsMade(), pictures = picturesDecoded();
  EXPECT_TRUE(batches(nvdec) == expected);
  EXPECT_EQ(contextsMade(), contexts);
  EXPECT_GT(picturesDecoded(), pictures);
  EXPECT_EQ(nvdec->refusedVideos(), 1);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("mpeg4"), std::string::npos) << lines[0];

  std::vector<float> clip(3 * 4 * 24 * 24), same(clip);
  readCentreClip(clip.data(), videos[1].path, 4, 4, 24);
  pictures = picturesDecoded();
  readCentreClip(same.data(), videos[1].path, 4, 4, 24, nullptr, nvdec.get());
  EXPECT_GT(picturesDecoded(), pictures);
  EXPECT_EQ(clip, same);
}

} // namespace
