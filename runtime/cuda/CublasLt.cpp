//===- CublasLt.cpp - cuBLASLt's API, opened on first use -----------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/cuda/CublasLt.h"

#include <dlfcn.h>

using namespace jepa::rt;
using namespace jepa::rt::cuda::lt;

static Library open() {
  void *handle = nullptr;
  std::string why;
  for (const char *name : {"libcublasLt.so.13", "libcublasLt.so.12"}) {
    handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (handle)
      break;
    const char *text = dlerror();
    why += (why.empty() ? "" : "; ") + std::string(text ? text : name);
  }
  if (!handle)
    throw Error("cuBLASLt (libcublasLt.so.13 or .12) could not be opened: " + why +
                "; install it (the package libcublas, or the pip package nvidia-cublas with LD_LIBRARY_PATH)");
  Library library;
#define JEPA_CUBLASLT_LOOKUP(name, symbol, parameters)                                                                 \
  library.name = reinterpret_cast<decltype(library.name)>(dlsym(handle, #symbol));                                     \
  if (!library.name)                                                                                                   \
    throw Error("cuBLASLt has no " #symbol "; install version 12 or later");
  JEPA_CUBLASLT_FUNCTIONS(JEPA_CUBLASLT_LOOKUP)
  JEPA_CUBLASLT_LOOKUP(version, cublasLtGetVersion, ())
#undef JEPA_CUBLASLT_LOOKUP
  return library;
}

const Library &Library::get() {
  static const Library library = open();
  return library;
}

/// cublasStatus_t's values.
static std::string nameOf(int status) {
  switch (status) {
  case 1: return "CUBLAS_STATUS_NOT_INITIALIZED";
  case 3: return "CUBLAS_STATUS_ALLOC_FAILED";
  case 7: return "CUBLAS_STATUS_INVALID_VALUE";
  case 8: return "CUBLAS_STATUS_ARCH_MISMATCH";
  case 11: return "CUBLAS_STATUS_MAPPING_ERROR";
  case 13: return "CUBLAS_STATUS_EXECUTION_FAILED";
  case 14: return "CUBLAS_STATUS_INTERNAL_ERROR";
  case 15: return "CUBLAS_STATUS_NOT_SUPPORTED";
  }
  return "status " + std::to_string(status);
}

void Library::check(int status, const std::string &what) {
  if (status == 13 || status == 14) // execution failed, internal error: the device may have faulted before
    throw Fault("cuBLASLt failed in " + what + ": " + nameOf(status));
  if (status != 0)
    throw Error("cuBLASLt refused " + what + ": " + nameOf(status));
}
