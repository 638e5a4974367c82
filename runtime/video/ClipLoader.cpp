//===- ClipLoader.cpp - batches of clips, decoded by worker threads -------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Sample indices are tickets: a worker takes the next one within the bound,
// decodes it without holding a lock, and puts the clip (or what is wrong) under
// its index. The consumer takes them in order, so workers change nothing but
// the time.
//
//===----------------------------------------------------------------------===//
#include "runtime/video/ClipLoader.h"

#include "runtime/core/Error.h"
#include "runtime/video/ClipSampling.h"
#include "runtime/video/VideoReader.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <numeric>
#include <set>
#include <thread>

namespace jepa::rt {

namespace {

// What a stream of random numbers is for; part of its key.
enum Purpose : std::uint64_t { ShufflePurpose = 16, SamplePurpose = 17 };

/// A finished ticket: a clip, or why there is none.
struct Result {
  std::vector<std::byte> clip;
  std::int64_t entry = 0;
  std::string problem;
};

} // namespace

struct ClipLoader::Impl {
  Impl(std::vector<VideoEntry> entries, LoaderOptions options);
  ~Impl();

  void work();
  std::shared_ptr<const std::vector<std::int64_t>> shuffleOf(std::int64_t epoch);
  std::int64_t entryOf(std::int64_t sample);
  void load(Result &result, std::int64_t sample, std::vector<float> &floats);
  bool take(Result &result);
  void noteProblem(const Result &result);
  std::int64_t next(void *clip, std::vector<int> *labels, std::vector<std::int64_t> *used);

  std::int64_t clipElements() const { return 3 * options.frames * options.size * options.size; }
  std::int64_t clipBytes() const { return clipElements() * std::int64_t(options.bytes ? 1 : sizeof(float)); }
  /// Past the last sample; endless when training.
  std::int64_t endSample() const { return options.training ? INT64_MAX : static_cast<std::int64_t>(entries.size()); }

  const std::vector<VideoEntry> entries;
  const LoaderOptions options;

  std::mutex mutex; // guards what follows, up to the next comment
  std::condition_variable produced, consumed;
  std::map<std::int64_t, Result> ready;
  std::vector<std::vector<std::byte>> spare; ///< clips to be used again
  std::int64_t ticket = 0;                   ///< next sample to decode
  std::int64_t position = 0;                 ///< next sample to hand out
  bool stopping = false;
  std::int64_t shuffledEpoch = -1;
  std::shared_ptr<const std::vector<std::int64_t>> shuffled;

  std::atomic<bool> cancel = false;
  // Of the consumer alone.
  std::set<std::int64_t> unusable;
  std::int64_t skippedSamples = 0;
  bool anyUsable = false;
  std::string firstProblem;
  double waited = 0;
  std::int64_t workerCount = 0;
  std::vector<std::thread> workers;
};

ClipLoader::Impl::Impl(std::vector<VideoEntry> given, LoaderOptions givenOptions)
    : entries(std::move(given)), options(std::move(givenOptions)) {
  if (entries.empty())
    throw usageError("there are no videos to load");
  if (options.batch < 1 || options.frames < 1 || options.stride < 1 || options.size < 1 || options.firstSample < 0)
    throw usageError("batch, frames, stride and size of clips must be at least 1");
  requireVideo(); // else each video would be reported as unusable
  ticket = position = options.firstSample;
  workerCount = options.workers > 0 ? options.workers
                                    : std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 8);
  for (std::int64_t i = 0; i < workerCount; ++i)
    workers.emplace_back([this] { work(); });
}

ClipLoader::Impl::~Impl() {
  {
    std::lock_guard lock(mutex);
    stopping = true;
    cancel = true;
  }
  consumed.notify_all();
  for (std::thread &worker : workers)
    worker.join();
}

std::shared_ptr<const std::vector<std::int64_t>> ClipLoader::Impl::shuffleOf(std::int64_t epoch) {
  {
    std::lock_guard lock(mutex);
    if (epoch == shuffledEpoch)
      return shuffled;
  }
  auto order = std::make_shared<std::vector<std::int64_t>>(entries.size());
  std::iota(order->begin(), order->end(), 0);
  RandomStream random{options.seed, ShufflePurpose, static_cast<std::uint64_t>(epoch)};
  for (std::int64_t i = static_cast<std::int64_t>(order->size()) - 1; i > 0; --i)
    std::swap((*order)[i], (*order)[random.below(i + 1)]);
  std::lock_guard lock(mutex);
  shuffledEpoch = epoch;
  shuffled = order;
  return order;
}

std::int64_t ClipLoader::Impl::entryOf(std::int64_t sample) {
  auto size = static_cast<std::int64_t>(entries.size());
  return options.training ? (*shuffleOf(sample / size))[sample % size] : sample;
}

void ClipLoader::Impl::load(Result &result, std::int64_t sample, std::vector<float> &floats) {
  result.entry = entryOf(sample);
  try {
    result.clip.resize(clipBytes());
    if (options.bytes)
      floats.resize(clipElements());
    float *clip = options.bytes ? floats.data() : reinterpret_cast<float *>(result.clip.data());
    const std::string &path = entries[result.entry].path;
    if (options.training)
      readTrainingClip(clip, path, options, sample, &cancel);
    else
      readCentreClip(clip, path, options.frames, options.stride, options.size, &cancel, options.nvdec.get());
    if (options.bytes)
      clipToBytes(reinterpret_cast<std::uint8_t *>(result.clip.data()), clip, options.frames, options.size);
  } catch (const std::exception &error) { // the file's fault or the memory's: either way the run goes on
    result.problem = error.what();
  }
}

