//===- Gpu.cpp - the cases on a GPU ---------------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Linked into a program of cases, it runs their kernels by the CUDA driver
// instead of the executor: from the device code in the file $JEPA_CASES_CODE,
// under the names that the host's kernels have. All of the program's memory is
// pinned and has one address on both sides, so cases need not know: slow, but
// nothing here is timed.
//
//===----------------------------------------------------------------------===//
#include "runtime/core/Abi.h"
#include "runtime/cuda/Driver.h"
#include "runtime/io/AtomicFile.h"
#include "simt/Executor.h"
#include "simt/Primitives.h"

#include <bit>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <map>
#include <mutex>
#include <new>
#include <unistd.h>

using namespace simt;
using namespace jepa::rt::cuda;

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

static constexpr std::size_t heapBytes = std::size_t(1) << 30, alignment = 256;
static std::byte *heap = nullptr;
static std::size_t heapUsed = 0;
static void *freeBlocks[64];
static std::mutex heapMutex; // the driver may have threads

/// Blocks are powers of two, kept by size. What is allocated before there is a GPU is the system's.
static void *allocate(std::size_t bytes) {
  if (!heap)
    return std::malloc(bytes ? bytes : 1);
  std::lock_guard lock(heapMutex);
  unsigned size = static_cast<unsigned>(std::bit_width((bytes | (alignment - 1)) + alignment - 1));
  if (void *block = freeBlocks[size]) {
    freeBlocks[size] = *static_cast<void **>(block);
    return block;
  }
  std::size_t whole = alignment + (std::size_t(1) << size);
  if (heapUsed + whole > heapBytes)
    return nullptr;
  std::byte *block = heap + heapUsed + alignment;
  heapUsed += whole;
  block[-1] = static_cast<std::byte>(size);
  return block;
}

void *operator new(std::size_t bytes) {
  if (void *block = allocate(bytes))
    return block;
  throw std::bad_alloc();
}
void operator delete(void *block) noexcept {
  auto *bytes = static_cast<std::byte *>(block);
  if (!heap || bytes < heap || bytes >= heap + heapBytes)
    return std::free(block);
  std::lock_guard lock(heapMutex);
  auto size = static_cast<unsigned>(bytes[-1]);
  *static_cast<void **>(block) = freeBlocks[size];
  freeBlocks[size] = block;
}
void operator delete(void *block, std::size_t) noexcept { operator delete(block); }

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

namespace {

struct Gpu {
  Gpu();
  Function find(void *kernel);

  const Driver *driver = nullptr;
  Stream stream = nullptr;
  Module module = nullptr;
  std::map<void *, Function> functions;
  /// cuTensorMapEncodeTiled.
  int (*encode)(void *map, int type, unsigned rank, void *address, const std::uint64_t *sizes,
                const std::uint64_t *strides, const unsigned *box, const unsigned *steps, int interleave, int swizzle,
                int promotion, int fill) = nullptr;
};

} // namespace

static Gpu *gpu = nullptr;

Gpu::Gpu() {
  driver = &Driver::get(12000);
  DeviceNumber number;
  Context context;
  driver->check(driver->deviceGet(&number, 0), "taking the first GPU");
  driver->check(driver->contextRetain(&context, number), "making a context");
  driver->check(driver->contextSetCurrent(context), "making a context current");
  driver->check(driver->streamCreate(&stream, streamNonBlocking), "making a stream");
  const char *file = std::getenv("JEPA_CASES_CODE");
  std::string code = jepa::rt::readTextFile(file ? file : "");
  driver->check(driver->moduleLoad(&module, code.data()), "loading '" + std::string(file) + "'");
  encode = reinterpret_cast<decltype(encode)>(
      dlsym(dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL), "cuTensorMapEncodeTiled"));
}

Function Gpu::find(void *kernel) {
  Function &function = functions[kernel];
  if (!function) {
    Dl_info info;
    if (!dladdr(kernel, &info) || !info.dli_sname || info.dli_saddr != kernel)
      throw Error("a kernel without a name: link the program with -rdynamic");
    driver->check(driver->moduleFunction(&function, module, info.dli_sname),
                  "looking for '" + std::string(info.dli_sname) + "'");
  }
  return function;
}

static void launchOnGpu(void *kernel, Dim3 grid, unsigned threads, std::size_t sharedBytes, void **arguments) {
  Function function = gpu->find(kernel);
  auto shared = static_cast<unsigned>(sharedBytes);
  const Driver &driver = *gpu->driver;
  if (shared > plainSharedBytes)
    driver.check(driver.functionSetAttribute(function, maxDynamicSharedBytes, static_cast<int>(shared)),
                 "asking for " + std::to_string(shared) + " bytes of shared memory");
  driver.check(
      driver.launchKernel(function, grid.x, grid.y, grid.z, threads, 1, 1, shared, gpu->stream, arguments, nullptr),
      "a launch");
  Status status = driver.streamSynchronize(gpu->stream);
  if (status == success)
    return;
  // The context is lost, and every case after this one with it.
  Dl_info info;
  dladdr(kernel, &info);
  std::printf("FAILED %s: %s\n", info.dli_sname, driver.describe(status).c_str());
  std::fflush(stdout);
  _exit(1);
}

#ifdef JEPA_HOPPER
static jepa::device::TensorMap makeMap(const void *data, long long rows, long long columns, long long stride,
                                       int boxRows, int boxColumns) {
  jepa::device::TensorMap map{};
  constexpr int bf16Elements = 9;
  std::uint64_t sizes[] = {static_cast<std::uint64_t>(columns), static_cast<std::uint64_t>(rows)};
  std::uint64_t strides[] = {static_cast<std::uint64_t>(stride) * 2};
  unsigned box[] = {static_cast<unsigned>(boxColumns), static_cast<unsigned>(boxRows)}, steps[] = {1, 1};
  int swizzle = boxColumns == 64 ? 3 : boxColumns == 32 ? 2 : 1; // over 128, 64 or 32 bytes
  if (!gpu->encode ||
      gpu->encode(&map, bf16Elements, 2, const_cast<void *>(data), sizes, strides, box, steps, 0, swizzle, 0, 0))
    throw Error("the driver makes no tensor map of this matrix");
  return map;
}
#endif

static const bool started = [] {
  try {
    gpu = new Gpu;
    void *memory = nullptr;
    gpu->driver->check(gpu->driver->hostAllocate(&memory, heapBytes, 0), "pinning memory");
    heap = static_cast<std::byte *>(memory);
  } catch (const std::exception &error) {
    std::printf("error: %s\n", error.what());
    std::exit(1);
  }
  elsewhere = launchOnGpu;
#ifdef JEPA_HOPPER
  jepa::device::elsewhereMap = makeMap;
#endif
  return true;
}();
