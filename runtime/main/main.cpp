//===- main.cpp - the base of every artifact -----------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/core/Error.h"
#include "runtime/main/Commands.h"

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <new>

using namespace jepa::rt;

int main(int argc, char **argv) {
  // A limit on file sizes is an error of write, not a death.
  std::signal(SIGXFSZ, SIG_IGN);
  std::string program =
      argc > 0 ? std::filesystem::path(argv[0]).filename().string() : "jepa-runtime";
  try {
    int code = runCommand(program, {argv + (argc > 0 ? 1 : 0), argv + argc});
    if (std::fflush(stdout) != 0)
      throw Error("cannot write to standard output");
    return code;
  } catch (const Error &error) {
    std::fflush(stdout);
    std::fprintf(stderr, "error: %s\n", error.what());
    return error.exitCode;
  } catch (const std::bad_alloc &) {
    std::fprintf(stderr, "error: out of memory: free some, or build for a smaller batch\n");
    return 1;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "error: internal error: %s; please report it with the command line\n",
                 oneLine(error.what()).c_str());
    return 1;
  }
}