void ClipLoader::Impl::work() {
  std::int64_t bound = options.queue > 0 ? options.queue : options.batch + workerCount;
  std::vector<float> floats; // of this thread, where clips are of bytes
  for (;;) {
    Result result;
    std::int64_t sample;
    {
      std::unique_lock lock(mutex);
      consumed.wait(lock, [&] { return stopping || (ticket < endSample() && ticket < position + bound); });
      if (stopping)
        return;
      sample = ticket++;
      if (!spare.empty()) {
        result.clip = std::move(spare.back());
        spare.pop_back();
      }
    }
    load(result, sample, floats);
    {
      std::lock_guard lock(mutex);
      ready.emplace(sample, std::move(result));
    }
    produced.notify_one();
  }
}

/// The next sample in order; false at the end.
bool ClipLoader::Impl::take(Result &result) {
  std::unique_lock lock(mutex);
  if (position >= endSample())
    return false;
  auto start = std::chrono::steady_clock::now();
  produced.wait(lock, [&] { return ready.count(position) != 0; });
  waited += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!result.clip.empty())
    spare.push_back(std::move(result.clip));
  result = std::move(ready.extract(position).mapped());
  ++position;
  lock.unlock();
  consumed.notify_all();
  return true;
}

void ClipLoader::Impl::noteProblem(const Result &result) {
  ++skippedSamples;
  if (!unusable.insert(result.entry).second)
    return;
  if (firstProblem.empty())
    firstProblem = result.problem;
  if (options.report)
    options.report(oneLine("skipped: " + result.problem));
  if (!anyUsable && unusable.size() == entries.size())
    throw Error("none of the " + std::to_string(entries.size()) + " videos can be used; the first: " + firstProblem);
}

std::int64_t ClipLoader::Impl::next(void *clip, std::vector<int> *labels, std::vector<std::int64_t> *used) {
  if (labels)
    labels->clear();
  if (used)
    used->clear();
  std::int64_t count = 0;
  Result result;
  while (count < options.batch && take(result)) {
    if (!result.problem.empty()) {
      noteProblem(result);
      continue;
    }
    anyUsable = true;
    std::copy(result.clip.begin(), result.clip.end(), static_cast<std::byte *>(clip) + count * clipBytes());
    if (labels)
      labels->push_back(entries[result.entry].label);
    if (used)
      used->push_back(result.entry);
    ++count;
  }
  if (options.nvdec && options.report)
    for (const std::string &line : options.nvdec->takeNews())
      options.report(line);
  return count;
}

ClipLoader::ClipLoader(std::vector<VideoEntry> entries, LoaderOptions options)
    : impl(std::make_unique<Impl>(std::move(entries), std::move(options))) {}
ClipLoader::~ClipLoader() = default;

std::int64_t ClipLoader::next(void *clip, std::vector<int> *labels, std::vector<std::int64_t> *entries) {
  return impl->next(clip, labels, entries);
}
std::int64_t ClipLoader::position() const {
  std::lock_guard lock(impl->mutex);
  return impl->position;
}
std::int64_t ClipLoader::skippedVideos() const { return static_cast<std::int64_t>(impl->unusable.size()); }
std::int64_t ClipLoader::skippedSamples() const { return impl->skippedSamples; }
double ClipLoader::waitedSeconds() const { return impl->waited; }

static void readFrames(float *clip, VideoReader &reader, const std::vector<std::int64_t> &frames,
                       FrameTransform transform) {
  auto count = static_cast<std::int64_t>(frames.size());
  std::int64_t plane = transform.size() * transform.size();
  auto put = [&](std::size_t place, const auto &frame) {
    auto t = static_cast<std::int64_t>(place);
    if (t == 0 || frames[place] != frames[place - 1])
      return transform.apply(clip, count, t, frame);
    for (int c = 0; c < 3; ++c)
      std::copy_n(clip + (c * count + t - 1) * plane, plane, clip + (c * count + t) * plane);
  };
  reader.read(frames, put, put);
}

std::vector<std::int64_t> readTrainingClip(float *clip, const std::string &path, const LoaderOptions &options,
                                           std::int64_t sample, const std::atomic<bool> *cancel) {
  VideoReader reader(path, cancel, options.nvdec.get());
  RandomStream random{options.seed, SamplePurpose, static_cast<std::uint64_t>(sample)};
  std::vector<std::int64_t> frames = sampleClip(reader.frameCount(), options.frames, options.stride, random);
  CropBox box = randomCrop(reader.width(), reader.height(), options.crop, random);
  readFrames(clip, reader, frames, FrameTransform::crop(box, options.size));
  return frames;
}

void readCentreClip(float *clip, const std::string &path, std::int64_t frames, std::int64_t stride, std::int64_t size,
                    const std::atomic<bool> *cancel, Nvdec *nvdec) {
  VideoReader reader(path, cancel, nvdec);
  readFrames(clip, reader, centreClip(reader.frameCount(), frames, stride),
             FrameTransform::centre(reader.width(), reader.height(), size));
}

} // namespace jepa::rt
