//===- Jobs.h - work in processes of its own ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_DRIVER_JOBS_H
#define JEPA_COMPILER_DRIVER_JOBS_H

#include <cstddef>
#include <functional>
#include <string>

namespace jepa {

/// How a job ended.
struct JobResult {
  /// What the job returned; meaningless after a signal.
  int code = 0;
  /// That killed it, or 0.
  int signal = 0;
  /// What it wrote to standard error.
  std::string errors;
  double seconds = 0;
};

/// Runs `job(0)` to `job(count - 1)`, at most `parallel` at a time, each in a forked process: whatever happens to one, the
/// others go on. A job's standard output is dropped, and an exception of its is a line `error: ...` and code 1. `done` is
/// called here, in the order in which jobs end; `stop` is asked now and then, and when it says so, running jobs are told
/// to end with SIGTERM and no further one is started. Call it from a process with a single thread. Throws rt::Error when
/// no process can be started.
void runJobs(std::size_t count, unsigned parallel, const std::function<int(std::size_t)> &job,
             const std::function<void(std::size_t, const JobResult &)> &done, const std::function<bool()> &stop);

} // namespace jepa

#endif // JEPA_COMPILER_DRIVER_JOBS_H
