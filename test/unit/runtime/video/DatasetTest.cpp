//===- DatasetTest.cpp - lists of videos, good and bad --------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/video/Dataset.h"

#include "test/unit/runtime/video/TestClips.h"

using namespace jepa::rt;

namespace {

TEST(Dataset, ReadsThePublishedFormat) {
  TemporaryFolder folder;
  std::string near = folder.write("videos/near.mp4", "x");
  auto entries = readDataset(folder.write("videos/list.txt", "\xef\xbb\xbf/data/one.mp4 3\r\n\n"
                                                             "/data/two words.mp4 12\n"
                                                             "/data/three.mp4::7\n"
                                                             "/data/four.mp4 -1\n"
                                                             "/data/five 5 of 6.mp4\n"
                                                             "near.mp4 1\n"
                                                             "elsewhere.mp4 2"));
  ASSERT_EQ(entries.size(), 7u);
  auto expectEntry = [&](int i, const std::string &path, int label) {
    EXPECT_EQ(entries[i].path, path);
    EXPECT_EQ(entries[i].label, label);
  };
  expectEntry(0, "/data/one.mp4", 3);
  expectEntry(1, "/data/two words.mp4", 12);
  expectEntry(2, "/data/three.mp4", 7);
  expectEntry(3, "/data/four.mp4", -1);
  expectEntry(4, "/data/five 5 of 6.mp4", -1);
  expectEntry(5, near, 1);
  expectEntry(6, "elsewhere.mp4", 2);
}

TEST(Dataset, FoldersAreSortedAndFiltered) {
  TemporaryFolder folder;
  for (const char *name : {"set/b/2.MP4", "set/a.mkv", "set/b/1.webm", "set/readme.md", "set/c.txt"})
    folder.write(name, "x");
  auto entries = readDataset(folder / "set");
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].path, folder / "set/a.mkv");
  EXPECT_EQ(entries[1].path, folder / "set/b/1.webm");
  EXPECT_EQ(entries[2].path, folder / "set/b/2.MP4");
}

TEST(Dataset, MistakesAreUsageErrors) {
  TemporaryFolder folder;
  folder.write("set/readme.md", "x");
  auto expectError = [&](const std::string &list, const std::string &part) {
    int exitCode = 0;
    std::string message = messageOf([&] { readDataset(list); }, &exitCode);
    EXPECT_EQ(exitCode, 2) << list;
    EXPECT_NE(message.find(part), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
  };
  expectError(folder / "none.txt", "cannot find the list of videos");
  expectError(folder.write("empty.txt", ""), "is empty");
  expectError(folder.write("blank.txt", "\n  \n"), "is empty");
  expectError(folder.write("folders.txt", "/x.mp4 1\nset 0\n"), "folders.txt:2: set is a folder");
  expectError(folder / "set", "holds no videos");
  expectError(folder.write("video.mp4", std::string("\0\0\0 ftyp", 8)), "is not a text file");
}

} // namespace
