//===- HardwareFrames.cpp - frames that a device has decoded --------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/video/HardwareFrames.h"

#if JEPAC_WITH_FFMPEG

#include <cstdint>
#include <cstring>

namespace jepa::rt {

const AVCodec *hardwareCodec(AVCodecID id, AVHWDeviceType type) {
  const FFmpeg &av = ffmpeg();
  void *place = nullptr;
  while (const AVCodec *codec = av.av_codec_iterate(&place)) {
    // Decoders that are a device's own have other rules for seeking, and drop frames by themselves.
    if (codec->id != id || !av.av_codec_is_decoder(codec) || (codec->capabilities & AV_CODEC_CAP_HARDWARE))
      continue;
    for (int i = 0; const AVCodecHWConfig *config = av.avcodec_get_hw_config(codec, i); ++i)
      if (config->device_type == type && (config->methods & AV_CODEC_HW_CONFIG_METHOD_HW_DEVICE_CTX))
        return codec;
  }
  return nullptr;
}

namespace {

/// Samples of bytes, or of 16 bits as this machine stores them.
bool hasPlainSamples(const AVPixFmtDescriptor &format) {
  constexpr std::uint64_t other = AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM |
                                  AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_FLOAT;
  return format.nb_components > 0 && !(format.flags & other);
}

int bytesOf(const AVComponentDescriptor &samples) { return samples.depth + samples.shift > 8 ? 2 : 1; }

bool isPlane(const AVComponentDescriptor &samples, int plane) {
  return samples.plane == plane && samples.offset == 0 && samples.shift == 0 && samples.step == bytesOf(samples);
}

/// One row; `step` counts samples. Steps of one and two are what devices have.
template <class From, class To>
void copyRow(To *__restrict out, const From *__restrict in, int width, int step, int shift) {
  if (step == 2)
    for (int x = 0; x < width; ++x)
      out[x] = static_cast<To>(in[2 * x] >> shift);
  else
    for (int x = 0; x < width; ++x)
      out[x] = static_cast<To>(in[step * x] >> shift);
}

} // namespace

bool unpackFrame(AVFrame &planar, const AVFrame &frame, AVPixelFormat format) {
  const FFmpeg &av = ffmpeg();
  const AVPixFmtDescriptor *from = av.av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  const AVPixFmtDescriptor *to = av.av_pix_fmt_desc_get(format);
  if (!from || !to || !hasPlainSamples(*from) || !hasPlainSamples(*to) || from->nb_components < to->nb_components)
    return false;
  bool chroma = to->nb_components > 1;
  if (chroma && (from->log2_chroma_w != to->log2_chroma_w || from->log2_chroma_h != to->log2_chroma_h))
    return false;
  for (int c = 0; c < to->nb_components; ++c)
    if (!isPlane(to->comp[c], c) || from->comp[c].depth < to->comp[c].depth ||
        from->comp[c].step % bytesOf(from->comp[c]) != 0)
      return false;

  av.av_frame_unref(&planar);
  planar.format = format;
  planar.width = frame.width;
  planar.height = frame.height;
  if (av.av_frame_get_buffer(&planar, 0) < 0 || av.av_frame_copy_props(&planar, &frame) < 0)
    return false;
  for (int c = 0; c < to->nb_components; ++c) {
    const AVComponentDescriptor &in = from->comp[c], &out = to->comp[c];
    auto smaller = [&](int length, int shift) {
      return c == 1 || c == 2 ? (length + (1 << shift) - 1) >> shift : length;
    };
    int width = smaller(frame.width, to->log2_chroma_w), height = smaller(frame.height, to->log2_chroma_h);
    int step = in.step / bytesOf(in), shift = in.shift + in.depth - out.depth;
    for (int y = 0; y < height; ++y) {
      const std::uint8_t *source = frame.data[in.plane] + std::int64_t(y) * frame.linesize[in.plane] + in.offset;
      std::uint8_t *target = planar.data[c] + std::int64_t(y) * planar.linesize[c];
      if (step == 1 && shift == 0 && bytesOf(in) == bytesOf(out))
        std::memcpy(target, source, std::size_t(width) * bytesOf(in));
      else if (bytesOf(in) == 1)
        copyRow(target, source, width, step, shift);
      else if (bytesOf(out) == 1)
        copyRow(target, reinterpret_cast<const std::uint16_t *>(source), width, step, shift);
      else
        copyRow(reinterpret_cast<std::uint16_t *>(target), reinterpret_cast<const std::uint16_t *>(source), width, step,
                shift);
    }
  }
  return true;
}

} // namespace jepa::rt

#endif // JEPAC_WITH_FFMPEG
