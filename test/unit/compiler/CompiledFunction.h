//===- CompiledFunction.h - a function of tensors as code in this process -===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_TEST_UNIT_COMPILER_COMPILEDFUNCTION_H
#define JEPA_TEST_UNIT_COMPILER_COMPILEDFUNCTION_H

#include "compiler/target/Machine.h"
#include "runtime/core/Abi.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace jepa::test {

/// The named buffers of a compiled `jepa_run` and a way to run it.
class CompiledFunction {
public:
  /// Lowers a copy of `module`, whose `jepa_run` takes named arguments, to the target and loads its code; products run
  /// by plain loops. Every buffer is NaNs at first. Throws std::runtime_error with a diagnostic.
  CompiledFunction(mlir::ModuleOp module, const std::string &target, int64_t maxThreads = 64,
                   const jepa::Machine &machine = {});

  struct Place {
    std::string kind;
    std::vector<int64_t> shape;
    int64_t elements, offset;
    bool isBf16;
  };
  const std::map<std::string, Place> &places() const { return named; }

  template <class T> T *data(const std::string &name) {
    return reinterpret_cast<T *>(arena.get() + named.at(name).offset);
  }
  void run() { entry(arena.get()); }

private:
  struct Free {
    void operator()(std::byte *memory) const;
  };
  std::map<std::string, Place> named;
  std::unique_ptr<std::byte, Free> arena;
  std::unique_ptr<llvm::orc::LLJIT> jit;
  jepac_run_function entry = nullptr;
};

} // namespace jepa::test

#endif // JEPA_TEST_UNIT_COMPILER_COMPILEDFUNCTION_H
