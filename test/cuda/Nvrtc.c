//===- Nvrtc.c - NVRTC, with a note of each program that it compiles -------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Stands before the real library in LD_LIBRARY_PATH and passes calls on. Each
// program that is compiled is a line in the file $COMPILED.
//
//===----------------------------------------------------------------------===//
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static void *find(const char *name) {
  static void *library;
  if (!library)
    library = dlopen(REAL_NVRTC, RTLD_NOW | RTLD_LOCAL);
  void *function = library ? dlsym(library, name) : 0;
  if (!function) {
    fprintf(stderr, "error: %s has no %s\n", REAL_NVRTC, name);
    exit(1);
  }
  return function;
}

#define FORWARD(NAME, PARAMETERS, ...)                                                                                 \
  int NAME PARAMETERS { return ((int(*) PARAMETERS)find(#NAME))(__VA_ARGS__); }
FORWARD(nvrtcVersion, (int *major, int *minor), major, minor)
FORWARD(nvrtcCreateProgram,
        (void **program, const char *source, const char *name, int count, const char *const *texts,
         const char *const *names),
        program, source, name, count, texts, names)
FORWARD(nvrtcDestroyProgram, (void **program), program)
FORWARD(nvrtcGetCUBINSize, (void *program, size_t *size), program, size)
FORWARD(nvrtcGetCUBIN, (void *program, char *code), program, code)
FORWARD(nvrtcGetProgramLogSize, (void *program, size_t *size), program, size)
FORWARD(nvrtcGetProgramLog, (void *program, char *log), program, log)

int nvrtcCompileProgram(void *program, int count, const char *const *options) {
  FILE *file = fopen(getenv("COMPILED"), "a");
  if (!file || fputs("one program\n", file) < 0 || fclose(file)) {
    fprintf(stderr, "error: no note in $COMPILED\n");
    exit(1);
  }
  return ((int (*)(void *, int, const char *const *))find("nvrtcCompileProgram"))(program, count, options);
}
