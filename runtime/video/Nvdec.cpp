//===- Nvdec.cpp - the GPU's video decoder, through FFmpeg ----------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/video/Nvdec.h"

#include "runtime/core/Error.h"
#include "runtime/video/FFmpeg.h"

#include <algorithm>
#include <dlfcn.h>
#include <numeric>
#include <utility>

namespace jepa::rt {

#if JEPAC_WITH_FFMPEG

[[noreturn]] static void fail(const std::string &why) {
  throw Error("cannot decode with NVDEC: " + why + ", or use --decoder cpu");
}

std::shared_ptr<Nvdec> Nvdec::open() {
  const FFmpeg &av = ffmpeg();
  AVHWDeviceType type = AV_HWDEVICE_TYPE_NONE;
  do
    type = av.av_hwdevice_iterate_types(type);
  while (type != AV_HWDEVICE_TYPE_NONE && type != AV_HWDEVICE_TYPE_CUDA);
  if (type == AV_HWDEVICE_TYPE_NONE)
    fail("this machine's FFmpeg is built without CUDA: install one that has it");
  // FFmpeg opens the second one with each video only, and would say then that it takes none.
  void *opened[2] = {};
  for (int i = 0; const char *library : {"libcuda.so.1", "libnvcuvid.so.1"})
    if (!(opened[i++] = dlopen(library, RTLD_NOW | RTLD_LOCAL)))
      fail(std::string(library) +
           " cannot be opened: install NVIDIA's driver (in a container, have its video libraries mounted)");
  Functions driver;
  auto bind = [&](auto &function, const char *name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(opened[0], name));
    if (!function)
      fail(std::string("libcuda.so.1 has no ") + name + ": update NVIDIA's driver");
  };
  bind(driver.push, "cuCtxPushCurrent_v2");
  bind(driver.pop, "cuCtxPopCurrent_v2");
  bind(driver.copyToHost, "cuMemcpyDtoH_v2");
  bind(driver.errorName, "cuGetErrorName");
  AVBufferRef *context = nullptr;
  if (int error = av.av_hwdevice_ctx_create(&context, type, nullptr, nullptr, 0); error < 0)
    fail("FFmpeg cannot open a GPU (" + av.describe(error) + "): see whether nvidia-smi lists one");
  return std::shared_ptr<Nvdec>(new Nvdec(context, driver));
}

Nvdec::~Nvdec() { ffmpeg().av_buffer_unref(&context); }

// Not av_hwframe_transfer_data: it calls a copy done that failed.
std::string Nvdec::download(AVFrame &to, std::vector<std::uint8_t> &memory, const AVFrame &frame) const {
  const FFmpeg &av = ffmpeg();
  const auto &surface = *reinterpret_cast<const AVHWFramesContext *>(frame.hw_frames_ctx->data);
  const AVPixFmtDescriptor *format = av.av_pix_fmt_desc_get(surface.sw_format);
  std::size_t sizes[4] = {};
  for (int i = 0; i < 4 && frame.data[i]; ++i) {
    int shift = format && (i == 1 || i == 2) ? format->log2_chroma_h : 0;
    sizes[i] = std::size_t(frame.linesize[i]) * ((surface.height + (1 << shift) - 1) >> shift);
  }
  memory.resize(std::accumulate(sizes, sizes + 4, std::size_t(0)));

  av.av_frame_unref(&to);
  to.format = surface.sw_format;
  to.width = frame.width;
  to.height = frame.height;
  // The context is the first that FFmpeg has of a CUDA device.
  int status = driver.push(*static_cast<void **>(surface.device_ctx->hwctx));
  if (status == 0) {
    std::uint8_t *place = memory.data();
    for (int i = 0; i < 4 && frame.data[i] && status == 0; place += sizes[i++]) {
      status = driver.copyToHost(place, reinterpret_cast<std::uintptr_t>(frame.data[i]), sizes[i]);
      to.data[i] = place;
      to.linesize[i] = frame.linesize[i];
    }
    void *popped = nullptr;
    driver.pop(&popped);
  }
  if (status != 0) {
    const char *name = nullptr;
    driver.errorName(status, &name);
    return name ? name : "error " + std::to_string(status);
  }
  // Of a frame on a device only what is cut off at the right and below is gone already.
  int error = av.av_frame_copy_props(&to, &frame);
  if (error >= 0)
    error = av.av_frame_apply_cropping(&to, AV_FRAME_CROP_UNALIGNED);
  return error < 0 ? av.describe(error) : "";
}

#else // !JEPAC_WITH_FFMPEG

std::shared_ptr<Nvdec> Nvdec::open() { throw noFFmpeg("NVDEC"); }
Nvdec::~Nvdec() = default;
std::string Nvdec::download(AVFrame &, std::vector<std::uint8_t> &, const AVFrame &) const { return "no FFmpeg"; }

#endif // JEPAC_WITH_FFMPEG

void Nvdec::refuse(const std::string &path, const std::string &why) {
  std::lock_guard lock(mutex);
  bool told = std::any_of(files.begin(), files.end(), [&](const auto &file) { return file.second == why; });
  if (files.emplace(path, why).second && !told)
    news.push_back(oneLine(why + ": " + path + " is decoded on the CPU, and so are others of the kind"));
}

bool Nvdec::isRefused(const std::string &path) const {
  std::lock_guard lock(mutex);
  return files.count(path) != 0;
}

std::int64_t Nvdec::refusedVideos() const {
  std::lock_guard lock(mutex);
  return static_cast<std::int64_t>(files.size());
}

std::string Nvdec::summary() const {
  std::int64_t count = refusedVideos();
  return count ? "decoded " + std::to_string(count) + " videos on the CPU instead of NVDEC" : "";
}

std::vector<std::string> Nvdec::takeNews() {
  std::lock_guard lock(mutex);
  return std::exchange(news, {});
}

} // namespace jepa::rt
