//===- BuildCacheTest.cpp - what decides a build, and what is kept of it --===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/driver/BuildCache.h"

#include "compiler/InitAll.h"
#include "test/unit/runtime/io/TempFolder.h"

#include <chrono>
#include <sys/wait.h>
#include <unistd.h>

using namespace jepa;
using namespace jepa::rt::test;

namespace {

//===----------------------------------------------------------------------===//
// Entries
//===----------------------------------------------------------------------===//

const std::string keyA(64, 'a'), keyB(64, 'b'), keyC(64, 'c');

std::string entryOf(const TempFolder &folder, const std::string &key) {
  return folder / (key.substr(0, 2) + "/" + key);
}

void makeOld(const std::string &path, int hours) {
  std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() - std::chrono::hours(hours));
}

} // namespace

TEST(BuildCache, GivesBackWhatWasStored) {
  TempFolder folder;
  BuildCache cache(folder.path);
  EXPECT_FALSE(cache.find(keyA));
  std::string code("\0code", 5);
  cache.store(keyA, {code, "{}"});
  auto found = cache.find(keyA);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->code, code);
  EXPECT_EQ(found->plan, "{}");
  EXPECT_FALSE(cache.find(keyB));
}

TEST(BuildCache, TakesADamagedEntryForNone) {
  TempFolder folder;
  BuildCache cache(folder.path);
  cache.store(keyA, {"code", "{}"});
  const std::string whole = readBytes(entryOf(folder, keyA));
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string bytes = whole;
    bytes[at] ^= 1;
    writeBytes(entryOf(folder, keyA), bytes);
    EXPECT_FALSE(cache.find(keyA)) << "byte " << at;
    writeBytes(entryOf(folder, keyA), whole.substr(0, at));
    EXPECT_FALSE(cache.find(keyA)) << "cut to " << at;
  }
  // An entry that lies under another's name is damaged too.
  cache.store(keyB, {"code", "{}"});
  writeBytes(entryOf(folder, keyB), whole);
  EXPECT_FALSE(cache.find(keyB));
  cache.store(keyA, {"code", "{}"});
  EXPECT_TRUE(cache.find(keyA));
}

TEST(BuildCache, RemovesWhatWasNotUsedForLongest) {
  TempFolder folder;
  BuildCache cache(folder.path, 2500);
  std::string code(1000, 'x');
  cache.store(keyA, {code, "{}"});
  cache.store(keyB, {code, "{}"});
  makeOld(entryOf(folder, keyA), 3);
  makeOld(entryOf(folder, keyB), 2);
  EXPECT_TRUE(cache.find(keyA)); // young again
  cache.store(keyC, {code, "{}"});
  EXPECT_TRUE(cache.find(keyA));
  EXPECT_FALSE(cache.find(keyB));
  EXPECT_TRUE(cache.find(keyC));
}

