//===- Nvrtc.cpp - compiles kernels as a program does that has no nvcc ----===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// usage: simt-nvrtc LIBRARY INCLUDE FILE.cu...    exit code 77: there is no such library
//
// The library is opened, as the runtime does, so no header of CUDA is needed.
//
//===----------------------------------------------------------------------===//
#include <cstdio>
#include <dlfcn.h>
#include <fstream>
#include <iterator>
#include <string>
#include <type_traits>
#include <vector>

namespace {

using Program = void *;

/// The functions of the library that compile.
struct Library {
  int (*create)(Program *, const char *source, const char *name, int, const char *const *, const char *const *);
  int (*compile)(Program, int count, const char *const *options);
  int (*logSize)(Program, std::size_t *);
  int (*log)(Program, char *);
  int (*destroy)(Program *);
};

/// Compiles to PTX; prints the log and returns false if that fails or warns.
bool compile(const Library &library, const std::string &source, const char *name, std::vector<const char *> options) {
  Program program = nullptr;
  if (library.create(&program, source.c_str(), name, 0, nullptr, nullptr))
    return false;
  int code = library.compile(program, static_cast<int>(options.size()), options.data());
  std::size_t size = 0;
  library.logSize(program, &size);
  std::string log(size, '\0');
  library.log(program, log.data());
  library.destroy(&program);
  // One byte is the end of an empty log.
  if (code || size > 1)
    std::printf("%s %s: code %d\n%s\n", name, options[0], code, log.c_str());
  return !code && size <= 1;
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 4)
    return std::fprintf(stderr, "usage: simt-nvrtc LIBRARY INCLUDE FILE.cu...\n"), 2;
  void *handle = dlopen(argv[1], RTLD_NOW);
  if (!handle)
    return std::printf("skipped: no NVRTC at %s\n", argv[1]), 77;
  auto find = [&](auto &function, const char *name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(handle, name));
    return function != nullptr;
  };
  Library library;
  if (!find(library.create, "nvrtcCreateProgram") || !find(library.compile, "nvrtcCompileProgram") ||
      !find(library.logSize, "nvrtcGetProgramLogSize") || !find(library.log, "nvrtcGetProgramLog") ||
      !find(library.destroy, "nvrtcDestroyProgram"))
    return std::fprintf(stderr, "error: %s is not NVRTC\n", argv[1]), 1;
  std::string include = std::string("-I") + argv[2];
  bool good = true;
  for (int i = 3; i < argc; ++i) {
    std::ifstream file(argv[i]);
    std::string source((std::istreambuf_iterator<char>(file)), {});
    if (source.empty())
      return std::fprintf(stderr, "error: %s cannot be read\n", argv[i]), 1;
    std::vector<const char *> options{"--gpu-architecture=compute_80", "-std=c++20", include.c_str()};
    good = compile(library, source, argv[i], options) && good;
    options[0] = "--gpu-architecture=compute_90a";
    options.push_back("-DJEPA_HOPPER");
    good = compile(library, source, argv[i], options) && good;
  }
  return good ? 0 : 1;
}
