//===- OneDnn.h - oneDNN's C API, opened on first use ---------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The library is opened with dlopen, so that a binary starts where it is not
// installed. Included by runtime/gemm alone, and only if JEPAC_WITH_ONEDNN.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_GEMM_ONEDNN_H
#define JEPA_RUNTIME_GEMM_ONEDNN_H

#include <oneapi/dnnl/dnnl.h>

#include <memory>

namespace jepa::rt {

// Every function of oneDNN that the runtime calls, without its prefix.
#define JEPA_ONEDNN_FUNCTIONS(X)                                                                   \
  X(get_effective_cpu_isa)                                                                         \
  X(engine_create)                                                                                 \
  X(stream_create)                                                                                 \
  X(stream_destroy)                                                                                \
  X(memory_desc_init_by_strides)                                                                   \
  X(memory_desc_init_by_tag)                                                                       \
  X(memory_desc_init_submemory)                                                                    \
  X(memory_desc_get_size)                                                                          \
  X(memory_create)                                                                                 \
  X(memory_destroy)                                                                                \
  X(matmul_desc_init)                                                                              \
  X(primitive_attr_create)                                                                         \
  X(primitive_attr_destroy)                                                                        \
  X(primitive_attr_set_scratchpad_mode)                                                            \
  X(primitive_desc_create)                                                                         \
  X(reorder_primitive_desc_create)                                                                 \
  X(primitive_desc_query_md)                                                                       \
  X(primitive_desc_destroy)                                                                        \
  X(primitive_create)                                                                              \
  X(primitive_execute)                                                                             \
  X(primitive_destroy)

/// The opened library.
struct OneDnn {
#define JEPA_ONEDNN_MEMBER(name) decltype(&::dnnl_##name) name = nullptr;
  JEPA_ONEDNN_FUNCTIONS(JEPA_ONEDNN_MEMBER)
#undef JEPA_ONEDNN_MEMBER
  dnnl_engine_t engine = nullptr;
  void (*ompSetThreads)(int) = nullptr;

  /// The library, opened by the first call; throws Error when it cannot be.
  static const OneDnn &get();

  /// This thread's stream. The first call on a thread also tells OpenMP that
  /// the library has this one thread there. Null when oneDNN refuses.
  dnnl_stream_t stream() const;
};

/// Throws Error, naming `what`, unless `status` is a success.
void checkOneDnn(dnnl_status_t status, const char *what);

/// A primitive and what it needs to run. Immutable once made, used by many
/// threads at once (the scratchpad is the caller's).
class Primitive {
public:
  /// Takes over `description`.
  explicit Primitive(dnnl_primitive_desc_t description);
  ~Primitive();
  Primitive(const Primitive &) = delete;
  Primitive &operator=(const Primitive &) = delete;

  std::size_t scratchBytes() const;

  /// One argument: where it goes, its layout, its data.
  struct Argument {
    int index;
    const dnnl_memory_desc_t *layout;
    const void *data;
  };

  /// Runs on this thread. `scratch` has scratchBytes(). Returns whether it did.
  bool run(const Argument *arguments, int count, void *scratch) const noexcept;

  /// The layout that the primitive chose for an argument.
  const dnnl_memory_desc_t &layout(dnnl_query_t argument) const;

private:
  dnnl_primitive_desc_t description;
  dnnl_primitive_t primitive = nullptr;
};

/// The matmul of those layouts; `bias` may be null.
std::unique_ptr<Primitive> makeMatmul(const dnnl_memory_desc_t &source,
                                      const dnnl_memory_desc_t &weights,
                                      const dnnl_memory_desc_t *bias,
                                      const dnnl_memory_desc_t &result);

std::unique_ptr<Primitive> makeReorder(const dnnl_memory_desc_t &from,
                                       const dnnl_memory_desc_t &to);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_GEMM_ONEDNN_H
