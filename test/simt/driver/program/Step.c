//===- Step.c - a small program's step, as the compiler would write it ----===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/core/Abi.h"
#include "simt/driver/program/Layout.h"

/// What takes the place of a cubin: the shared object of Kernels.cu.
__asm__(".section .rodata\n"
        ".global jepa_device_code\n"
        ".balign 64\n"
        "jepa_device_code: .incbin \"" DEVICE_CODE "\"\n"
        ".global jepa_device_code_size\n"
        ".balign 8\n"
        "jepa_device_code_size: .quad . - jepa_device_code\n"
        ".previous\n");

static void *at(void *arena, int64_t offset) { return (char *)arena + offset; }

#define LAUNCH(name, blocks, shared, ...)                                                                              \
  do {                                                                                                                 \
    void *args[] = {__VA_ARGS__};                                                                                      \
    jepac_launch_desc d = {name, {blocks, 1, 1}, 128, shared, sizeof(args) / sizeof(*args)};                           \
    jepac_launch(&d, args);                                                                                            \
  } while (0)

static void features(void *arena) {
  jepac_device_gemm_desc d = {.m = BATCH,
                              .n = WIDTH,
                              .k = PIXELS,
                              .lda = PIXELS,
                              .ldb = PIXELS,
                              .ldc = WIDTH,
                              .workspaceBytes = WORKSPACE,
                              .transB = 1,
                              .epilogue = JEPAC_EPILOGUE_BIAS};
  LAUNCH("read_clip", 1, 0, at(arena, AT_PIXELS), at(arena, AT_CLIP), at(arena, AT_CLIP_BYTES));
  jepac_device_gemm(&d, at(arena, AT_FEATURES), at(arena, AT_PIXELS), at(arena, AT_WEIGHT), at(arena, AT_BIAS), 0, 0, 0,
                    at(arena, AT_WORKSPACE));
}

// The sizes of the kernels' shared memory; on the host an array has 16 bytes after it.
enum { GOAL_SHARED = (64 << 10) + 16, SUMS_SHARED = 32 };

#ifdef EMBED
void jepa_run(void *arena) {
  features(arena);
  LAUNCH("overwrite_clip", 1, 0, at(arena, AT_CLIP));
}
#else
void jepa_run(void *arena) {
  LAUNCH("make_goal", 1, GOAL_SHARED, at(arena, AT_GOAL), at(arena, AT_CONTEXT), at(arena, AT_TARGET));
  features(arena);
  LAUNCH("loss_partial", 1, SUMS_SHARED, at(arena, AT_PARTIAL), at(arena, AT_FEATURES), at(arena, AT_GOAL));
  LAUNCH("loss", 1, SUMS_SHARED, at(arena, AT_LOSS), at(arena, AT_ONE), at(arena, AT_PARTIAL));
  LAUNCH("loss_grad", 1, 0, at(arena, AT_FEATURES_GRAD), at(arena, AT_ONE), at(arena, AT_FEATURES), at(arena, AT_GOAL));
  jepac_device_gemm_desc d = {.m = WIDTH,
                              .n = PIXELS,
                              .k = BATCH,
                              .lda = WIDTH,
                              .ldb = PIXELS,
                              .ldc = PIXELS,
                              .workspaceBytes = WORKSPACE,
                              .transA = 1,
                              .epilogue = JEPAC_EPILOGUE_BIAS_GRAD};
  jepac_device_gemm(&d, at(arena, AT_WEIGHT_GRAD), at(arena, AT_FEATURES_GRAD), at(arena, AT_PIXELS),
                    at(arena, AT_BIAS_GRAD), 0, 0, 0, at(arena, AT_WORKSPACE));
  LAUNCH("squared_norm", CHUNKS, SUMS_SHARED, at(arena, AT_PARTIAL), arena);
  LAUNCH("gradient_norm", 1, SUMS_SHARED, at(arena, AT_NORM), at(arena, AT_PARTIAL));
  LAUNCH("adamw", CHUNKS, 0, arena, at(arena, AT_HYPER));
  LAUNCH("overwrite_clip", 1, 0, at(arena, AT_CLIP));
}
#endif
