//===- CheckCode.cpp - the code of a check's programs, kernels compiled once ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/driver/CheckCode.h"

#include "compiler/dialect/Dialect.h"
#include "compiler/target/Codegen.h"
#include "runtime/core/Error.h"

#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

using namespace mlir;
using namespace jepa;

ErrorText::ErrorText(MLIRContext *context)
    : handler(context, [this](Diagnostic &diagnostic) {
        if (message.empty() && diagnostic.getSeverity() == DiagnosticSeverity::Error)
          message = diagnostic.str();
        return success();
      }) {}

void ErrorText::require(bool good) {
  if (!good)
    throw rt::Error(message.empty() ? "it cannot be compiled" : message.substr(0, message.find('\n')));
}

/// A kernel that stands for itself: its first argument is where its range begins, and it refers to no symbol.
static bool isKernel(func::FuncOp function) {
  if (function.isExternal() || function.getNumArguments() < 3 || !function.getArgumentTypes()[0].isIndex())
    return false;
  auto uses = SymbolTable::getSymbolUses(&function.getBody());
  return uses && uses->empty();
}

static LoadedCode load(ModuleOp module, const Machine &machine, bool isLibrary,
                       const llvm::StringMap<void *> &symbols) {
  ErrorText errors(module.getContext());
  PassManager manager(module.getContext());
  buildKernelsToLLVMPipeline(manager, machine);
  errors.require(succeeded(manager.run(module)));
  llvm::LLVMContext llvmContext;
  CodegenOptions options;
  options.machine = machine;
  options.quick = true;
  options.library = isLibrary;
  std::unique_ptr<llvm::Module> translated = translateToLLVM(module, llvmContext, options);
  errors.require(translated != nullptr);
  FailureOr<SmallVector<char, 0>> object = emitObject(*translated, options, module.getLoc());
  errors.require(succeeded(object));
  llvm::Expected<LoadedCode> code = LoadedCode::load(*object, symbols);
  if (!code)
    throw rt::Error("its code cannot be loaded: " + llvm::toString(code.takeError()));
  return std::move(*code);
}

jepac_run_function CheckCode::compile(ModuleOp module, const Machine &machine) {
  {
    // What code generation begins with; here so that kernels which only differ in their spelling are one.
    ErrorText errors(module.getContext());
    PassManager manager(module.getContext());
    manager.addPass(createCanonicalizerPass());
    manager.addPass(createCSEPass());
    errors.require(succeeded(manager.run(module)));
  }
  OwningOpRef<ModuleOp> fresh = ModuleOp::create(module.getLoc());
  llvm::StringMap<std::string> renamed;
  llvm::StringSet<> declared;
  SmallVector<std::string> made;
  for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
    if (!isKernel(function))
      continue;
    std::string old = function.getSymName().str(), text;
    function.setSymName("kernel");
    llvm::raw_string_ostream os(text);
    function.print(os, OpPrintingFlags().useLocalScope());
    auto [place, isNew] = names.try_emplace(text, "kernel." + std::to_string(names.size()));
    const std::string &name = place->second;
    function.setSymName(name);
    renamed[old] = name;
    if (isNew) {
      func::FuncOp copy = function.clone();
      copy.setPublic();
      fresh->push_back(copy);
      made.push_back(name);
    }
    // Two kernels that only were lowered apart are one now.
    if (!declared.insert(name).second) {
      function.erase();
      continue;
    }
    function.eraseBody();
    function.setPrivate();
  }
  module.walk([&](LaunchOp launch) {
    if (auto found = renamed.find(launch.getKernel()); found != renamed.end())
      launch.setKernel(found->second);
  });
  module.walk([&](GemmOp product) {
    if (auto found = renamed.find(product.getEpilogue().value_or("")); found != renamed.end())
      product.setEpilogue(found->second);
  });

  if (!made.empty()) {
    loaded.push_back(load(*fresh, machine, true, {}));
    for (const std::string &name : made) {
      llvm::Expected<void *> address = loaded.back().find(name);
      if (!address)
        throw rt::Error("its code cannot be loaded: " + llvm::toString(address.takeError()));
      addresses[name] = *address;
    }
  }
  llvm::StringMap<void *> symbols = addresses;
  symbols["jepac_parallel_for"] = reinterpret_cast<void *>(&jepac_parallel_for);
  loaded.push_back(load(module, machine, false, symbols));
  llvm::Expected<void *> entry = loaded.back().find(entryName);
  if (!entry)
    throw rt::Error("its code cannot be loaded: " + llvm::toString(entry.takeError()));
  return reinterpret_cast<jepac_run_function>(*entry);
}
