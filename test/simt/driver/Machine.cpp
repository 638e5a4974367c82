//===- Machine.cpp - what the stand-in driver pretends to drive -----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "simt/driver/Machine.h"

#include "simt/Executor.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace fake;
using namespace jepa::rt::cuda;

static const char *variable(const char *name) {
  const char *text = std::getenv((std::string("JEPAC_FAKE_CUDA_") + name).c_str());
  return text && *text ? text : nullptr;
}

Machine &Machine::get() {
  // Never destroyed: programs end in any order.
  static Machine &machine = *new Machine;
  return machine;
}

Machine::Machine() : memory(std::size_t(64) << 30) {
  if (const char *text = variable("DEVICES"))
    devices = std::atoi(text);
  if (const char *text = variable("CAPABILITY"))
    capability = static_cast<int>(std::strtod(text, nullptr) * 10 + 0.5);
  if (const char *text = variable("DRIVER"))
    driverVersion = std::atoi(text);
  if (const char *text = variable("MEMORY"))
    memory = std::strtoull(text, nullptr, 10);
  if (const char *text = variable("FAIL_LAUNCH"))
    failingLaunch = std::atol(text);
  if (const char *text = variable("SEED")) {
    deferred = true;
    seed = std::strtoull(text, nullptr, 10);
    random.seed(seed);
  }
}

void Machine::submit(Stream stream, Work work) {
  if (stream->capture) {
    stream->capture->work.push_back(std::move(work));
    return;
  }
  stream->queue.push_back(std::move(work));
  if (!deferred)
    while (workOnce()) {
    }
  else if (random() % 4 == 0)
    workOnce();
}

/// Takes one piece of work of any stream; false when none can run.
bool Machine::workOnce() {
  std::vector<Stream> able;
  for (auto &stream : streams)
    if (!stream->queue.empty() && (!stream->queue.front().waitsFor || stream->queue.front().waitsFor->done))
      able.push_back(stream.get());
  if (able.empty())
    return false;
  Stream stream = able[deferred ? random() % able.size() : 0];
  Work work = std::move(stream->queue.front());
  stream->queue.pop_front();
  if (work.run && fault == success) {
    try {
      work.run();
    } catch (const simt::Error &error) {
      std::fprintf(stderr, "fake GPU: %s\n", error.what());
      fault = launchFailed;
    }
  }
  if (work.makes) {
    work.makes->when = std::chrono::steady_clock::now();
    work.makes->done = true;
  }
  return true;
}

void Machine::workUntil(const std::function<bool()> &done) {
  while (!done())
    if (!workOnce()) {
      std::fprintf(stderr, "fake GPU: waits for work that nobody submitted\n");
      std::abort();
    }
}

void Machine::workUntilEmpty(Stream stream) {
  workUntil([&] { return stream->queue.empty(); });
}

void Machine::tell() const {
  if (const char *path = variable("COUNTS"))
    if (std::FILE *file = std::fopen(path, "w")) {
      std::fprintf(file, "kernels %ld graphs %ld\n", kernelCalls, graphCalls);
      std::fclose(file);
    }
}

bool Machine::anyCaptures() const {
  for (const auto &stream : streams)
    if (stream->capture)
      return true;
  return false;
}

Status Machine::allocate(DevicePointer *address, std::size_t bytes) {
  void *place = nullptr;
  if (bytes > freeBytes() || posix_memalign(&place, 512, bytes))
    return outOfMemory;
  // Not a number in f32 and bf16: nobody may count on zeros.
  std::memset(place, 0xff, bytes);
  *address = reinterpret_cast<DevicePointer>(place);
  allocations[*address] = bytes;
  used += bytes;
  return success;
}

Status Machine::release(DevicePointer address) {
  auto found = allocations.find(address);
  if (found == allocations.end())
    return invalidValue;
  workUntil([&] {
    for (auto &stream : streams)
      if (!stream->queue.empty())
        return false;
    return true;
  });
  used -= found->second;
  allocations.erase(found);
  std::free(reinterpret_cast<void *>(address));
  return success;
}
