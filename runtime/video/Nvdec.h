//===- Nvdec.h - the GPU's video decoder, through FFmpeg ------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_VIDEO_NVDEC_H
#define JEPA_RUNTIME_VIDEO_NVDEC_H

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

struct AVBufferRef;
struct AVFrame;

namespace jepa::rt {

/// One device for all readers of a run, and which files it did not take: those
/// are decoded on the CPU. Thread-safe.
class Nvdec {
public:
  /// Throws Error in one line where there is no such device: no driver, no GPU,
  /// an FFmpeg that knows nothing of it.
  static std::shared_ptr<Nvdec> open();
  ~Nvdec();
  Nvdec(const Nvdec &) = delete;
  Nvdec &operator=(const Nvdec &) = delete;

  /// FFmpeg's device context; lives as long as this.
  AVBufferRef *device() const { return context; }

  /// Copies a frame that was decoded there, its whole planes, into `memory`,
  /// which `to` then describes as the device does (NV12, P010, ...), cut to what
  /// is shown. Returns what went wrong, or nothing.
  std::string download(AVFrame &to, std::vector<std::uint8_t> &memory, const AVFrame &frame) const;

  /// From now on the file is one for the CPU. `why` is the same text for all files of a kind.
  void refuse(const std::string &path, const std::string &why);
  bool isRefused(const std::string &path) const;
  /// Distinct files so far.
  std::int64_t refusedVideos() const;
  /// "decoded 3 videos on the CPU instead of NVDEC", or nothing where it took all.
  std::string summary() const;
  /// A line for each `why` that no call before has returned; it names the first file.
  std::vector<std::string> takeNews();

private:
  /// Of the driver.
  struct Functions {
    int (*push)(void *context) = nullptr;
    int (*pop)(void **context) = nullptr;
    int (*copyToHost)(void *to, unsigned long long from, std::size_t bytes) = nullptr;
    int (*errorName)(int status, const char **name) = nullptr;
  };
  Nvdec(AVBufferRef *context, const Functions &driver) : context(context), driver(driver) {}

  AVBufferRef *context;
  Functions driver;
  mutable std::mutex mutex;                 ///< guards what follows
  std::map<std::string, std::string> files; ///< refused, and why
  std::vector<std::string> news;
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_VIDEO_NVDEC_H
