//===- OneDnn.cpp - oneDNN's C API, opened on first use -------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/gemm/OneDnn.h"

#include "runtime/core/Error.h"

#include <dlfcn.h>

#include <array>
#include <string>

static_assert(DNNL_VERSION_MAJOR == 2, "libdnnl.so.2 is opened: its headers are needed");

using namespace jepa::rt;

void jepa::rt::checkOneDnn(dnnl_status_t status, const char *what) {
  if (status != dnnl_success)
    throw Error(std::string("oneDNN refused ") + what + " with status " +
                std::to_string(static_cast<int>(status)));
}

static OneDnn open() {
  void *handle = dlopen("libdnnl.so.2", RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *why = dlerror();
    throw Error(std::string("oneDNN (libdnnl.so.2) could not be opened: ") +
                (why ? why : "unknown reason") + "; install libdnnl2");
  }
  OneDnn library;
#define JEPA_ONEDNN_LOOKUP(name)                                                                   \
  library.name = reinterpret_cast<decltype(&::dnnl_##name)>(dlsym(handle, "dnnl_" #name));         \
  if (!library.name)                                                                               \
    throw Error("oneDNN (libdnnl.so.2) has no dnnl_" #name "; install libdnnl2 2.6 or later");
  JEPA_ONEDNN_FUNCTIONS(JEPA_ONEDNN_LOOKUP)
#undef JEPA_ONEDNN_LOOKUP
  // Found among the library's own dependencies, whichever OpenMP that is.
  library.ompSetThreads = reinterpret_cast<void (*)(int)>(dlsym(handle, "omp_set_num_threads"));
  if (library.ompSetThreads)
    library.ompSetThreads(1);
  checkOneDnn(library.engine_create(&library.engine, dnnl_cpu, 0), "an engine");
  return library;
}

const OneDnn &OneDnn::get() {
  static const OneDnn library = open();
  return library;
}

dnnl_stream_t OneDnn::stream() const {
  struct Local {
    dnnl_stream_t stream = nullptr;
    const OneDnn *owner = nullptr;
    ~Local() {
      if (stream)
        owner->stream_destroy(stream);
    }
  };
  static thread_local Local local;
  if (!local.stream) {
    if (ompSetThreads)
      ompSetThreads(1);
    if (stream_create(&local.stream, engine, dnnl_stream_default_flags) != dnnl_success)
      local.stream = nullptr;
    local.owner = this;
  }
  return local.stream;
}

Primitive::Primitive(dnnl_primitive_desc_t description) : description(description) {
  const OneDnn &dnn = OneDnn::get();
  dnnl_status_t status = dnn.primitive_create(&primitive, description);
  if (status != dnnl_success)
    dnn.primitive_desc_destroy(description);
  checkOneDnn(status, "a primitive");
}

Primitive::~Primitive() {
  const OneDnn &dnn = OneDnn::get();
  dnn.primitive_destroy(primitive);
  dnn.primitive_desc_destroy(description);
}

const dnnl_memory_desc_t &Primitive::layout(dnnl_query_t argument) const {
  return *OneDnn::get().primitive_desc_query_md(description, argument, 0);
}

std::size_t Primitive::scratchBytes() const {
  return OneDnn::get().memory_desc_get_size(&layout(dnnl_query_scratchpad_md));
}

bool Primitive::run(const Argument *arguments, int count, void *scratch) const noexcept {
  const OneDnn &dnn = OneDnn::get();
  std::array<dnnl_exec_arg_t, 6> list{};
  int used = 0;
  bool good = true;
  auto add = [&](int index, const dnnl_memory_desc_t *layout, void *data) {
    dnnl_memory_t memory = nullptr;
    good = good && dnn.memory_create(&memory, layout, dnn.engine, data) == dnnl_success;
    if (memory)
      list[static_cast<std::size_t>(used++)] = {index, memory};
  };
  for (int i = 0; i < count; ++i)
    add(arguments[i].index, arguments[i].layout, const_cast<void *>(arguments[i].data));
  add(DNNL_ARG_SCRATCHPAD, &layout(dnnl_query_scratchpad_md), scratch);
  dnnl_stream_t stream = dnn.stream();
  good =
      good && stream && dnn.primitive_execute(primitive, stream, used, list.data()) == dnnl_success;
  for (int i = 0; i < used; ++i)
    dnn.memory_destroy(list[static_cast<std::size_t>(i)].memory);
  return good;
}

/// Attributes with the scratchpad in the caller's hands, until it goes.
namespace {
struct Attributes {
  dnnl_primitive_attr_t attributes = nullptr;

  Attributes() {
    const OneDnn &dnn = OneDnn::get();
    checkOneDnn(dnn.primitive_attr_create(&attributes), "attributes");
    dnn.primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
  }
  ~Attributes() { OneDnn::get().primitive_attr_destroy(attributes); }
};
} // namespace

std::unique_ptr<Primitive> jepa::rt::makeMatmul(const dnnl_memory_desc_t &source,
                                                const dnnl_memory_desc_t &weights,
                                                const dnnl_memory_desc_t *bias,
                                                const dnnl_memory_desc_t &result) {
  const OneDnn &dnn = OneDnn::get();
  Attributes attributes;
  dnnl_matmul_desc_t operation;
  checkOneDnn(dnn.matmul_desc_init(&operation, &source, &weights, bias, &result), "a product");
  dnnl_primitive_desc_t description = nullptr;
  checkOneDnn(dnn.primitive_desc_create(&description, &operation, attributes.attributes, dnn.engine,
                                        nullptr),
              "a product");
  return std::make_unique<Primitive>(description);
}

std::unique_ptr<Primitive> jepa::rt::makeReorder(const dnnl_memory_desc_t &from,
                                                 const dnnl_memory_desc_t &to) {
  const OneDnn &dnn = OneDnn::get();
  Attributes attributes;
  dnnl_primitive_desc_t description = nullptr;
  checkOneDnn(dnn.reorder_primitive_desc_create(&description, &from, dnn.engine, &to, dnn.engine,
                                                attributes.attributes),
              "a change of layout");
  return std::make_unique<Primitive>(description);
}
