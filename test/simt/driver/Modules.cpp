//===- Modules.cpp - kernels of a shared object of the host ---------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A kernel is an extern "C" function of addresses, compiled against
// test/simt/Primitives.h, and has its JEPA_LAUNCH_INFO. It calls the executor
// that is part of this library, which makes itself known to it before the
// shared object is opened; so that one needs nothing to link against.
//
//===----------------------------------------------------------------------===//
#include "simt/Executor.h"
#include "simt/driver/Machine.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <memory>
#include <set>
#include <string>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>
#include <utility>

using namespace fake;
using namespace jepa::rt::cuda;

/// As jepa::device::LaunchInfo.
struct LaunchInfo {
  int threads, sharedBytes, parameters;
};

namespace jepa::rt::cuda {
struct FunctionTag {
  std::string name;
  void *code;
  LaunchInfo info;
  int allowed = static_cast<int>(plainSharedBytes);
};
struct ModuleTag {
  void *handle;
  int file;
  std::list<FunctionTag> functions;
};
} // namespace jepa::rt::cuda

/// What a block may have of shared memory at most.
static int mostShared() { return Machine::get().capability >= 90 ? 227 << 10 : 163 << 10; }

/// The size of an ELF file: its section headers come last.
static std::size_t sizeOf(const void *image) {
  const auto *header = static_cast<const Elf64_Ehdr *>(image);
  bool good = !std::memcmp(header->e_ident, ELFMAG, SELFMAG) && header->e_ident[EI_CLASS] == ELFCLASS64 &&
              header->e_machine == EM_X86_64 && header->e_shoff;
  return good ? header->e_shoff + std::size_t(header->e_shentsize) * header->e_shnum : 0;
}

/// Those that are loaded; after a fault they stay.
static std::set<Module> &modules() {
  static auto &all = *new std::set<Module>;
  return all;
}

static void showExecutor() {
  Dl_info info;
  if (dladdr(reinterpret_cast<void *>(&showExecutor), &info))
    dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
}

Status fake::loadModule(Module *module, const void *image) {
  std::size_t size = sizeOf(image);
  if (size == 0)
    return noBinaryForGpu;
  int file = memfd_create("fake-module", MFD_CLOEXEC);
  if (file < 0 || write(file, image, size) != static_cast<ssize_t>(size))
    return Status(304);
  showExecutor();
  void *handle = dlopen(("/proc/self/fd/" + std::to_string(file)).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    std::fprintf(stderr, "fake GPU: %s\n", dlerror());
    close(file);
    return noBinaryForGpu;
  }
  *module = new ModuleTag{handle, file, {}};
  modules().insert(*module);
  return success;
}

void fake::unloadModule(Module module) {
  modules().erase(module);
  dlclose(module->handle);
  close(module->file);
  delete module;
}

Status fake::findFunction(Function *function, Module module, const char *name) {
  void *code = dlsym(module->handle, name);
  auto *info = static_cast<const LaunchInfo *>(dlsym(module->handle, (std::string(name) + "_launch").c_str()));
  if (!code || !info)
    return notFound;
  module->functions.push_back({name, code, *info});
  *function = &module->functions.back();
  return success;
}

Status fake::allowShared(Function function, int bytes) {
  if (bytes < 0 || bytes > mostShared())
    return invalidValue;
  function->allowed = bytes;
  return success;
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

static constexpr std::size_t mostParameters = 64;
using Arguments = std::array<void *, mostParameters>;

template <std::size_t> using Address = void *;

template <std::size_t... I> static void callWith(void *code, const Arguments &arguments, std::index_sequence<I...>) {
  reinterpret_cast<void (*)(Address<I>...)>(code)(arguments[I]...);
}
template <std::size_t Count> static void call(void *code, const Arguments &arguments) {
  callWith(code, arguments, std::make_index_sequence<Count>());
}
using Caller = void (*)(void *, const Arguments &);
template <std::size_t... Count>
static constexpr std::array<Caller, sizeof...(Count)> makeCallers(std::index_sequence<Count...>) {
  return {call<Count>...};
}
/// By the number of parameters.
static constexpr auto callers = makeCallers(std::make_index_sequence<mostParameters + 1>());

namespace {
struct Launch {
  const FunctionTag *function;
  simt::Dim3 grid;
  unsigned threads, sharedBytes;
  Arguments arguments;

  void run() {
    Machine &machine = Machine::get();
    if (++machine.launches == machine.failingLaunch) {
      machine.fault = launchFailed;
      return;
    }
    simt::Options options;
    options.order = machine.deferred ? simt::Order::Shuffled : simt::Order::FirstIn;
    options.landing = machine.deferred ? simt::Landing::Either : simt::Landing::AtOnce;
    options.seed = machine.seed + static_cast<std::uint64_t>(machine.launches);
    bool many = std::uint64_t(grid.x) * grid.y * grid.z > 8;
    options.workers = many && !simt::findsRaces ? std::min(std::thread::hardware_concurrency(), 4U) : 1;
    auto entry = [](void *launch) {
      auto &its = *static_cast<Launch *>(launch);
      callers[static_cast<std::size_t>(its.function->info.parameters)](its.function->code, its.arguments);
    };
    try {
      simt::runGrid(options, grid, threads, sharedBytes, entry, this);
    } catch (const simt::Error &error) {
      throw simt::Error(function->name + ", " + error.what());
    }
  }
};
} // namespace

static Status refuse(Function function, const std::string &why, Status status) {
  std::fprintf(stderr, "fake GPU: kernel '%s' cannot be launched: %s\n", function->name.c_str(), why.c_str());
  return status;
}

Status fake::prepareLaunch(Work *work, Function function, const unsigned (&grid)[3], const unsigned (&block)[3],
                           unsigned sharedBytes, void **parameters) {
  const LaunchInfo &info = function->info;
  if (!grid[0] || !grid[1] || !grid[2] || grid[0] > 0x7fffffff || grid[1] > 65535 || grid[2] > 65535)
    return refuse(function,
                  "a grid of " + std::to_string(grid[0]) + " x " + std::to_string(grid[1]) + " x " +
                      std::to_string(grid[2]),
                  invalidValue);
  if (block[0] != static_cast<unsigned>(info.threads) || block[1] != 1 || block[2] != 1)
    return refuse(function, std::to_string(block[0]) + " threads, made for " + std::to_string(info.threads),
                  launchOutOfResources);
  if (sharedBytes > static_cast<unsigned>(function->allowed))
    return refuse(function,
                  std::to_string(sharedBytes) + " bytes of shared memory, allowed are " +
                      std::to_string(function->allowed),
                  invalidValue);
  if (sharedBytes != static_cast<unsigned>(info.sharedBytes))
    return refuse(function,
                  std::to_string(sharedBytes) + " bytes of shared memory, made for " + std::to_string(info.sharedBytes),
                  invalidValue);
  if (info.parameters < 0 || info.parameters > static_cast<int>(mostParameters))
    return refuse(function, std::to_string(info.parameters) + " parameters", invalidValue);
  auto launch = std::make_shared<Launch>(Launch{function, {grid[0], grid[1], grid[2]}, block[0], sharedBytes, {}});
  for (std::size_t i = 0; i < static_cast<std::size_t>(info.parameters); ++i)
    std::memcpy(&launch->arguments[i], parameters[i], sizeof(void *));
  work->run = [launch] { launch->run(); };
  return success;
}
