//===- HardwareFramesTest.cpp - a device's samples are the CPU's ----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/video/HardwareFrames.h"

#include "runtime/masking/RandomStream.h"
#include "test/unit/runtime/video/TestClips.h"

#include <cstring>

using namespace jepa::rt;

namespace {

using Frame = FFmpegOwner<AVFrame>;

class HardwareFrames : public testing::Test {
protected:
  void SetUp() override { JEPA_NEED_FFMPEG(); }

  static Frame make(AVPixelFormat format, int width, int height) {
    Frame frame(ffmpeg().av_frame_alloc());
    frame->format = format;
    frame->width = width;
    frame->height = height;
    EXPECT_EQ(ffmpeg().av_frame_get_buffer(frame.get(), 0), 0);
    return frame;
  }
  static int wide(int c, int length, int shift) { return c == 0 ? length : (length + (1 << shift) - 1) >> shift; }

  /// The same random samples in planes of `planes` and as a device has them, in the upper bits of `device`.
  static void expectUnpacked(AVPixelFormat device, AVPixelFormat planes, int bits, int width, int height) {
    const AVPixFmtDescriptor *packing = ffmpeg().av_pix_fmt_desc_get(device);
    int unit = bits > 8 ? 2 : 1;
    Frame from = make(device, width, height), expected = make(planes, width, height);
    RandomStream random{static_cast<std::uint64_t>(width * 1000 + height)};
    for (int c = 0; c < 3; ++c)
      for (int y = 0; y < wide(c, height, packing->log2_chroma_h); ++y)
        for (int x = 0; x < wide(c, width, packing->log2_chroma_w); ++x) {
          auto sample = static_cast<std::uint16_t>(random.below(1 << bits));
          auto high = static_cast<std::uint16_t>(sample << (8 * unit - bits));
          const AVComponentDescriptor &in = packing->comp[c];
          std::memcpy(from->data[in.plane] + y * from->linesize[in.plane] + x * in.step + in.offset, &high, unit);
          std::memcpy(expected->data[c] + y * expected->linesize[c] + x * unit, &sample, unit);
        }
    from->color_range = AVCOL_RANGE_JPEG;
    from->colorspace = AVCOL_SPC_BT709;
    Frame unpacked(ffmpeg().av_frame_alloc());
    ASSERT_TRUE(unpackFrame(*unpacked, *from, planes)) << packing->name;
    EXPECT_EQ(unpacked->format, planes);
    EXPECT_EQ(unpacked->width, width);
    EXPECT_EQ(unpacked->height, height);
    EXPECT_EQ(unpacked->color_range, AVCOL_RANGE_JPEG);
    EXPECT_EQ(unpacked->colorspace, AVCOL_SPC_BT709);
    for (int c = 0; c < 3; ++c)
      for (int y = 0; y < wide(c, height, packing->log2_chroma_h); ++y)
        ASSERT_EQ(std::memcmp(unpacked->data[c] + y * unpacked->linesize[c],
                              expected->data[c] + y * expected->linesize[c],
                              unit * wide(c, width, packing->log2_chroma_w)),
                  0)
            << packing->name << " component " << c << " row " << y << " of " << width << "x" << height;
  }
};

TEST_F(HardwareFrames, UnpackedSamplesAreTheSame) {
  for (auto [width, height] : {std::pair(64, 48), {5, 3}, {1, 1}, {127, 90}}) {
    expectUnpacked(AV_PIX_FMT_NV12, AV_PIX_FMT_YUV420P, 8, width, height);
    expectUnpacked(AV_PIX_FMT_NV12, AV_PIX_FMT_YUVJ420P, 8, width, height);
    expectUnpacked(AV_PIX_FMT_NV21, AV_PIX_FMT_YUV420P, 8, width, height);
    expectUnpacked(AV_PIX_FMT_NV16, AV_PIX_FMT_YUV422P, 8, width, height);
    expectUnpacked(AV_PIX_FMT_P010LE, AV_PIX_FMT_YUV420P10LE, 10, width, height);
    expectUnpacked(AV_PIX_FMT_P016LE, AV_PIX_FMT_YUV420P12LE, 12, width, height);
    expectUnpacked(AV_PIX_FMT_YUV444P, AV_PIX_FMT_YUV444P, 8, width, height);
    expectUnpacked(AV_PIX_FMT_YUV444P16LE, AV_PIX_FMT_YUV444P10LE, 10, width, height);
  }
}

TEST_F(HardwareFrames, LumaAloneIsEnoughForGrey) {
  Frame from = make(AV_PIX_FMT_NV12, 5, 3), grey(ffmpeg().av_frame_alloc());
  for (int y = 0; y < 3; ++y)
    std::memset(from->data[0] + y * from->linesize[0], 40 + y, 5);
  ASSERT_TRUE(unpackFrame(*grey, *from, AV_PIX_FMT_GRAY8));
  for (int y = 0; y < 3; ++y)
    EXPECT_EQ(grey->data[0][y * grey->linesize[0] + 4], 40 + y);
}

TEST_F(HardwareFrames, WhatWouldLoseSomethingIsRefused) {
  Frame out(ffmpeg().av_frame_alloc());
  Frame nv12 = make(AV_PIX_FMT_NV12, 8, 8), p010 = make(AV_PIX_FMT_P010LE, 8, 8), grey = make(AV_PIX_FMT_GRAY8, 8, 8);
  EXPECT_FALSE(unpackFrame(*out, *nv12, AV_PIX_FMT_YUV422P)); // of its chroma
  EXPECT_FALSE(unpackFrame(*out, *nv12, AV_PIX_FMT_YUV420P10LE));
  EXPECT_FALSE(unpackFrame(*out, *p010, AV_PIX_FMT_YUV420P12LE));
  EXPECT_FALSE(unpackFrame(*out, *grey, AV_PIX_FMT_YUV420P));
  EXPECT_FALSE(unpackFrame(*out, *nv12, AV_PIX_FMT_NV12)); // no planes
  EXPECT_FALSE(unpackFrame(*out, *nv12, AV_PIX_FMT_RGB24));
  EXPECT_FALSE(unpackFrame(*out, *nv12, AV_PIX_FMT_YUV420P10BE));
  EXPECT_FALSE(unpackFrame(*out, *nv12, AV_PIX_FMT_CUDA));
  EXPECT_FALSE(unpackFrame(*out, *nv12, AV_PIX_FMT_NONE));
}

TEST_F(HardwareFrames, DecodersThatLeaveTheWorkToADevice) {
  const AVCodec *h264 = hardwareCodec(AV_CODEC_ID_H264, AV_HWDEVICE_TYPE_CUDA);
  if (!h264)
    GTEST_SKIP() << "this FFmpeg is built without CUDA";
  EXPECT_STREQ(h264->name, "h264"); // and not h264_cuvid
  if (const AVCodec *av1 = hardwareCodec(AV_CODEC_ID_AV1, AV_HWDEVICE_TYPE_CUDA)) {
    EXPECT_STREQ(av1->name, "av1"); // and not libdav1d, which is the one on the CPU
  }
  EXPECT_EQ(hardwareCodec(AV_CODEC_ID_PNG, AV_HWDEVICE_TYPE_CUDA), nullptr);
  EXPECT_EQ(hardwareCodec(AV_CODEC_ID_H264, AV_HWDEVICE_TYPE_MEDIACODEC), nullptr);
}

} // namespace
