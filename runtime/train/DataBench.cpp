//===- DataBench.cpp - how fast videos become clips -----------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/train/DataBench.h"

#include "runtime/core/Error.h"
#include "runtime/video/BareDecoder.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>

using namespace jepa::rt;

/// A round over the list is run at least this often.
static constexpr std::int64_t leastRounds = 2;

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

struct Video {
  std::string path, problem;
  std::unique_ptr<BareDecoder> bare;
  double clips = 0, seconds = 0, bareSeconds = 0;
};

Json describe(double clips, double seconds, double bareSeconds) {
  Json item = Json::object();
  item.set("clips", static_cast<std::int64_t>(clips));
  item.set("clips_per_second_per_core", seconds > 0 ? clips / seconds : 0);
  item.set("bare_clips_per_second_per_core", bareSeconds > 0 ? clips / bareSeconds : 0);
  item.set("share", seconds > 0 ? bareSeconds / seconds : 0);
  return item;
}

} // namespace

/// One clip both ways. What cannot be read or told apart is left out.
static void measure(Video &video, const LoaderOptions &options, std::int64_t sample,
                    std::vector<float> &clip) {
  try {
    if (!video.bare)
      video.bare = std::make_unique<BareDecoder>(video.path);
    Clock::time_point begin = Clock::now();
    std::vector<std::int64_t> frames = readTrainingClip(clip.data(), video.path, options, sample);
    double seconds = secondsSince(begin);
    double bare = video.bare->seconds(frames.front(), frames.back());
    if (bare < 0)
      throw Error("video " + video.path + ": its timestamps do not tell frames apart");
    ++video.clips;
    video.seconds += seconds;
    video.bareSeconds += bare;
  } catch (const Error &error) {
    video.problem = error.what();
  }
}

Json jepa::rt::benchData(const std::vector<VideoEntry> &entries, const LoaderOptions &options,
                         double seconds) {
  std::vector<Video> videos;
  for (const VideoEntry &entry : entries)
    videos.push_back({entry.path, {}, {}});
  std::vector<float> clip(
      static_cast<std::size_t>(3 * options.frames * options.size * options.size));
  Clock::time_point begin = Clock::now();
  std::int64_t sample = 0;
  for (std::int64_t round = 0; round < leastRounds || secondsSince(begin) < seconds; ++round)
    for (Video &video : videos)
      if (video.problem.empty())
        measure(video, options, sample++, clip);

  double clips = 0, ours = 0, bare = 0;
  Json list = Json::array();
  const Video *unusable = nullptr;
  for (const Video &video : videos) {
    if (!video.problem.empty()) {
      unusable = &video;
      continue;
    }
    clips += video.clips;
    ours += video.seconds;
    bare += video.bareSeconds;
    Json item = describe(video.clips, video.seconds, video.bareSeconds);
    item.set("path", video.path);
    list.push(std::move(item));
  }
  if (clips == 0)
    throw Error("none of the " + std::to_string(videos.size()) + " videos can be measured" +
                (unusable ? "; the last: " + unusable->problem : ""));
  Json result = describe(clips, ours, bare);
  result.set("decoder", options.nvdec ? "nvdec" : "cpu");
  result.set("decoded_on_cpu", options.nvdec ? options.nvdec->refusedVideos()
                                             : static_cast<std::int64_t>(list.asArray().size()));
  result.set("unusable", videos.size() - list.asArray().size());
  result.set("videos", std::move(list));
  return result;
}

std::string jepa::rt::dataBenchText(const Json &result) {
  auto line = [](const Json &item, const std::string &name) {
    char text[160];
    std::snprintf(text, sizeof(text), "%9.2f of %9.2f clips/s per core (%.2f), %5lld clips  ",
                  item.at("clips_per_second_per_core").asReal(),
                  item.at("bare_clips_per_second_per_core").asReal(), item.at("share").asReal(),
                  static_cast<long long>(item.at("clips").asInteger()));
    return text + name + "\n";
  };
  std::string text = line(result, "all, against decoding alone");
  for (const Json &video : result.at("videos").asArray())
    text += line(video, video.at("path").asString());
  std::int64_t onCpu = result.at("decoded_on_cpu").asInteger();
  if (result.at("decoder").asString() == "nvdec" && onCpu > 0)
    text += std::to_string(onCpu) + " videos were decoded on the CPU instead of NVDEC\n";
  if (std::int64_t unusable = result.at("unusable").asInteger())
    text += std::to_string(unusable) + " videos could not be measured\n";
  return text;
}
