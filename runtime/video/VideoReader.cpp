//===- VideoReader.cpp - chosen frames of a video file --------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A frame's index is its place among the sorted timestamps of all packets, so
// the file is read through once, without decoding (containers' own counts and
// seek tables are estimates too often). Reading frames then
//   1. goes to the last key packet that lies at or before the wanted frame:
//      by a seek whose landing is checked against the list, else by reading on;
//   2. decodes forward, leaving out frames that nobody wants or refers to; what
//      NVDEC does not take, at whatever frame, starts over on the CPU;
//   3. converts the wanted ones to RGB and turns them as the metadata says.
//
//===----------------------------------------------------------------------===//
#include "runtime/video/VideoReader.h"

#include "runtime/core/Error.h"
#include "runtime/video/FFmpeg.h"
#include "runtime/video/HardwareFrames.h"
#include "runtime/video/Nvdec.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <utility>
#include <vector>

namespace jepa::rt {

#if JEPAC_WITH_FFMPEG

namespace {

constexpr std::int64_t mostPixels = std::int64_t(1) << 26; // 8192 x 8192: beyond it a file is taken for damaged
constexpr std::int64_t shortWay = 128;                     // packets; to read them costs no more than to seek

/// What the first reading keeps of a video packet.
struct Packet {
  std::int64_t presented, decoded;
  bool key;
};

/// How stored pixels become displayed ones.
struct Orientation {
  bool transpose = false, mirrorX = false, mirrorY = false; ///< of the display
  bool none() const { return !transpose && !mirrorX && !mirrorY; }
};

Orientation orientationOf(const std::int32_t *matrix) {
  // Display x = a x + c y and y = b x + d y; only quarter turns and mirrors occur.
  std::int64_t a = matrix[0], b = matrix[1], c = matrix[3], d = matrix[4];
  bool transpose = std::abs(b) + std::abs(c) > std::abs(a) + std::abs(d);
  return transpose ? Orientation{true, c < 0, b < 0} : Orientation{false, a < 0, d < 0};
}

bool isFullRange(const AVFrame &frame) {
  auto format = static_cast<AVPixelFormat>(frame.format);
  return frame.color_range == AVCOL_RANGE_JPEG || format == AV_PIX_FMT_YUVJ420P || format == AV_PIX_FMT_YUVJ422P ||
         format == AV_PIX_FMT_YUVJ444P || format == AV_PIX_FMT_YUVJ440P || format == AV_PIX_FMT_YUVJ411P;
}

/// Whether the file's header told all that decoding needs, of the one video
/// that it holds. FFmpeg's own probe decodes frames to find out: as long as a
/// clip's tenth.
bool isKnown(const AVFormatContext &context) {
  int videos = 0;
  for (unsigned i = 0; i < context.nb_streams; ++i) {
    const AVCodecParameters &p = *context.streams[i]->codecpar;
    if (p.codec_type != AVMEDIA_TYPE_VIDEO)
      continue;
    // These say in their headers how far frames are out of order, or scan() finds it.
    bool told = p.codec_id == AV_CODEC_ID_VP9 || p.codec_id == AV_CODEC_ID_AV1 ||
                ((p.codec_id == AV_CODEC_ID_H264 || p.codec_id == AV_CODEC_ID_HEVC) && p.extradata_size > 0);
    if (++videos > 1 || !told || p.width <= 0 || p.height <= 0)
      return false;
  }
  return videos == 1;
}

/// By how many frames the order of decoding runs ahead of that of display.
int reorderDepth(const std::vector<Packet> &packets) {
  constexpr std::size_t most = 16; // of every codec
  std::vector<std::int64_t> latest; // the largest times so far, descending
  std::size_t depth = 0;
  for (const Packet &packet : packets) {
    auto place = std::lower_bound(latest.begin(), latest.end(), packet.presented, std::greater<>());
    depth = std::max<std::size_t>(depth, place - latest.begin());
    latest.insert(place, packet.presented);
    if (latest.size() > most)
      latest.pop_back();
  }
  return static_cast<int>(depth);
}

/// Sets the sizes of chroma; false for what is not planes of 8 bits.
bool describePlanes(AVPixelFormat format, YuvView &view) {
  switch (format) {
  case AV_PIX_FMT_YUV420P: case AV_PIX_FMT_YUVJ420P:
    view.shiftX = view.shiftY = 1;
    return true;
  case AV_PIX_FMT_YUV422P: case AV_PIX_FMT_YUVJ422P:
    view.shiftX = 1;
    return true;
  case AV_PIX_FMT_YUV444P: case AV_PIX_FMT_YUVJ444P:
    return true;
  default:
    return false;
  }
}

} // namespace

struct VideoReader::Impl {
  Impl(const std::string &path, const std::atomic<bool> *cancel, Nvdec *nvdec);

