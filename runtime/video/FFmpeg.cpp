//===- FFmpeg.cpp - FFmpeg's libraries, opened when they are needed -------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/video/FFmpeg.h"

#if JEPAC_WITH_FFMPEG

#include <dlfcn.h>

#include <cctype>

namespace jepa::rt {

namespace {

// The layout of FFmpeg's structures is fixed per major version, so the library
// opened must have the version of the headers compiled against.
void *openLibrary(const std::string &name, int major) {
  std::string file = "lib" + name + ".so." + std::to_string(major);
  if (void *library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL))
    return library;
  throw Error("cannot decode video: " + file + " is missing; install the package lib" + name + std::to_string(major));
}

template <class Function> void bind(Function &function, void *library, const char *name) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (!function)
    throw Error(std::string("cannot decode video: FFmpeg's libraries lack ") + name +
                "; reinstall libavformat, libavcodec, libavutil and libswscale");
}

FFmpeg load() {
  FFmpeg table;
  void *avutil = openLibrary("avutil", LIBAVUTIL_VERSION_MAJOR);
  void *avcodec = openLibrary("avcodec", LIBAVCODEC_VERSION_MAJOR);
  void *avformat = openLibrary("avformat", LIBAVFORMAT_VERSION_MAJOR);
  void *swscale = openLibrary("swscale", LIBSWSCALE_VERSION_MAJOR);
#define JEPA_BIND_UTIL(name) bind(table.name, avutil, #name);
#define JEPA_BIND_CODEC(name) bind(table.name, avcodec, #name);
#define JEPA_BIND_FORMAT(name) bind(table.name, avformat, #name);
#define JEPA_BIND_SCALE(name) bind(table.name, swscale, #name);
  JEPA_AVUTIL_FUNCTIONS(JEPA_BIND_UTIL)
  JEPA_AVCODEC_FUNCTIONS(JEPA_BIND_CODEC)
  JEPA_AVFORMAT_FUNCTIONS(JEPA_BIND_FORMAT)
  JEPA_SWSCALE_FUNCTIONS(JEPA_BIND_SCALE)
  JEPA_SIDE_DATA_FUNCTION(JEPA_BIND_FORMAT)
  JEPA_SIDE_DATA_CODEC_FUNCTION(JEPA_BIND_CODEC)
  // What is wrong with a file is said once, in one line, by whoever opened it.
  table.av_log_set_level(AV_LOG_QUIET);
  return table;
}

} // namespace

std::string FFmpeg::describe(int code) const {
  char text[AV_ERROR_MAX_STRING_SIZE] = "unknown error";
  av_strerror(code, text, sizeof text);
  text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

const FFmpeg &ffmpeg() {
  static const FFmpeg table = load(); // when it throws, the next call tries again
  return table;
}

} // namespace jepa::rt

#endif // JEPAC_WITH_FFMPEG
