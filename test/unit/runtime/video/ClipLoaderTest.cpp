//===- ClipLoaderTest.cpp - batches that depend on the seed alone ---------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/video/ClipLoader.h"

#include "test/unit/runtime/video/TestClips.h"

#include <chrono>
#include <cmath>
#include <set>

using namespace jepa::rt;

namespace {

struct Batch {
  std::vector<float> clip;
  std::vector<int> labels;
  std::vector<std::int64_t> entries;
  std::int64_t count = 0;
  bool operator==(const Batch &) const = default;
};

Batch nextBatch(ClipLoader &loader, const LoaderOptions &options) {
  Batch batch;
  batch.clip.resize(options.batch * 3 * options.frames * options.size * options.size);
  batch.count = loader.next(batch.clip.data(), &batch.labels, &batch.entries);
  return batch;
}

LoaderOptions smallOptions() {
  LoaderOptions options;
  options.batch = 3;
  options.frames = 4;
  options.size = 16;
  options.seed = 9;
  return options;
}

/// Seven videos; the third is text, the sixth is not there.
std::vector<VideoEntry> mixedVideos(const TemporaryFolder &folder) {
  std::vector<VideoEntry> entries;
  for (int i = 0; i < 7; ++i) {
    std::string path = folder / ("clip " + std::to_string(i) + ".mp4");
    if (i == 2)
      folder.write("clip 2.mp4", "not a video");
    else if (i != 5 && !makeCountingVideo(path, 10 + 8 * i))
      return {};
    entries.push_back({path, 100 + i});
  }
  return entries;
}

class ClipLoaderTest : public testing::Test {
protected:
  void SetUp() override {
    JEPA_NEED_FFMPEG();
    videos = mixedVideos(folder);
    if (videos.empty())
      GTEST_SKIP() << "this ffmpeg has no libx264";
  }
  TemporaryFolder folder;
  std::vector<VideoEntry> videos;
};

TEST_F(ClipLoaderTest, WorkersChangeNothing) {
  std::vector<std::vector<Batch>> runs;
  for (int workers : {1, 2, 5}) {
    LoaderOptions options = smallOptions();
    options.workers = workers;
    ClipLoader loader(videos, options);
    runs.emplace_back();
    for (int i = 0; i < 6; ++i)
      runs.back().push_back(nextBatch(loader, options));
  }
  EXPECT_TRUE(runs[0] == runs[1]);
  EXPECT_TRUE(runs[0] == runs[2]);
}

TEST_F(ClipLoaderTest, ResumesAtItsPosition) {
  LoaderOptions options = smallOptions();
  ClipLoader whole(videos, options);
  std::vector<Batch> batches;
  std::vector<std::int64_t> positions{0};
  for (int i = 0; i < 6; ++i) {
    batches.push_back(nextBatch(whole, options));
    positions.push_back(whole.position());
  }
  for (int start : {1, 3, 5}) {
    options.firstSample = positions[start];
    ClipLoader resumed(videos, options);
    EXPECT_TRUE(nextBatch(resumed, options) == batches[start]) << start;
    EXPECT_EQ(resumed.position(), positions[start + 1]);
  }
}

TEST_F(ClipLoaderTest, EpochsVisitEveryVideoAndReportBadOnesOnce) {
  std::vector<std::string> lines;
  LoaderOptions options = smallOptions();
  options.batch = 5; // the usable ones
  options.report = [&](std::string_view line) { lines.emplace_back(line); };
  ClipLoader loader(videos, options);
  std::vector<std::vector<std::int64_t>> orders;
  for (int epoch = 0; epoch < 4; ++epoch) {
    Batch batch = nextBatch(loader, options);
    std::set<std::int64_t> seen(batch.entries.begin(), batch.entries.end());
    EXPECT_EQ(seen, (std::set<std::int64_t>{0, 1, 3, 4, 6}));
    for (std::size_t i = 0; i < batch.entries.size(); ++i)
      EXPECT_EQ(batch.labels[i], 100 + batch.entries[i]);
    orders.push_back(batch.entries);
  }
  EXPECT_NE(orders[0], orders[1]);
  EXPECT_EQ(loader.skippedVideos(), 2);
  EXPECT_GE(loader.skippedSamples(), 6);
  ASSERT_EQ(lines.size(), 2u);
  for (const std::string &line : lines)
    EXPECT_TRUE(line.starts_with("skipped: cannot read video ")) << line;
}

TEST_F(ClipLoaderTest, EvaluationIsOnePassInOrder) {
  LoaderOptions options = smallOptions();
  options.training = false;
  ClipLoader loader(videos, options);
  Batch first = nextBatch(loader, options), second = nextBatch(loader, options), third = nextBatch(loader, options);
  EXPECT_EQ(first.entries, (std::vector<std::int64_t>{0, 1, 3}));
  EXPECT_EQ(second.entries, (std::vector<std::int64_t>{4, 6}));
  EXPECT_EQ(second.count, 2);
  EXPECT_EQ(third.count, 0);
  // The first video has 10 frames: linspace(0, 10, 2), then the last frame.
  std::vector<float> clip(3 * 4 * 16 * 16);
  readCentreClip(clip.data(), videos[0].path, 4, 4, 16);
  EXPECT_TRUE(std::equal(clip.begin(), clip.end(), first.clip.begin()));
  double level = countingLevel(9) / 255.0;
  EXPECT_NEAR(clip[1 * 256 + 8 * 16 + 8], (level - 0.485) / 0.229, 0.02);
  EXPECT_NEAR(clip[3 * 256 + 8 * 16 + 8], (level - 0.485) / 0.229, 0.02);
}

TEST_F(ClipLoaderTest, OneFrame) {
  LoaderOptions options = smallOptions();
  options.frames = 1;
  ASSERT_TRUE(runFFmpeg("-f lavfi -i color=red:s=40x30 -frames:v 1 " + (folder / "still.png")));
  videos = {{folder / "still.png", 1}, videos[6]};
  ClipLoader loader(videos, options);
  EXPECT_EQ(nextBatch(loader, options).count, 3);
}

TEST_F(ClipLoaderTest, NothingUsableIsAnError) {
  LoaderOptions options = smallOptions();
  std::vector<std::string> lines;
  options.report = [&](std::string_view line) { lines.emplace_back(line); };
  ClipLoader loader({videos[2], videos[5]}, options);
  std::string message = messageOf([&] { nextBatch(loader, options); });
  EXPECT_NE(message.find("none of the 2 videos can be used"), std::string::npos) << message;
  EXPECT_EQ(lines.size(), 2u);
}

TEST_F(ClipLoaderTest, StopsPromptly) {
  std::string path = folder / "slow.mp4";
  ASSERT_TRUE(runFFmpeg("-f lavfi -i testsrc2=s=1280x720:r=30:d=6 -c:v libx264 -preset ultrafast -g 1000 " + path));
  LoaderOptions options = smallOptions();
  options.frames = 40;
  options.workers = 3;
  auto start = std::chrono::steady_clock::now();
  { ClipLoader loader({{path, 0}}, options); }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

TEST(ClipLoader, SharedClipsAreUsedOrSkipped) {
  std::string folder = JEPAC_SHARED_DIR "/clips";
  if (!std::filesystem::exists(folder))
    GTEST_SKIP() << "no clips beside the sources";
  if (!messageOf(requireVideo).empty())
    GTEST_SKIP() << messageOf(requireVideo);
  LoaderOptions options;
  options.batch = 4;
  options.size = 64;
  std::vector<std::string> lines;
  options.report = [&](std::string_view line) { lines.emplace_back(line); };
  std::vector<VideoEntry> entries = readDataset(folder);
  ASSERT_EQ(entries.size(), 8u);
  ClipLoader loader(entries, options);
  std::set<std::int64_t> used;
  for (int i = 0; i < 6; ++i) {
    Batch batch = nextBatch(loader, options);
    ASSERT_EQ(batch.count, 4);
    used.insert(batch.entries.begin(), batch.entries.end());
    for (float value : batch.clip)
      ASSERT_TRUE(std::isfinite(value) && std::abs(value) < 3);
  }
  EXPECT_GE(used.size(), 7u);
  EXPECT_EQ(used.size() + static_cast<std::size_t>(loader.skippedVideos()), 8u);
  EXPECT_EQ(lines.size(), static_cast<std::size_t>(loader.skippedVideos()));
  EXPECT_GT(loader.waitedSeconds(), 0);
}

} // namespace
