//===- ThreadPoolTest.cpp - parallel loops --------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/core/ThreadPool.h"
#include "runtime/core/Error.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

using namespace jepa::rt;

namespace {

class Pool : public testing::TestWithParam<int> {
protected:
  void SetUp() override { ThreadPool::get().setThreads(GetParam()); }
  void TearDown() override { ThreadPool::get().setThreads(0); }
};

TEST_P(Pool, VisitsEveryElementOnceInFixedSlices) {
  EXPECT_EQ(ThreadPool::get().threads(), GetParam());
  for (std::int64_t count : {0, 1, 6, 7, 8, 1000})
    for (std::int64_t grain : {1, 7, 5000}) {
      std::vector<int> seen(static_cast<std::size_t>(count));
      std::atomic<int> wrong{0};
      parallelFor(count, grain, [&](std::int64_t begin, std::int64_t end, std::int64_t thread) {
        if (begin % grain != 0 || end != std::min(begin + grain, count) || thread < 0 ||
            thread >= GetParam())
          ++wrong;
        for (std::int64_t i = begin; i < end; ++i)
          ++seen[static_cast<std::size_t>(i)];
      });
      EXPECT_EQ(wrong, 0);
      for (int times : seen)
        EXPECT_EQ(times, 1);
    }
}

TEST_P(Pool, GivesAThreadIndexToOneSliceAtATime) {
  std::vector<std::atomic<int>> busy(static_cast<std::size_t>(GetParam()));
  std::atomic<int> clashes{0};
  parallelFor(500, 1, [&](std::int64_t, std::int64_t, std::int64_t thread) {
    auto &mine = busy[static_cast<std::size_t>(thread)];
    if (mine.fetch_add(1) != 0)
      ++clashes;
    std::this_thread::yield();
    --mine;
  });
  EXPECT_EQ(clashes, 0);
}

TEST_P(Pool, RunsManyShortLoops) {
  std::int64_t sum = 0;
  std::vector<std::int64_t> values(64);
  for (int round = 0; round < 20000; ++round) {
    parallelFor(64, 8, [&](std::int64_t begin, std::int64_t end, std::int64_t) {
      for (std::int64_t i = begin; i < end; ++i)
        values[static_cast<std::size_t>(i)] += i;
    });
    if (round % 5000 == 0) // long enough for the workers to sleep
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  for (std::int64_t value : values)
    sum += value;
  EXPECT_EQ(sum, 20000 * 63 * 64 / 2);
}

TEST_P(Pool, RunsALoopWithinALoopInPlace) {
  std::atomic<std::int64_t> sum{0};
  std::atomic<int> moved{0};
  parallelFor(10, 1, [&](std::int64_t, std::int64_t, std::int64_t outer) {
    parallelFor(10, 3, [&](std::int64_t begin, std::int64_t end, std::int64_t inner) {
      sum += end - begin;
      moved += inner != outer;
    });
  });
  EXPECT_EQ(sum, 100);
  EXPECT_EQ(moved, 0);
}

TEST_P(Pool, ServesSeveralCallers) {
  std::atomic<std::int64_t> sum{0};
  auto work = [&] {
    for (int round = 0; round < 200; ++round)
      parallelFor(50, 2,
                  [&](std::int64_t begin, std::int64_t end, std::int64_t) { sum += end - begin; });
  };
  std::thread first(work), second(work);
  work();
  first.join();
  second.join();
  EXPECT_EQ(sum, 3 * 200 * 50);
}

TEST_P(Pool, HandsExceptionsToTheCaller) {
  std::atomic<int> others{0};
  try {
    parallelFor(20, 1, [&](std::int64_t begin, std::int64_t, std::int64_t) {
      if (begin == 7)
        throw Error("seven");
      ++others;
    });
    FAIL();
  } catch (const Error &error) {
    EXPECT_STREQ(error.what(), "seven");
  }
  EXPECT_EQ(others, 19);
}

TEST_P(Pool, RefusesToChangeWithinALoop) {
  EXPECT_THROW(parallelFor(1, 1, [](auto...) { ThreadPool::get().setThreads(2); }), Error);
}

INSTANTIATE_TEST_SUITE_P(Threads, Pool, testing::Values(1, 2, 3, 8));

TEST(PoolSize, ComesFromTheEnvironment) {
  const char *before = std::getenv("JEPAC_THREADS");
  std::string saved = before ? before : "";
  setenv("JEPAC_THREADS", "3", 1);
  EXPECT_EQ(ThreadPool::defaultThreads(), 3);
  for (const char *text : {"0", "-1", "two", "3x", "1025", "99999999999"}) {
    setenv("JEPAC_THREADS", text, 1);
    try {
      ThreadPool::defaultThreads();
      FAIL() << text;
    } catch (const Error &error) {
      EXPECT_EQ(error.exitCode, 2);
    }
  }
  setenv("JEPAC_THREADS", saved.c_str(), 1);
  EXPECT_GE(ThreadPool::defaultThreads(), 1);
  if (!before)
    unsetenv("JEPAC_THREADS");
  EXPECT_THROW(ThreadPool::get().setThreads(-1), Error);
  EXPECT_THROW(ThreadPool::get().setThreads(1025), Error);
}

} // namespace