  void open();
  void openCodec();
  void leaveDevice(const std::string &why);
  std::string refusalOfKind() const;
  static AVPixelFormat chooseFormat(AVCodecContext *codec, const AVPixelFormat *offered);
  const AVFrame *inMemory(const AVFrame &frame);
  void scan();
  bool readPacket();
  void rewind();
  bool seek(std::int64_t target);
  void approach(std::int64_t index);
  bool decode();
  std::int64_t indexOf(const AVFrame &frame);
  RgbView convert(const AVFrame &frame);
  bool asPlanes(const AVFrame &frame, YuvView &view) const;
  void read(std::span<const std::int64_t> indices, const Sink &sink, const YuvSink &planes);

  [[noreturn]] void fail(const std::string &why) const { throw Error("cannot read video " + path + ": " + why); }
  void check() const {
    if (cancel && cancel->load(std::memory_order_relaxed))
      fail("cancelled");
  }

  const FFmpeg &av = ffmpeg();
  std::string path;
  const std::atomic<bool> *cancel;
  FFmpegOwner<AVFormatContext> input;
  FFmpegOwner<AVCodecContext> codec;
  FFmpegOwner<AVPacket> packet{av.av_packet_alloc()};
  FFmpegOwner<AVFrame> frame{av.av_frame_alloc()};
  FFmpegOwner<SwsContext> scaler;
  const AVCodec *decoder = nullptr; ///< on the CPU
  Nvdec *const nvdec;
  bool onDevice;                    ///< `codec` is one for the device
  bool offered = true;              ///< by the device for this kind of stream, as far as it was decoded
  std::string refusal;              ///< why the device was left; told when the CPU decodes what it could not
  FFmpegOwner<AVFrame> downloaded{av.av_frame_alloc()}, unpacked{av.av_frame_alloc()};
  int stream = -1;
  double framesPerSecond = 0;
  std::int64_t storedWidth = 0, storedHeight = 0;
  Orientation orientation;

