//===- DeviceExecutor.cpp - steps on a GPU --------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/cuda/DeviceExecutor.h"

#include "runtime/core/Profiler.h"
#include "runtime/cuda/InputStage.h"
#include "runtime/cuda/ProductTime.h"

#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>
#include <vector>

using namespace jepa::rt;
using namespace jepa::rt::cuda;

namespace {

/// The outputs that every step is asked for: those of one element.
std::vector<const Buffer *> scalarsOf(const Plan &plan) {
  std::vector<const Buffer *> scalars;
  for (const Buffer &buffer : plan.buffers)
    if (buffer.kind == BufferKind::Output && buffer.elements == 1)
      scalars.push_back(&buffer);
  return scalars;
}

class CapturedGraph {
public:
  CapturedGraph(const Device &device, Graph graph) : device(device) {
    Status status = device.driver.graphInstantiate(&exec, graph, 0);
    device.driver.graphDestroy(graph);
    device.check(status, "making a graph of a step");
  }
  ~CapturedGraph() { device.driver.graphExecDestroy(exec); }
  CapturedGraph(const CapturedGraph &) = delete;
  CapturedGraph &operator=(const CapturedGraph &) = delete;

  void launch() const { device.check(device.driver.graphLaunch(exec, device.stream()), "launching a step"); }

private:
  const Device &device;
  GraphExec exec = nullptr;
};

class DeviceExecutor final : public Executor {
public:
  DeviceExecutor(const State &state, const LoadedCode &code);
  ~DeviceExecutor() override;

  std::byte *input(const Buffer &buffer) override;
  void stage() override;
  bool overlaps() const override { return true; }
  void launch() override;
  double finish() override;
  void upload(const Buffer &buffer) override;
  void download(const Buffer &buffer) override;
  double timeProduct(const GemmUse &use) override;
  std::optional<DeviceUse> device() const override;

  // What generated code calls; a failure is kept until it has returned.
  void launchKernel(const jepac_launch_desc &d, void *const *args);
  void launchProduct(const jepac_device_gemm_desc &d, const ProductPlaces &places);

private:
  /// A call of generated code, timed.
  struct TimedCall {
    explicit TimedCall(const Device &device) : begin(device), end(device) {}
    DeviceEvent begin, end;
  };

  template <class Work> void enqueue(const std::string &what, Work &&work);
  template <class Work> decltype(auto) explained(Work &&work) const;
  void runCode();
  void runEagerly();
  void capture();

  const Plan &plan;
  std::byte *mirror;
  jepac_run_function function;
  const bool synchronous;
  Device gpu;
  DeviceMemory memory; ///< the arena, then staging
  InputStage inputs;
  std::vector<const Buffer *> scalars;
  DeviceEvent begin, end; ///< of the step
  PinnedMemory results;
  std::optional<DeviceGemm> gemm;
  std::optional<CapturedGraph> graph;
  bool warm = false; ///< the code ran once
  std::vector<TimedCall> *timed = nullptr;
  std::exception_ptr failure;
};

/// The one whose code runs; the ABI's functions have no other way to know.
DeviceExecutor *current = nullptr;

} // namespace

static bool isSet(const char *variable) {
  const char *text = std::getenv(variable);
  return text && *text && std::string(text) != "0";
}

/// Where staging begins.
static std::int64_t arenaEnd(const Plan &plan) { return (plan.arenaBytes + 255) / 256 * 256; }

std::int64_t jepa::rt::deviceBytes(const Plan &plan) { return arenaEnd(plan) + InputStage::bytes(plan); }

DeviceExecutor::DeviceExecutor(const State &state, const LoadedCode &code)
    : plan(state.plan), mirror(static_cast<std::byte *>(state.arena())), function(code.run),
      synchronous(isSet("JEPAC_CUDA_SYNC")), gpu(plan.cudaArch, plan.cudaVersion),
      memory(gpu, deviceBytes(plan), "this binary"), inputs(gpu, plan, memory.at(), memory.at(arenaEnd(plan))),
      scalars(scalarsOf(plan)), begin(gpu), end(gpu, eventBlockingSync),
      results(gpu, static_cast<std::int64_t>(scalars.size() * sizeof(double))) {
  if (code.device.empty())
    throw Error("internal error: the binary has no code for the device; please report it");
  gpu.load(code.device);
  if (!plan.gemms.empty())
    gemm.emplace(gpu, AlgorithmCache(AlgorithmCache::defaultFile()));
}

DeviceExecutor::~DeviceExecutor() {
  // Nothing may still be computing on memory that goes away; what went wrong was said already.
  gpu.driver.streamSynchronize(gpu.stream());
}

/// A fault of a kernel shows in whichever call comes after it.
template <class Work> decltype(auto) DeviceExecutor::explained(Work &&work) const {
  try {
    return work();
  } catch (const Fault &error) {
    if (synchronous)
      throw;
    throw Fault(std::string(error.what()) + "; faults show late: JEPAC_CUDA_SYNC=1 names the kernel");
  }
}

//===----------------------------------------------------------------------===//
// Inputs and buffers
//===----------------------------------------------------------------------===//

std::byte *DeviceExecutor::input(const Buffer &buffer) { return inputs.input(buffer); }

