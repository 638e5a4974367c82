//===- Jit.cpp - object code in this process ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/Jit.h"

#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"

using namespace jepa;

LoadedCode::LoadedCode(std::unique_ptr<llvm::orc::LLJIT> jit) : jit(std::move(jit)) {}
LoadedCode::LoadedCode(LoadedCode &&) = default;
LoadedCode &LoadedCode::operator=(LoadedCode &&) = default;
LoadedCode::~LoadedCode() = default;

llvm::Expected<LoadedCode> LoadedCode::load(llvm::ArrayRef<char> object, const llvm::StringMap<void *> &symbols) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  auto made = llvm::orc::LLJITBuilder().create();
  if (!made)
    return made.takeError();
  LoadedCode code(std::move(*made));
  llvm::orc::JITDylib &library = code.jit->getMainJITDylib();
  llvm::orc::SymbolMap given;
  for (const auto &symbol : symbols)
    given[code.jit->mangleAndIntern(symbol.getKey())] = {llvm::orc::ExecutorAddr::fromPtr(symbol.getValue()),
                                                         llvm::JITSymbolFlags::Exported};
  if (llvm::Error error = library.define(llvm::orc::absoluteSymbols(std::move(given))))
    return error;
  auto process =
      llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(code.jit->getDataLayout().getGlobalPrefix());
  if (!process)
    return process.takeError();
  library.addGenerator(std::move(*process));
  auto buffer = llvm::MemoryBuffer::getMemBufferCopy({object.data(), object.size()}, "jepa");
  if (llvm::Error error = code.jit->addObjectFile(std::move(buffer)))
    return error;
  return code;
}

llvm::Expected<void *> LoadedCode::find(llvm::StringRef name) {
  auto address = jit->lookup(name);
  if (!address)
    return address.takeError();
  return address->toPtr<void *>();
}
