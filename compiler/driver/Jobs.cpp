//===- Jobs.cpp - work in processes of its own ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/driver/Jobs.h"

#include "runtime/core/Error.h"
#include "runtime/io/AtomicFile.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <vector>

using namespace jepa;
using Clock = std::chrono::steady_clock;

namespace {
struct Running {
  std::size_t index;
  pid_t process;
  rt::FileHandle errors;
  Clock::time_point begin;
  JobResult result;
};
} // namespace

/// The child's whole life.
[[noreturn]] static void runChild(const std::function<int(std::size_t)> &job, std::size_t index, int errors,
                                  pid_t parent) {
  // The parent's handlers are the parent's.
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent)
    _exit(1);
  int nowhere = ::open("/dev/null", O_RDWR);
  ::dup2(nowhere, STDIN_FILENO);
  ::dup2(nowhere, STDOUT_FILENO);
  ::dup2(errors, STDERR_FILENO);
  int code = 1;
  try {
    code = job(index);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "error: %s\n", error.what());
  }
  std::fflush(nullptr);
  _exit(code);
}

static Running start(const std::function<int(std::size_t)> &job, std::size_t index) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw rt::Error(std::string("no process can be started: ") + std::strerror(errno));
  rt::FileHandle reading(ends[0]), writing(ends[1]);
  std::fflush(nullptr);
  pid_t parent = getpid(), process = fork();
  if (process < 0)
    throw rt::Error(std::string("no process can be started: ") + std::strerror(errno));
  if (process == 0)
    runChild(job, index, writing.get(), parent);
  return {index, process, std::move(reading), Clock::now(), {}};
}

/// Reads what there is; false at the end.
static bool drain(Running &running) {
  char piece[4096];
  ssize_t got = ::read(running.errors.get(), piece, sizeof piece);
  if (got > 0)
    running.result.errors.append(piece, static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && errno == EINTR);
}

void jepa::runJobs(std::size_t count, unsigned parallel, const std::function<int(std::size_t)> &job,
                   const std::function<void(std::size_t, const JobResult &)> &done,
                   const std::function<bool()> &stop) {
  std::vector<Running> running;
  std::size_t next = 0;
  bool stopping = false;
  auto reap = [&](std::size_t at) {
    Running ended = std::move(running[at]);
    running.erase(running.begin() + static_cast<std::ptrdiff_t>(at));
    int status = 0;
    while (::waitpid(ended.process, &status, 0) < 0 && errno == EINTR)
      ;
    ended.result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    ended.result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    ended.result.seconds = std::chrono::duration<double>(Clock::now() - ended.begin).count();
    done(ended.index, ended.result);
  };
  while (true) {
    if (!stopping && stop()) {
      stopping = true;
      for (const Running &child : running)
        ::kill(child.process, SIGTERM);
    }
    while (!stopping && next < count && running.size() < std::max(1U, parallel))
      running.push_back(start(job, next++));
    if (running.empty())
      return;
    std::vector<pollfd> files;
    for (const Running &child : running)
      files.push_back({child.errors.get(), POLLIN, 0});
    // Wakes up for the sake of `stop`.
    ::poll(files.data(), files.size(), 200);
    for (std::size_t at = files.size(); at-- > 0;)
      if ((files[at].revents & (POLLIN | POLLHUP | POLLERR)) && !drain(running[at]))
        reap(at);
  }
}