  std::vector<Packet> packets;      ///< in the order of the file
  std::vector<std::int64_t> times;  ///< ascending; empty if the file's timestamps cannot tell frames apart
  std::int64_t position = 0;        ///< packets read since the start
  bool held = false;                ///< `packet` was read by seek() and not yet decoded
  bool draining = false;            ///< no more packets
  std::int64_t count = 0;           ///< frames that are shown
  std::int64_t nextIndex = 0;       ///< above the last decoded frame
  std::vector<std::int64_t> wanted; ///< timestamps of the frames to be read, ascending
  std::vector<std::uint8_t> memory, scaled, displayed;
};

VideoReader::Impl::Impl(const std::string &givenPath, const std::atomic<bool> *cancel, Nvdec *nvdec)
    : path(givenPath), cancel(cancel), nvdec(nvdec), onDevice(nvdec && !nvdec->isRefused(givenPath)) {
  std::error_code code;
  auto status = std::filesystem::status(path, code);
  if (!std::filesystem::exists(status))
    fail(code && code != std::errc::no_such_file_or_directory ? code.message() : "no such file");
  if (std::filesystem::is_directory(status))
    fail("it is a folder");
  if (!std::filesystem::is_regular_file(status))
    fail("it is not a regular file"); // a pipe would block
  if (!packet || !frame || !downloaded || !unpacked)
    fail("out of memory");
  open();
  const AVStream &video = *input->streams[stream];
  const AVCodecParameters &parameters = *video.codecpar;
  storedWidth = parameters.width;
  storedHeight = parameters.height;
  if (storedWidth <= 0 || storedHeight <= 0 || storedWidth > mostPixels / storedHeight)
    fail("its frames are " + std::to_string(storedWidth) + "x" + std::to_string(storedHeight));
  AVRational rate = video.avg_frame_rate.num > 0 ? video.avg_frame_rate : video.r_frame_rate;

#if LIBAVFORMAT_VERSION_MAJOR >= 61
  const AVPacketSideData *side = av.av_packet_side_data_get(parameters.coded_side_data, parameters.nb_coded_side_data,
                                                            AV_PKT_DATA_DISPLAYMATRIX);
  const std::uint8_t *matrix = side && side->size >= 36 ? side->data : nullptr;
#else
  std::size_t bytes = 0;
  const std::uint8_t *matrix = av.av_stream_get_side_data(&video, AV_PKT_DATA_DISPLAYMATRIX, &bytes);
  if (bytes < 36)
    matrix = nullptr;
#endif
  if (matrix) {
    std::int32_t values[9];
    std::memcpy(values, matrix, sizeof values);
    orientation = orientationOf(values);
  }

  scan();
  framesPerSecond = rate.num > 0 && rate.den > 0 ? static_cast<double>(rate.num) / rate.den : 0;
  if (framesPerSecond == 0 && times.size() > 1 && video.time_base.num > 0)
    framesPerSecond = static_cast<double>(times.size() - 1) * video.time_base.den /
                      (static_cast<double>(times.back() - times.front()) * video.time_base.num);
  openCodec();
  rewind();
}

void VideoReader::Impl::openCodec() {
  const AVStream &video = *input->streams[stream];
  const AVCodec *chosen = decoder;
  if (onDevice) {
    chosen = hardwareCodec(decoder->id, AV_HWDEVICE_TYPE_CUDA);
    offered = chosen;
    if (!offered)
      return leaveDevice(refusalOfKind());
  }
  codec.reset(av.avcodec_alloc_context3(chosen));
  if (!codec || av.avcodec_parameters_to_context(codec.get(), video.codecpar) < 0)
    fail("out of memory");
  codec->pkt_timebase = video.time_base;
  codec->thread_count = 1; // whoever reads many videos has a thread for each
  codec->max_pixels = mostPixels;
  // Else columns that are cut off at the left would stay where planes are aligned, other ones in other formats.
  codec->flags |= AV_CODEC_FLAG_UNALIGNED;
  if (!times.empty())
    codec->has_b_frames = std::max(codec->has_b_frames, reorderDepth(packets));
  if (onDevice) {
    codec->opaque = this;
    codec->get_format = chooseFormat;
    codec->hw_device_ctx = av.av_buffer_ref(nvdec->device());
    if (!codec->hw_device_ctx)
      fail("out of memory");
  }
  int error = av.avcodec_open2(codec.get(), chosen, nullptr);
  if (error < 0 && onDevice) {
    offered = false;
    return leaveDevice(refusalOfKind());
  }
  if (error < 0)
    fail(av.describe(error));
}

/// The CPU decodes from here on, after a rewind().
void VideoReader::Impl::leaveDevice(const std::string &why) {
  refusal = why;
  onDevice = false;
  openCodec();
}

std::string VideoReader::Impl::refusalOfKind() const {
  const AVCodecParameters &parameters = *input->streams[stream]->codecpar;
  const char *profile = av.avcodec_profile_name(decoder->id, codec ? codec->profile : parameters.profile);
  return std::string(offered ? "NVDEC does not give all frames of " : "NVDEC does not take ") +
         av.avcodec_get_name(decoder->id) + (profile ? " " : "") + (profile ? profile : "") +
         (codec && codec->coded_height % 2 ? " of odd height" : "");
}

/// FFmpeg asks again without the device's format where the device then fails to take the stream. Where a height is odd
/// it looks for chroma one row before the place to which NVDEC writes it.
AVPixelFormat VideoReader::Impl::chooseFormat(AVCodecContext *codec, const AVPixelFormat *offered) {
  auto *reader = static_cast<Impl *>(codec->opaque);
  for (const AVPixelFormat *format = offered; *format != AV_PIX_FMT_NONE; ++format)
    if (*format == AV_PIX_FMT_CUDA && codec->coded_height % 2 == 0)
      return *format;
  reader->offered = false;
  while (offered[1] != AV_PIX_FMT_NONE)
    ++offered;
  return *offered; // the one in memory, if there is one
}

/// The frame as the CPU would have decoded it; null, and why in `refusal`, where that cannot be had of the device.
const AVFrame *VideoReader::Impl::inMemory(const AVFrame &decoded) {
  if (decoded.format != AV_PIX_FMT_CUDA)
    return &decoded;
  std::string problem = nvdec->download(*downloaded, memory, decoded);
  if (!problem.empty())
    refusal = "frames cannot be copied from NVDEC (" + problem + ")";
  else if (offered = unpackFrame(*unpacked, *downloaded, codec->sw_pix_fmt); !offered)
    refusal = refusalOfKind();
  return refusal.empty() ? unpacked.get() : nullptr;
}

void VideoReader::Impl::open() {
  // As a file and nothing else: a name in a list must not be a network address
  // or a pattern, and a playlist must not lead elsewhere.
  std::string url = "file:" + path;
  AVDictionary *options = nullptr;
  av.av_dict_set(&options, "protocol_whitelist", "file", 0);
  av.av_dict_set(&options, "pattern_type", "none", 0);
  AVFormatContext *context = nullptr;
  int error = av.avformat_open_input(&context, url.c_str(), nullptr, &options);
  av.av_dict_free(&options);
  if (error < 0)
    fail(error == AVERROR(EACCES) ? "permission denied" : av.describe(error));
  input.reset(context);
  if (error = isKnown(*context) ? 0 : av.avformat_find_stream_info(context, nullptr); error < 0)
    fail(av.describe(error));
  stream = av.av_find_best_stream(context, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0);
  if (stream == AVERROR_DECODER_NOT_FOUND)
    fail("FFmpeg has no decoder for it");
  if (stream < 0 || !decoder)
    fail("it has no video stream");
  for (unsigned i = 0; i < context->nb_streams; ++i)
    context->streams[i]->discard = static_cast<int>(i) == stream ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
  position = 0;
  held = false;
}

/// Next packet of the stream that gives a frame; false at the end.
bool VideoReader::Impl::readPacket() {
  if (held) {
    held = false;
    return true;
  }
  for (;;) {
    check();
    av.av_packet_unref(packet.get());
    if (av.av_read_frame(input.get(), packet.get()) < 0) // damage at the end ends the file too
      return false;
    if (packet->stream_index == stream && packet->size > 0) {
      ++position;
      return true;
    }
  }
}

void VideoReader::Impl::scan() {
  bool told = true;
  while (readPacket()) {
    bool shown = !(packet->flags & AV_PKT_FLAG_DISCARD); // cut away by an edit list
    told &= packet->pts != AV_NOPTS_VALUE || !shown;
    packets.push_back({packet->pts, packet->dts, (packet->flags & AV_PKT_FLAG_KEY) != 0});
    if (shown)
      times.push_back(packet->pts);
  }
  if (packets.empty() || times.empty())
    fail("it holds no frames");
  count = static_cast<std::int64_t>(times.size());
  std::sort(times.begin(), times.end());
  if (!told || std::adjacent_find(times.begin(), times.end()) != times.end())
    times.clear();
}

/// Back to the first packet, with an empty decoder.
void VideoReader::Impl::rewind() {
  if (!seek(0))
    open();
  av.avcodec_flush_buffers(codec.get());
  draining = false;
  nextIndex = 0;
}

/// Tries to stand before packet `target` or an earlier one. False leaves the
/// input where it cannot be used.
bool VideoReader::Impl::seek(std::int64_t target) {
  const Packet &wanted = packets[target];
  std::int64_t time = wanted.decoded != AV_NOPTS_VALUE ? wanted.decoded : wanted.presented;
  held = false;
  if (time == AV_NOPTS_VALUE || av.av_seek_frame(input.get(), stream, time, AVSEEK_FLAG_BACKWARD) < 0 || !readPacket())
    return false;
  for (std::int64_t i = target; i >= 0; --i)
    if (packets[i].presented == packet->pts && packets[i].decoded == packet->dts) {
      position = i + 1;
      held = true;
      return true;
    }
  return false;
}

/// Goes to the key packet from which frame `index` is decoded, if that leaves
/// anything out.
void VideoReader::Impl::approach(std::int64_t index) {
  if (times.empty())
    return;
  std::int64_t best = -1, bestTime = 0;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const Packet &candidate = packets[i];
    if (candidate.key && candidate.presented != AV_NOPTS_VALUE && candidate.presented <= times[index] &&
        (best < 0 || candidate.presented > bestTime)) {
      best = static_cast<std::int64_t>(i);
      bestTime = candidate.presented;
    }
  }
  std::int64_t start = position - (held ? 1 : 0);
  if (best <= start)
    return;
  if (best - start > shortWay && !seek(best))
    open();
  while (position - (held ? 1 : 0) < best && readPacket()) {
  }
  av.avcodec_flush_buffers(codec.get());
  draining = false;
}

