//===- BareDecoder.cpp - what decoding alone costs ------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/video/BareDecoder.h"

#include "runtime/core/Error.h"
#include "runtime/video/FFmpeg.h"

#include <algorithm>
#include <chrono>
#include <vector>

namespace jepa::rt {

#if JEPAC_WITH_FFMPEG

struct BareDecoder::Impl {
  explicit Impl(const std::string &path);
  double seconds(std::int64_t first, std::int64_t last);

  const FFmpeg &av = ffmpeg();
  FFmpegOwner<AVCodecContext> codec;
  FFmpegOwner<AVFrame> frame{av.av_frame_alloc()};
  std::vector<FFmpegOwner<AVPacket>> packets; ///< in the order of the file
  std::vector<std::int64_t> times;            ///< of shown frames, ascending
};

BareDecoder::Impl::Impl(const std::string &path) {
  auto require = [&](int code) {
    if (code < 0)
      throw Error("cannot read video " + path + ": " + av.describe(code));
  };
  AVFormatContext *context = nullptr;
  require(av.avformat_open_input(&context, ("file:" + path).c_str(), nullptr, nullptr));
  FFmpegOwner<AVFormatContext> input(context);
  require(av.avformat_find_stream_info(context, nullptr));
  const AVCodec *decoder = nullptr;
  int stream = av.av_find_best_stream(context, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0);
  require(stream);
  codec.reset(av.avcodec_alloc_context3(decoder));
  require(av.avcodec_parameters_to_context(codec.get(), context->streams[stream]->codecpar));
  codec->pkt_timebase = context->streams[stream]->time_base;
  codec->thread_count = 1;
  require(av.avcodec_open2(codec.get(), decoder, nullptr));
  for (FFmpegOwner<AVPacket> packet(av.av_packet_alloc()); av.av_read_frame(context, packet.get()) >= 0;) {
    if (packet->stream_index != stream || packet->size == 0) {
      av.av_packet_unref(packet.get());
      continue;
    }
    if (!(packet->flags & AV_PKT_FLAG_DISCARD))
      times.push_back(packet->pts);
    packets.push_back(std::move(packet));
    packet.reset(av.av_packet_alloc());
  }
  std::sort(times.begin(), times.end());
}

double BareDecoder::Impl::seconds(std::int64_t first, std::int64_t last) {
  auto count = static_cast<std::int64_t>(times.size());
  if (first < 0 || last < first || last >= count || times.front() == AV_NOPTS_VALUE ||
      std::adjacent_find(times.begin(), times.end()) != times.end())
    return -1;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < packets.size(); ++i)
    if ((packets[i]->flags & AV_PKT_FLAG_KEY) && packets[i]->pts <= times[first])
      begin = i;
  auto start = std::chrono::steady_clock::now();
  av.avcodec_flush_buffers(codec.get());
  bool done = false;
  auto receive = [&] {
    while (!done && av.avcodec_receive_frame(codec.get(), frame.get()) >= 0)
      done = frame->best_effort_timestamp >= times[last];
  };
  for (std::size_t i = begin; i < packets.size() && !done; ++i) {
    av.avcodec_send_packet(codec.get(), packets[i].get());
    receive();
  }
  if (!done) {
    av.avcodec_send_packet(codec.get(), nullptr);
    receive();
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

BareDecoder::BareDecoder(const std::string &path) : impl(std::make_unique<Impl>(path)) {}
BareDecoder::~BareDecoder() = default;
double BareDecoder::seconds(std::int64_t first, std::int64_t last) { return impl->seconds(first, last); }

#else // !JEPAC_WITH_FFMPEG

struct BareDecoder::Impl {};

BareDecoder::BareDecoder(const std::string &path) { throw noFFmpeg(path); }
BareDecoder::~BareDecoder() = default;
double BareDecoder::seconds(std::int64_t, std::int64_t) { return -1; }

#endif // JEPAC_WITH_FFMPEG

} // namespace jepa::rt
