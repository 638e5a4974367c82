//===- CacheTest.cpp - a build from the cache is the build -----------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "Binary.h"

#include "test/unit/runtime/io/TempFolder.h"

#include <gtest/gtest.h>

#include <filesystem>

using namespace jepa::rt::test;
namespace fs = std::filesystem;

namespace {

/// Builds a model that is quick to build; returns the artifact's bytes.
std::string build(const std::string &options) {
  std::string path = temporaryPath(".binary");
  Outcome outcome = runJepac("build vjepa-tiny --task embed --set depth=1 --max-threads 2 " + options + " -o " + path);
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_EQ(outcome.error, "");
  return readBytes(path);
}

std::vector<fs::path> entriesOf(const std::string &folder) {
  std::vector<fs::path> entries;
  for (const auto &entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      entries.push_back(entry.path());
  return entries;
}

} // namespace

TEST(Cache, GivesTheBytesThatAColdBuildGives) {
  TempFolder folder;
  std::string cold = build("--no-cache"), first = build("--cache " + folder.path.string());
  EXPECT_TRUE(cold == first) << "two cold builds differ";
  std::vector<fs::path> entries = entriesOf(folder.path);
  ASSERT_EQ(entries.size(), 1U);

  // Read, not built again: a look makes the entry young.
  fs::last_write_time(entries[0], fs::file_time_type::clock::now() - std::chrono::hours(5));
  EXPECT_TRUE(build("--cache " + folder.path.string()) == cold) << "the cached build differs";
  EXPECT_LT(fs::file_time_type::clock::now() - fs::last_write_time(entries[0]), std::chrono::hours(1));

  // Damaged, it is built and kept again.
  std::string whole = readBytes(entries[0].string());
  writeBytes(entries[0].string(), whole.substr(0, whole.size() / 2));
  EXPECT_TRUE(build("--cache " + folder.path.string()) == cold) << "a damaged entry was used";
  EXPECT_TRUE(readBytes(entries[0].string()) == whole);

  // Another request is another entry, and remarks are not skipped.
  build("--cache " + folder.path.string() + " --batch 1");
  EXPECT_EQ(entriesOf(folder.path).size(), 2U);
  Outcome told = runJepac("build vjepa-tiny --task embed --set depth=1 --max-threads 2 --pass-report text --cache " +
                          folder.path.string() + " -o " + temporaryPath(".binary"));
  EXPECT_NE(told.error, "");
}

TEST(Cache, OfAFolderThatCannotBeMadeIsAnErrorWhereItWasAskedFor) {
  TempFolder folder;
  writeBytes(folder / "file", "");
  std::string arguments = "build vjepa-tiny -o " + temporaryPath(".binary");
  Outcome asked = runJepac(arguments + " --cache " + (folder / "file"));
  EXPECT_EQ(asked.code, 1);
  EXPECT_HAS(asked.error, folder / "file");
}

TEST(Cache, TwoAtOnceAgree) {
  TempFolder folder;
  std::string line = JEPAC_PROGRAM " build vjepa-tiny --task embed --set depth=1 --max-threads 2 --cache " +
                     (folder / "cache") + " -o ";
  std::string one = folder / "one", two = folder / "two";
  Outcome outcome = runShell(line + one + " & a=$!; " + line + two + " & b=$!; wait $a && wait $b");
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_EQ(outcome.error, "");
  EXPECT_TRUE(readBytes(one) == readBytes(two));
  EXPECT_TRUE(build("--cache " + (folder / "cache")) == readBytes(one));
  EXPECT_EQ(entriesOf(folder / "cache").size(), 1U);
}