/// Decodes one more frame into `frame`; false at the end. What is damaged is
/// passed over.
bool VideoReader::Impl::decode() {
  for (;;) {
    check();
    int error = av.avcodec_receive_frame(codec.get(), frame.get());
    if (error >= 0)
      return true;
    if (error != AVERROR(EAGAIN) && draining)
      return false;
    if (!readPacket()) {
      draining = true;
      av.avcodec_send_packet(codec.get(), nullptr);
      continue;
    }
    if (!times.empty()) {
      bool shown = std::binary_search(wanted.begin(), wanted.end(), packet->pts);
      codec->skip_frame = shown ? AVDISCARD_DEFAULT : AVDISCARD_NONREF;
    }
    av.avcodec_send_packet(codec.get(), packet.get());
  }
}

std::int64_t VideoReader::Impl::indexOf(const AVFrame &decoded) {
  std::int64_t index = nextIndex;
  if (!times.empty() && decoded.best_effort_timestamp != AV_NOPTS_VALUE)
    index = std::lower_bound(times.begin(), times.end(), decoded.best_effort_timestamp) - times.begin();
  nextIndex = index + 1;
  return index;
}

RgbView VideoReader::Impl::convert(const AVFrame &decoded) {
  auto width = static_cast<int>(storedWidth), height = static_cast<int>(storedHeight);
  auto format = static_cast<AVPixelFormat>(decoded.format);
  // Chroma at full resolution and exact rounding: the default is a fast table
  // that is off by several levels. A stream that changes its size is resized.
  scaler.reset(av.sws_getCachedContext(scaler.release(), decoded.width, decoded.height, format, width, height,
                                       AV_PIX_FMT_RGB24,
                                       SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP,
                                       nullptr, nullptr, nullptr));
  if (!scaler)
    fail("its pixel format cannot be converted");
  const int *source = av.sws_getCoefficients(decoded.colorspace);
  av.sws_setColorspaceDetails(scaler.get(), source, isFullRange(decoded) ? 1 : 0,
                              av.sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16, 1 << 16);

  // Vector code writes whole blocks: rows are padded, then packed.
  int stride = (width * 3 + 63) / 64 * 64 + 64;
  scaled.resize(static_cast<std::size_t>(stride) * height);
  std::uint8_t *planes[4] = {scaled.data()};
  int strides[4] = {stride};
  if (av.sws_scale(scaler.get(), decoded.data, decoded.linesize, 0, decoded.height, planes, strides) < 0)
    fail("its pixels cannot be converted");

  std::int64_t columns = orientation.transpose ? height : width, rows = orientation.transpose ? width : height;
  displayed.resize(static_cast<std::size_t>(columns) * rows * 3);
  std::int64_t stepX = orientation.transpose ? stride : 3, stepY = orientation.transpose ? 3 : stride;
  const std::uint8_t *origin = scaled.data();
  if (orientation.mirrorX) {
    origin += (columns - 1) * stepX;
    stepX = -stepX;
  }
  if (orientation.mirrorY) {
    origin += (rows - 1) * stepY;
    stepY = -stepY;
  }
  std::uint8_t *out = displayed.data();
  for (std::int64_t y = 0; y < rows; ++y, out += columns * 3) {
    const std::uint8_t *in = origin + y * stepY;
    if (stepX == 3)
      std::memcpy(out, in, static_cast<std::size_t>(columns) * 3);
    else
      for (std::int64_t x = 0; x < columns; ++x)
        std::memcpy(out + x * 3, in + x * stepX, 3);
  }
  return {displayed.data(), columns, rows};
}