void DeviceExecutor::stage() {
  explained([&] { inputs.stage(); });
}

// The host's memory is pageable: the driver has read it, or written it, when these return.

void DeviceExecutor::upload(const Buffer &buffer) {
  gpu.check(gpu.driver.copyToDevice(memory.at(buffer.offset), mirror + buffer.offset,
                                    static_cast<std::size_t>(buffer.bytes), gpu.stream()),
            "copying '" + buffer.name + "'");
}

void DeviceExecutor::download(const Buffer &buffer) {
  explained([&] {
    gpu.check(gpu.driver.copyToHost(mirror + buffer.offset, memory.at(buffer.offset),
                                    static_cast<std::size_t>(buffer.bytes), gpu.stream()),
              "copying '" + buffer.name + "'");
  });
}

std::optional<DeviceUse> DeviceExecutor::device() const {
  auto [free, total] = gpu.memory();
  return DeviceUse{gpu.name(), memory.bytes, total - free};
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

void DeviceExecutor::launch() {
  explained([&] {
    inputs.await();
    begin.record(gpu.stream());
    inputs.take();
    if (Profiler::active() || synchronous || !warm) {
      runEagerly();
    } else {
      if (!graph)
        capture();
      graph->launch();
    }
    for (std::size_t i = 0; i < scalars.size(); ++i)
      gpu.check(gpu.driver.copyToHost(results.get() + i * sizeof(double), memory.at(scalars[i]->offset),
                                      static_cast<std::size_t>(scalars[i]->bytes), gpu.stream()),
                "copying results");
    end.record(gpu.stream());
  });
}

double DeviceExecutor::finish() {
  explained([&] { end.wait("the step"); });
  for (std::size_t i = 0; i < scalars.size(); ++i)
    std::memcpy(mirror + scalars[i]->offset, results.get() + i * sizeof(double),
                static_cast<std::size_t>(scalars[i]->bytes));
  return end.secondsSince(begin);
}

/// Calls the code, which calls back; throws what went wrong in there.
void DeviceExecutor::runCode() {
  failure = nullptr;
  current = this;
  function(reinterpret_cast<void *>(memory.at()));
  current = nullptr;
  if (failure)
    std::rethrow_exception(failure);
}

void DeviceExecutor::runEagerly() {
  std::vector<TimedCall> calls;
  Profiler *profiler = Profiler::active();
  timed = profiler ? &calls : nullptr;
  runCode();
  timed = nullptr;
  if (profiler) {
    gpu.synchronize("the step");
    for (const TimedCall &call : calls)
      profiler->addCall({call.begin.secondsSince(begin), call.end.secondsSince(begin)});
  }
  if (gemm)
    gemm->save();
  warm = true;
}

void DeviceExecutor::capture() {
  gpu.check(gpu.driver.captureBegin(gpu.stream(), captureThreadLocal), "capturing a step");
  std::exception_ptr failed;
  try {
    runCode();
  } catch (const Error &) {
    failed = std::current_exception();
  }
  Graph captured = nullptr;
  Status status = gpu.driver.captureEnd(gpu.stream(), &captured);
  if (failed) {
    if (captured)
      gpu.driver.graphDestroy(captured);
    std::rethrow_exception(failed);
  }
  gpu.check(status, "capturing a step");
  graph.emplace(gpu, captured);
}

//===----------------------------------------------------------------------===//
// What generated code calls
//===----------------------------------------------------------------------===//

template <class Work> void DeviceExecutor::enqueue(const std::string &what, Work &&work) {
  if (failure)
    return;
  try {
    if (timed)
      timed->emplace_back(gpu).begin.record(gpu.stream());
    work();
    if (timed)
      timed->back().end.record(gpu.stream());
    if (synchronous)
      gpu.synchronize(what);
  } catch (...) {
    failure = std::current_exception();
  }
}

void DeviceExecutor::launchKernel(const jepac_launch_desc &d, void *const *args) {
  enqueue(std::string("kernel '") + d.kernel + "'", [&] { gpu.launch(d, args, gpu.stream()); });
}

void DeviceExecutor::launchProduct(const jepac_device_gemm_desc &d, const ProductPlaces &at) {
  enqueue(DeviceGemm::describe(d), [&] {
    if (!gemm)
      throw Error("internal error: the code has a product, its plan none; please report it");
    gemm->run(d, at, gpu.stream());
  });
}

extern "C" void jepac_launch(const jepac_launch_desc *d, void *const *args) {
  if (current)
    current->launchKernel(*d, args);
}

extern "C" void jepac_device_gemm(const jepac_device_gemm_desc *d, void *c, const void *a, const void *b, void *bias,
                                  void *aux, const float *scaleA, const float *scaleB, void *workspace) {
  if (current)
    current->launchProduct(*d, {c, a, b, bias, aux, scaleA, scaleB, workspace});
}

double DeviceExecutor::timeProduct(const GemmUse &use) {
  return explained([&] { return cuda::timeProduct(gpu, *gemm, use.device); });
}

std::unique_ptr<Executor> jepa::rt::makeDeviceExecutor(const State &state, const LoadedCode &code) {
  return std::make_unique<DeviceExecutor>(state, code);
}
