//===- Jit.h - object code in this process ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_JIT_H
#define JEPA_COMPILER_TARGET_JIT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

#include <memory>

namespace llvm::orc {
class LLJIT;
} // namespace llvm::orc

namespace jepa {

/// Object code that runs in this process until it is destroyed.
class LoadedCode {
public:
  /// Loads `object`. What it calls is looked for in `symbols`, then in this process (the C library, and what the program
  /// exports of the runtime).
  static llvm::Expected<LoadedCode> load(llvm::ArrayRef<char> object, const llvm::StringMap<void *> &symbols = {});

  LoadedCode(LoadedCode &&);
  LoadedCode &operator=(LoadedCode &&);
  ~LoadedCode();

  /// The address of a function.
  llvm::Expected<void *> find(llvm::StringRef name);

private:
  explicit LoadedCode(std::unique_ptr<llvm::orc::LLJIT> jit);
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_JIT_H