/// The frame without converting it, where that says all.
bool VideoReader::Impl::asPlanes(const AVFrame &decoded, YuvView &view) const {
  if (!orientation.none() || decoded.width != storedWidth || decoded.height != storedHeight ||
      !describePlanes(static_cast<AVPixelFormat>(decoded.format), view))
    return false;
  view.width = storedWidth;
  view.height = storedHeight;
  for (int i = 0; i < 3; ++i) {
    view.planes[i] = decoded.data[i];
    view.strides[i] = decoded.linesize[i];
  }
  // FFmpeg's coefficients are for luma of 16..235 and chroma of 16..240, in 1/65536.
  const int *c = av.sws_getCoefficients(decoded.colorspace);
  bool full = isFullRange(decoded);
  auto chroma = [&](int value) { return static_cast<float>(value / 65536.0 * (full ? 224.0 / 255 : 1)); };
  view.gain = full ? 1 : 255.0F / 219;
  view.black = full ? 0 : 16;
  view.redV = chroma(c[0]);
  view.blueU = chroma(c[1]);
  view.greenU = -chroma(c[2]);
  view.greenV = -chroma(c[3]);
  return true;
}

void VideoReader::Impl::read(std::span<const std::int64_t> indices, const Sink &sink, const YuvSink &planes) {
  if (indices.empty())
    return;
  if (!std::is_sorted(indices.begin(), indices.end()) || indices.front() < 0 || indices.back() >= count)
    fail("frames " + std::to_string(indices.front()) + " to " + std::to_string(indices.back()) + " of " +
         std::to_string(count) + " were asked for");
  wanted.clear();
  std::int64_t distinct = 0, missing = 0;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    distinct += i == 0 || indices[i] != indices[i - 1];
    if (!times.empty())
      wanted.push_back(times[indices[i]]);
  }
  if (indices.front() < nextIndex || draining)
    rewind();

  std::size_t place = 0;
  bool any = false;
  FFmpegOwner<AVFrame> last(av.av_frame_alloc());
  auto deliver = [&](const AVFrame &decoded, std::int64_t index) {
    YuvView yuv;
    bool plain = planes && asPlanes(decoded, yuv);
    RgbView rgb = plain ? RgbView() : convert(decoded);
    for (; place < indices.size() && indices[place] <= index; ++place) {
      missing += indices[place] < index && (place == 0 || indices[place] != indices[place - 1]);
      plain ? planes(place, yuv) : sink(place, rgb);
    }
  };
  std::int64_t approached = -1;
  auto startOver = [&](const std::string &why) {
    leaveDevice(why);
    rewind();
    approached = -1;
    any = false;
  };
  while (place < indices.size()) {
    if (std::exchange(approached, indices[place]) != indices[place])
      approach(indices[place]);
    bool more = decode();
    any |= more;
    // Where the end is missing every place that is left counts as such.
    std::int64_t index = more ? indexOf(*frame) : count;
    // A frame that does not come may be the device's fault or the file's: the CPU tells.
    if (onDevice && (!offered || index > indices[place])) {
      startOver(refusalOfKind());
      continue;
    }
    if (!any)
      fail("no frame decodes: the file is damaged");
    if (index >= indices[place]) {
      const AVFrame *decoded = inMemory(more ? *frame : *last);
      if (!decoded) {
        startOver(refusal);
        continue;
      }
      if (!onDevice && !refusal.empty())
        nvdec->refuse(path, std::exchange(refusal, {}));
      deliver(*decoded, index);
    }
    std::swap(frame, last);
  }
  if (missing * 2 > distinct)
    fail("damaged: " + std::to_string(missing) + " of " + std::to_string(distinct) + " frames do not decode");
}

