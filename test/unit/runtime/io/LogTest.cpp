//===- LogTest.cpp - JSON lines, event files, the progress bar -----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "TempFolder.h"
#include "runtime/io/Crc32c.h"
#include "runtime/io/JsonLines.h"
#include "runtime/io/Progress.h"
#include "runtime/io/TensorBoard.h"

#include <bit>
#include <cstring>

using namespace jepa::rt;
using namespace jepa::rt::test;

TEST(Crc32c, AgreesWithPublishedValues) {
  // RFC 3720, B.4.
  std::string zeros(32, '\0'), ones(32, '\xff'), rising(32, '\0');
  for (std::size_t i = 0; i < 32; ++i)
    rising[i] = static_cast<char>(i);
  EXPECT_EQ(crc32c(zeros.data(), 32), 0x8a9136aaU);
  EXPECT_EQ(crc32c(ones.data(), 32), 0x62a8ab43U);
  EXPECT_EQ(crc32c(rising.data(), 32), 0x46dd794eU);
  EXPECT_EQ(crc32c("123456789", 9), 0xe3069283U);
  EXPECT_EQ(crc32c("456789", 6, crc32c("123", 3)), 0xe3069283U);
}

/// Cuts an event file into its payloads and checks its checksums.
static std::vector<std::string> records(const std::string &bytes) {
  std::vector<std::string> payloads;
  auto masked = [](const char *data, std::size_t size) {
    std::uint32_t crc = crc32c(data, size);
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
  };
  for (std::size_t at = 0; at < bytes.size();) {
    std::uint64_t length;
    std::uint32_t check;
    std::memcpy(&length, &bytes[at], 8);
    std::memcpy(&check, &bytes[at + 8], 4);
    EXPECT_EQ(check, masked(&bytes[at], 8));
    payloads.push_back(bytes.substr(at + 12, length));
    std::memcpy(&check, &bytes[at + 12 + length], 4);
    EXPECT_EQ(check, masked(payloads.back().data(), length));
    at += 16 + length;
  }
  return payloads;
}

TEST(TensorBoard, WritesScalarsThatReadBack) {
  TempFolder folder;
  TensorBoardWriter writer(folder.path, 300);
  writer.add(301, {{"loss", 0.5}, {"lr", 0.25}});
  std::vector<std::string> events = records(readBytes(writer.path().string()));
  ASSERT_EQ(events.size(), 3U);
  EXPECT_HAS(events[0], "brain.Event:2");
  // Field 5 (summary) of the event: after wall time (9 bytes) and step (3).
  const std::string expected = std::string("\x2a\x18") +
                               std::string("\x0a\x0b\x0a\x04loss\x15\x00\x00\x00\x3f", 13) +
                               std::string("\x0a\x09\x0a\x02lr\x15\x00\x00\x80\x3e", 11);
  EXPECT_EQ(events[2].substr(12), expected);
  EXPECT_EQ(events[2].substr(9, 3), std::string("\x10\xad\x02"));
}

TEST(JsonLines, AResumedRunDropsWhatItWillLogAgain) {
  TempFolder folder;
  std::string path = folder / "metrics.jsonl";
  auto line = [](int step) {
    Json object = Json::object();
    object.set("step", step);
    return object;
  };
  {
    JsonLinesWriter writer(path, 0);
    for (int step = 1; step <= 5; ++step)
      writer.add(line(step));
  }
  writeBytes(path, readBytes(path) + "{\"step\": 6, \"lo"); // killed here
  EXPECT_EQ(readJsonLines(path).size(), 5U);
  {
    JsonLinesWriter writer(path, 3);
    writer.add(line(4));
  }
  std::vector<Json> objects = readJsonLines(path);
  ASSERT_EQ(objects.size(), 4U);
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(objects[i].at("step").asInteger(), i + 1);
  JsonLinesWriter again(path, 0);
  EXPECT_TRUE(readJsonLines(path).empty());
  EXPECT_TRUE(readJsonLines(folder / "absent").empty());
}

TEST(Progress, PrintsPlainLinesIntoALog) {
  std::FILE *file = std::tmpfile();
  {
    Progress progress(file, "train", 0, 3);
    progress.update(1, "loss 0.5");
    progress.note("skipped one");
    progress.update(2, "loss 0.4");
    progress.update(3, "loss 0.3");
  }
  std::rewind(file);
  std::string text(4096, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  EXPECT_HAS(text, "train 1/3  loss 0.5  left 0:00\n");
  EXPECT_HAS(text, "skipped one\n");
  EXPECT_HAS(text, "train 3/3  loss 0.3");
  EXPECT_EQ(text.find('\r'), std::string::npos);
}

TEST(Progress, WritesNumbersForPeople) {
  EXPECT_EQ(withUnit(0, "x"), "0.00 x");
  EXPECT_EQ(withUnit(1234, "FLOP"), "1.23 kFLOP");
  EXPECT_EQ(withUnit(99.96e9, "B"), "100 GB");
  EXPECT_EQ(withUnit(999.7, "m"), "1.00 km");
  EXPECT_EQ(bytesText(512), "512 B");
  EXPECT_EQ(bytesText(1.5 * 1024 * 1024), "1.5 MiB");
  EXPECT_EQ(durationText(65), "1:05");
  EXPECT_EQ(durationText(3725), "1:02:05");
  EXPECT_GT(residentBytes(), 0);
  EXPECT_GE(peakResidentBytes(), residentBytes() / 2);
}
