//===- Machine.cpp - the processor that code is generated for ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/Machine.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

using namespace jepa;

static const llvm::Target *findTarget(std::string &why) {
  [[maybe_unused]] static bool initialized =
      (llvm::InitializeNativeTarget(), llvm::InitializeNativeTargetAsmPrinter(), true);
  return llvm::TargetRegistry::lookupTarget(llvm::Triple(llvm::sys::getProcessTriple()), why);
}

static std::unique_ptr<llvm::MCSubtargetInfo> describe(const std::string &processor, const std::string &changes) {
  std::string why;
  const llvm::Target *target = findTarget(why);
  if (!target)
    return nullptr;
  llvm::Triple triple(llvm::sys::getProcessTriple());
  return std::unique_ptr<llvm::MCSubtargetInfo>(target->createMCSubtargetInfo(triple, processor, changes));
}

/// This processor, whose system may keep some of its features from programs.
static std::string hostChanges() {
  std::vector<std::string> changes;
  for (const auto &feature : llvm::sys::getHostCPUFeatures())
    changes.push_back((feature.second ? "+" : "-") + feature.first().str());
  // A hash table gave them in no order.
  llvm::sort(changes);
  return llvm::join(changes, ",");
}

Machine::Machine(std::string processor, std::string changes)
    : processor(std::move(processor)), changes(std::move(changes)) {
  auto subtarget = describe(this->processor, this->changes);
  if (!subtarget)
    return;
  for (const llvm::SubtargetFeatureKV &feature : subtarget->getEnabledProcessorFeatures())
    enabled.push_back(feature.Key);
  llvm::sort(enabled);
}

Machine::Machine() : Machine(llvm::sys::getHostCPUName().str(), hostChanges()) {}

bool Machine::has(llvm::StringRef feature) const {
  return std::binary_search(enabled.begin(), enabled.end(), feature,
                            [](llvm::StringRef a, llvm::StringRef b) { return a < b; });
}

std::optional<Machine> Machine::parse(llvm::StringRef text, std::string &why) {
  auto subtarget = describe("", "");
  std::string processor = "native";
  llvm::SmallVector<llvm::StringRef> items, changes;
  text.split(items, ',', -1, /*KeepEmpty=*/false);
  if (items.empty()) {
    why = "names no processor; use native, x86-64-v3, x86-64-v4, or a name that clang -march takes";
    return std::nullopt;
  }
  for (llvm::StringRef item : items) {
    bool isChange = item.starts_with("+") || item.starts_with("-");
    if (!isChange && item.data() != items.front().data()) {
      why = "'" + item.str() + "' must come first, or begin with + or -";
      return std::nullopt;
    }
    if (!isChange) {
      processor = item.str();
      if (processor != "native" && subtarget && !subtarget->isCPUStringValid(processor)) {
        why = "there is no processor '" + processor +
              "'; use native, x86-64-v3, x86-64-v4, or a name that clang -march takes";
        return std::nullopt;
      }
      continue;
    }
    if (subtarget && llvm::none_of(subtarget->getAllProcessorFeatures(), [&](const llvm::SubtargetFeatureKV &known) {
          return item.drop_front() == known.Key;
        })) {
      why =
          "there is no feature '" + item.drop_front().str() + "'; use clang's names, such as avx2, avx512f, avx512bf16";
      return std::nullopt;
    }
    changes.push_back(item);
  }
  if (processor != "native")
    return Machine(processor, llvm::join(changes, ","));
  std::string own = hostChanges();
  changes.insert(changes.begin(), own);
  return Machine(llvm::sys::getHostCPUName().str(), llvm::join(changes, ","));
}

std::unique_ptr<llvm::TargetMachine> Machine::createTargetMachine(bool quick, std::string &why) const {
  const llvm::Target *target = findTarget(why);
  if (!target)
    return nullptr;
  // O2: on these kernels O3 gains nothing and takes longer.
  auto level = quick ? llvm::CodeGenOptLevel::None : llvm::CodeGenOptLevel::Default;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      llvm::Triple(llvm::sys::getProcessTriple()), processor, changes, {}, llvm::Reloc::PIC_, std::nullopt, level));
}