void requireVideo() { ffmpeg(); }

VideoReader::VideoReader(const std::string &path, const std::atomic<bool> *cancel, Nvdec *nvdec)
    : impl(std::make_unique<Impl>(path, cancel, nvdec)) {}
VideoReader::~VideoReader() = default;
std::int64_t VideoReader::frameCount() const { return impl->count; }
double VideoReader::framesPerSecond() const { return impl->framesPerSecond; }
std::int64_t VideoReader::width() const {
  return impl->orientation.transpose ? impl->storedHeight : impl->storedWidth;
}
std::int64_t VideoReader::height() const {
  return impl->orientation.transpose ? impl->storedWidth : impl->storedHeight;
}
void VideoReader::read(std::span<const std::int64_t> indices, const Sink &sink, const YuvSink &planes) {
  impl->read(indices, sink, planes);
}

#else // !JEPAC_WITH_FFMPEG

struct VideoReader::Impl {};

void requireVideo() { throw noFFmpeg("video"); }
VideoReader::VideoReader(const std::string &path, const std::atomic<bool> *, Nvdec *) { throw noFFmpeg(path); }
VideoReader::~VideoReader() = default;
std::int64_t VideoReader::frameCount() const { return 0; }
double VideoReader::framesPerSecond() const { return 0; }
std::int64_t VideoReader::width() const { return 0; }
std::int64_t VideoReader::height() const { return 0; }
void VideoReader::read(std::span<const std::int64_t>, const Sink &, const YuvSink &) {}

#endif // JEPAC_WITH_FFMPEG

} // namespace jepa::rt