TEST(BuildCache, IsSharedByManyBuilds) {
  TempFolder folder;
  // Room for three of five entries: processes write, read and remove the same ones.
  auto work = [&] {
    BuildCache cache(folder.path, 3500);
    bool right = true;
    for (int round = 0; round < 50; ++round) {
      std::string key(64, char('a' + round % 5)), code(1000, key[0]);
      cache.store(key, {code, "{}"});
      if (auto found = cache.find(key))
        right &= found->code == code;
    }
    return right;
  };
  std::vector<pid_t> children;
  for (int child = 0; child < 4; ++child)
    if (pid_t pid = fork())
      children.push_back(pid);
    else
      try {
        _exit(work() ? 0 : 1);
      } catch (const rt::Error &error) {
        fprintf(stderr, "%s\n", error.what());
        _exit(2);
      }
  for (pid_t child : children) {
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
}

TEST(BuildCache, NamesTheFolderThatCannotBeWritten) {
  TempFolder folder;
  writeBytes(folder / "file", "");
  EXPECT_HAS(errorOf([&] { BuildCache(folder / "file").store(keyA, {"code", "{}"}); }), folder / "file");
}

//===----------------------------------------------------------------------===//
// Keys
//===----------------------------------------------------------------------===//

namespace {

class BuildKey : public ::testing::Test {
protected:
  static void SetUpTestSuite() { registerAllPasses(); }

  static Request request() {
    Request request;
    request.model = "vjepa-tiny";
    request.target = "reference";
    request.maxThreads = 2;
    return request;
  }

  std::string keyOf(const Specialisation &specialisation) {
    Compiler compiler(specialisation);
    EXPECT_TRUE(succeeded(compiler.runTo(Phase::Jepa)));
    return buildKey(compiler, specialisation, runtime);
  }
  std::string keyOf(const Request &request) { return keyOf(specialise(request)); }

  std::string runtime = "/proc/self/exe";
};

} // namespace

TEST_F(BuildKey, IsTheSameForTheSameBuild) { EXPECT_EQ(keyOf(request()), keyOf(request())); }

TEST_F(BuildKey, DoesNotKnowHowARequestIsSpelled) {
  Request flag = request(), setting = request();
  flag.flags = {{"--frames", "frames", "16"}};
  setting.settings = {"frames=16"};
  EXPECT_EQ(keyOf(flag), keyOf(setting));
  EXPECT_NE(keyOf(flag), keyOf(request()));
}

TEST_F(BuildKey, DoesNotKnowTheLinesOfTheModel) {
  Specialisation here = specialise(request()), there = here;
  Model moved = *here.model;
  moved.trace = [trace = moved.trace](const Config &config, Task task) {
    Graph graph = trace(config, task);
    for (Node &node : graph.nodes) {
      node.location.file = "elsewhere.h";
      node.location.line += 7;
    }
    return graph;
  };
  there.model = &moved;
  EXPECT_EQ(keyOf(here), keyOf(there));
}

TEST_F(BuildKey, KnowsWhatTheModelSays) {
  Specialisation here = specialise(request()), there = here;
  Model other = *here.model;
  other.trace = [trace = other.trace](const Config &config, Task task) {
    Graph graph = trace(config, task);
    for (Node &node : graph.nodes)
      for (auto &[name, value] : node.attributes)
        if (name == "eps")
          value = 1e-3;
    return graph;
  };
  there.model = &other;
  EXPECT_NE(keyOf(here), keyOf(there));
}

TEST_F(BuildKey, KnowsEveryOptionThatDecides) {
  using Change = std::function<void(Request &)>;
  const std::pair<const char *, Change> changes[] = {
      {"task", [](Request &r) { r.task = Task::Embed; }},
      {"target", [](Request &r) { r.target = "cpu"; }},
      {"dtype", [](Request &r) { r.dtype = "f64"; }},
      {"masks", [](Request &r) { r.masks = "published"; }},
      {"mask ratio", [](Request &r) { r.maskRatio = 0.75, r.model = "vjepa", r.settings = {"crop=64", "frames=8"}; }},
      {"an optimiser setting", [](Request &r) { r.settings = {"lr=0.123"}; }},
      {"taps", [](Request &r) { r.taps = true; }},
      {"threads", [](Request &r) { r.maxThreads = 3; }},
      {"memory limit", [](Request &r) { r.memoryLimit = int64_t(1) << 40; }},
      {"disabled pass", [](Request &r) { r.disabledPasses = {"outline-layers"}; }},
      {"pipeline", [](Request &r) { r.pipeline = "canonicalize"; }},
      {"extension", [](Request &r) { r.extensions["after-prune"] = "cse"; }},
  };
  std::map<std::string, std::string> keys{{keyOf(request()), "nothing"}};
  for (const auto &[name, change] : changes) {
    Request changed = request();
    change(changed);
    auto [place, isNew] = keys.emplace(keyOf(changed), name);
    EXPECT_TRUE(isNew) << name << " gives the key of " << place->second;
  }
}

TEST_F(BuildKey, KnowsTheRuntime) {
  TempFolder folder;
  std::string before = keyOf(request());
  writeBytes(folder / "runtime", "another");
  runtime = folder / "runtime";
  EXPECT_NE(keyOf(request()), before);
}
