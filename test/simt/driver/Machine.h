//===- Machine.h - what the stand-in driver pretends to drive -------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Device memory is the host's. Streams are queues of work that calls of the
// driver carry out on the calling thread: at once, or, with a seed, as late as
// a wait allows and in any order that the streams and events leave open. So
// whoever forgot to wait reads what is not there yet.
//
// The environment says what machine this is:
//
//   JEPAC_FAKE_CUDA_DEVICES      how many GPUs there are (1; 0: none)
//   JEPAC_FAKE_CUDA_CAPABILITY   their compute capability (9.0)
//   JEPAC_FAKE_CUDA_DRIVER       the driver's version as CUDA counts (13000)
//   JEPAC_FAKE_CUDA_MEMORY       bytes of device memory (64 GiB)
//   JEPAC_FAKE_CUDA_FAIL_LAUNCH  the kernel, counted from one, that faults
//   JEPAC_FAKE_CUDA_COUNTS       a file for how often kernels and graphs were launched
//   JEPAC_FAKE_CUDA_SEED         defer work, and shuffle threads, by this seed
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_TEST_SIMT_DRIVER_MACHINE_H
#define JEPA_TEST_SIMT_DRIVER_MACHINE_H

#include "runtime/cuda/Driver.h"

#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <vector>

namespace fake {

using jepa::rt::cuda::DevicePointer;
using jepa::rt::cuda::Status;

// Further values of CUresult.
inline constexpr Status invalidValue{1}, notInitialized{3}, noBinaryForGpu{209}, invalidContext{201},
    invalidHandle{400}, notFound{500}, launchOutOfResources{701}, launchFailed{719}, captureUnsupported{900},
    captureInvalidated{901}, captureIsolation{905};

/// A call of cuEventRecord.
struct Record {
  bool done = false;
  std::chrono::steady_clock::time_point when;
};

/// A piece of work. It waits for a record, or makes one, or neither.
struct Work {
  std::function<void()> run;
  std::shared_ptr<Record> waitsFor, makes;
};

} // namespace fake

// What the driver's handles point to.
namespace jepa::rt::cuda {
struct EventTag {
  std::shared_ptr<fake::Record> last;
};
struct GraphTag {
  std::vector<fake::Work> work;
};
struct GraphExecTag {
  std::vector<fake::Work> work;
};
struct StreamTag {
  std::deque<fake::Work> queue;
  std::unique_ptr<GraphTag> capture;
  bool invalid = false; ///< the capture
};
} // namespace jepa::rt::cuda

namespace fake {

using jepa::rt::cuda::Event;
using jepa::rt::cuda::Stream;

class Machine {
public:
  static Machine &get();

  /// Puts work into a stream: onto its queue, or into the graph that it captures.
  void submit(Stream stream, Work work);
  /// Works until `done`; what can run runs in an order drawn from the seed.
  void workUntil(const std::function<bool()> &done);
  void workUntilEmpty(Stream stream);
  bool anyCaptures() const;

  /// Writes down what was counted, where that is wanted.
  void tell() const;

  Status allocate(DevicePointer *address, std::size_t bytes);
  Status release(DevicePointer address);
  std::size_t freeBytes() const { return memory - used; }

  /// The first fault: every later call returns it.
  Status fault = Status(0);
  std::recursive_mutex mutex;
  std::list<std::unique_ptr<jepa::rt::cuda::StreamTag>> streams;
  std::map<const char *, std::size_t> pinned; ///< host memory and its size

  // From the environment.
  int devices = 1, capability = 90, driverVersion = 13000;
  std::size_t memory = 0;
  long failingLaunch = 0;
  bool deferred = false;
  std::uint64_t seed = 0;

  long launches = 0; ///< kernels that ran
  long kernelCalls = 0, graphCalls = 0;
  std::size_t used = 0;

private:
  Machine();
  bool workOnce();

  std::mt19937_64 random;
  std::map<DevicePointer, std::size_t> allocations;
};

/// Kernels: a shared object of the host as a module.
Status loadModule(jepa::rt::cuda::Module *module, const void *image);
Status findFunction(jepa::rt::cuda::Function *function, jepa::rt::cuda::Module module, const char *name);
Status allowShared(jepa::rt::cuda::Function function, int bytes);
void unloadModule(jepa::rt::cuda::Module module);
/// A checked launch as work; none where the launch is refused.
Status prepareLaunch(Work *work, jepa::rt::cuda::Function function, const unsigned (&grid)[3],
                     const unsigned (&block)[3], unsigned sharedBytes, void **parameters);

} // namespace fake

#endif // JEPA_TEST_SIMT_DRIVER_MACHINE_H
