//===- Abi.h - what generated code and the runtime call of each other -----===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Generated code imports the functions below from the executable that loaded
// it and exports `jepa_run`. Nothing throws across this border. Plain C.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_CORE_ABI_H
#define JEPA_RUNTIME_CORE_ABI_H

#include <stdint.h>

#if defined(__GNUC__)
#define JEPAC_EXPORT __attribute__((visibility("default"), used))
#else
#define JEPAC_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

/// A slice [begin, end) of a parallel loop. `thread` is below the number of
/// threads and no two slices run at once with the same one.
typedef void (*jepac_kernel)(void *const *args, int64_t begin, int64_t end, int64_t thread);

/// Runs `kernel` over [0, count) in slices of `grain` (the last may be
/// shorter). The slices do not depend on the number of threads; which thread
/// takes which does. Returns when all are done. Called from within a kernel it
/// runs its slices on the calling thread.
JEPAC_EXPORT void jepac_parallel_for(jepac_kernel kernel, void *const *args, int64_t count,
                                     int64_t grain);

/// What a matrix holds.
enum { JEPAC_F32 = 0, JEPAC_BF16 = 1, JEPAC_E4M3 = 2 };

/// C[m,n] = op(A)[m,k] op(B)[k,n], row-major. `op` transposes where its flag is
/// set; lda, ldb, ldc are the row strides, in elements, of the matrices as they
/// are stored. A and B hold `inputs`, C holds `result`; sums are f32, rounded
/// once. With `roundsB`, B holds f32 where A holds bf16, and counts as rounded to
/// bf16. With `packedB`, B is what jepac_gemm_pack made of it; ldb and transB are
/// those that it was packed from. Where there is an epilogue it works on parts of
/// epilogueRows x epilogueColumns elements of C, less at its ends, counted along
/// rows of parts.
typedef struct {
  int64_t m, n, k, lda, ldb, ldc;
  int32_t transA, transB, packedB, inputs, result, roundsB;
  int64_t epilogueRows, epilogueColumns;
} jepac_gemm_desc;

/// Runs a product; `bias` (n elements, added to every row) may be null. `scratch`
/// holds at least jepac_gemm_scratch_bytes(d, threads of the pool) bytes. The
/// result does not depend on the number of threads, bit for bit.
///
/// `epilogue`, which may be null, gets each part once, as a slice of one, when all
/// of the part's elements are in C: on the thread that wrote the last of them,
/// while the others go on. It may change them, and whatever no product reads. (A
/// product that fails gives all parts again, when C is filled with NaN.)
JEPAC_EXPORT void jepac_gemm(const jepac_gemm_desc *d, void *c, const void *a, const void *b,
                             const float *bias, void *scratch, jepac_kernel epilogue,
                             void *const *args);

/// Scratch that a product needs at most, with or without bias, on that many
/// threads. Asked when an artifact is built and again when it starts. -1 when
/// the GEMM library is missing or refuses the shape.
JEPAC_EXPORT int64_t jepac_gemm_scratch_bytes(const jepac_gemm_desc *d, int64_t threads);

/// Brings B into the layout that the library multiplies fastest, for every
/// product with this n, k and `inputs`, whatever its m. `packed` holds
/// jepac_gemm_packed_bytes(d) and starts at a multiple of 64 bytes; `scratch` as
/// for the product.
JEPAC_EXPORT void jepac_gemm_pack(const jepac_gemm_desc *d, void *packed, const void *b,
                                  void *scratch);
JEPAC_EXPORT int64_t jepac_gemm_packed_bytes(const jepac_gemm_desc *d);

/// A launch of one of the artifact's kernels: blocks of the grid, threads and
/// bytes of dynamic shared memory of a block. All of a kernel's `args` parameters
/// are addresses in device memory.
typedef struct {
  const char *kernel;
  uint32_t grid[3], threads, sharedBytes, args;
} jepac_launch_desc;

/// Puts a kernel into the current program's stream.
JEPAC_EXPORT void jepac_launch(const jepac_launch_desc *d, void *const *args);

/// What a product on the device does to its result before it stores it.
///   BIAS        adds bias[n] to every row
///   GELU        stores gelu(result + bias), and result + bias in aux, for the adjoint, if there is one
///   DGELU       stores result * gelu'(aux), and its sums over the rows in bias, if there is one
///   BIAS_GRAD   stores, beside the product, the sums of A's columns in bias[m]
/// Where the library computes the tanh form of gelu, that is what these mean.
enum {
  JEPAC_EPILOGUE_NONE,
  JEPAC_EPILOGUE_BIAS,
  JEPAC_EPILOGUE_GELU,
  JEPAC_EPILOGUE_DGELU,
  JEPAC_EPILOGUE_BIAS_GRAD
};

/// As jepac_gemm_desc, in device memory. `inputs` may be JEPAC_E4M3: A and B are
/// then multiplied by a scale each, in device memory, or null; the library takes
/// that with transB and without transA only, sizes and strides being multiples of 16.
/// aux holds `result` at the row stride `auxiliary`, a multiple of 8, from a
/// multiple of 16 bytes on. The bias holds `biasType`: `result`, or bf16 where the
/// inputs are e4m3. No result may lie where an input does.
typedef struct {
  int64_t m, n, k, lda, ldb, ldc, auxiliary, workspaceBytes;
  int32_t transA, transB, inputs, result, epilogue, biasType;
} jepac_device_gemm_desc;

/// Puts a product into the current program's stream. `bias`, `aux` and the scales
/// are null where `d` has no use for them.
JEPAC_EXPORT void jepac_device_gemm(const jepac_device_gemm_desc *d, void *c, const void *a,
                                    const void *b, void *bias, void *aux, const float *scaleA,
                                    const float *scaleB, void *workspace);

/// Steps on a device run call by call at first and are then recorded once and
/// replayed: `jepa_run` makes the same calls with the same addresses every time.
///
/// What generated code for a device exports beside `jepa_run`: the device code
/// (a cubin, from a multiple of 64 bytes on) as `jepa_device_code`, its length in bytes as the int64_t
/// `jepa_device_code_size`. There `jepa_run` takes the arena's address in device memory.

/// What generated code exports as `jepa_run`: one training step (task train) or
/// one forward pass (task embed) over the arena.
typedef void (*jepac_run_function)(void *arena);

#ifdef __cplusplus
}
#endif

#endif // JEPA_RUNTIME_CORE_ABI_H
