//===- FFmpeg.h - FFmpeg's libraries, opened when they are needed ---------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Private to runtime/video. Headers at build time, dlopen at run time: a binary
// starts on a machine without FFmpeg and misses it only when it meets a video.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_VIDEO_FFMPEG_H
#define JEPA_RUNTIME_VIDEO_FFMPEG_H

#include "runtime/core/Error.h"

#include <string>

#if JEPAC_WITH_FFMPEG

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libavutil/display.h>
#include <libavutil/hwcontext.h>
#include <libavutil/log.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

#include <memory>

// Every function that runtime/video calls, by the library that has it.
#define JEPA_AVUTIL_FUNCTIONS(X)                                                                                       \
  X(av_log_set_level)                                                                                                  \
  X(av_strerror)                                                                                                       \
  X(av_frame_alloc)                                                                                                    \
  X(av_frame_free)                                                                                                     \
  X(av_frame_unref)                                                                                                    \
  X(av_frame_get_buffer)                                                                                               \
  X(av_frame_copy_props)                                                                                               \
  X(av_frame_apply_cropping)                                                                                           \
  X(av_buffer_ref)                                                                                                     \
  X(av_buffer_unref)                                                                                                   \
  X(av_hwdevice_iterate_types)                                                                                         \
  X(av_hwdevice_ctx_create)                                                                                            \
  X(av_pix_fmt_desc_get)                                                                                               \
  X(av_dict_set)                                                                                                       \
  X(av_dict_free)
#define JEPA_AVCODEC_FUNCTIONS(X)                                                                                      \
  X(avcodec_find_encoder)                                                                                              \
  X(av_codec_iterate)                                                                                                  \
  X(av_codec_is_decoder)                                                                                               \
  X(avcodec_get_hw_config)                                                                                             \
  X(avcodec_get_name)                                                                                                  \
  X(avcodec_profile_name)                                                                                              \
  X(avcodec_alloc_context3)                                                                                            \
  X(avcodec_free_context)                                                                                              \
  X(avcodec_parameters_to_context)                                                                                     \
  X(avcodec_open2)                                                                                                     \
  X(avcodec_flush_buffers)                                                                                             \
  X(avcodec_send_packet)                                                                                               \
  X(avcodec_receive_frame)                                                                                             \
  X(avcodec_send_frame)                                                                                                \
  X(avcodec_receive_packet)                                                                                            \
  X(av_packet_alloc)                                                                                                   \
  X(av_packet_free)                                                                                                    \
  X(av_packet_unref)
#define JEPA_AVFORMAT_FUNCTIONS(X)                                                                                     \
  X(avformat_alloc_context)                                                                                            \
  X(avformat_open_input)                                                                                               \
  X(avformat_close_input)                                                                                              \
  X(avformat_find_stream_info)                                                                                         \
  X(av_find_best_stream)                                                                                               \
  X(av_read_frame)                                                                                                     \
  X(av_seek_frame)
#define JEPA_SWSCALE_FUNCTIONS(X)                                                                                      \
  X(sws_getCachedContext)                                                                                              \
  X(sws_getCoefficients)                                                                                               \
  X(sws_setColorspaceDetails)                                                                                          \
  X(sws_scale)                                                                                                         \
  X(sws_freeContext)
// The rotation moved from the stream to its codec parameters.
#if LIBAVFORMAT_VERSION_MAJOR >= 61
#define JEPA_SIDE_DATA_FUNCTION(X)
#define JEPA_SIDE_DATA_CODEC_FUNCTION(X) X(av_packet_side_data_get)
#else
#define JEPA_SIDE_DATA_FUNCTION(X) X(av_stream_get_side_data)
#define JEPA_SIDE_DATA_CODEC_FUNCTION(X)
#endif

namespace jepa::rt {

struct FFmpeg {
#define JEPA_MEMBER(name) decltype(&::name) name = nullptr;
  JEPA_AVUTIL_FUNCTIONS(JEPA_MEMBER)
  JEPA_AVCODEC_FUNCTIONS(JEPA_MEMBER)
  JEPA_AVFORMAT_FUNCTIONS(JEPA_MEMBER)
  JEPA_SWSCALE_FUNCTIONS(JEPA_MEMBER)
  JEPA_SIDE_DATA_FUNCTION(JEPA_MEMBER)
  JEPA_SIDE_DATA_CODEC_FUNCTION(JEPA_MEMBER)
#undef JEPA_MEMBER

  /// "invalid data found when processing input" and its like.
  std::string describe(int code) const;
};

/// The libraries, opened on the first call and silenced. Throws Error naming
/// the library that is missing and the package that has it.
const FFmpeg &ffmpeg();

/// Frees FFmpeg's objects, each by the function made for it.
struct FFmpegDeleter {
  void operator()(AVFormatContext *p) const { ffmpeg().avformat_close_input(&p); }
  void operator()(AVCodecContext *p) const { ffmpeg().avcodec_free_context(&p); }
  void operator()(AVFrame *p) const { ffmpeg().av_frame_free(&p); }
  void operator()(AVPacket *p) const { ffmpeg().av_packet_free(&p); }
  void operator()(SwsContext *p) const { ffmpeg().sws_freeContext(p); }
};
template <class T> using FFmpegOwner = std::unique_ptr<T, FFmpegDeleter>;

} // namespace jepa::rt

#endif // JEPAC_WITH_FFMPEG

namespace jepa::rt {

/// What a build without FFmpeg's headers says.
inline Error noFFmpeg(const std::string &path) {
  return Error("cannot use " + path + ": this binary was built without FFmpeg; install libavformat-dev, libavcodec-dev "
               "and libswscale-dev and build again");
}

} // namespace jepa::rt

#endif // JEPA_RUNTIME_VIDEO_FFMPEG_H
