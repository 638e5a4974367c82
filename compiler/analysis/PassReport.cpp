//===- PassReport.cpp - what passes counted ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/analysis/PassReport.h"

#include "compiler/dialect/Dialect.h"

#include "mlir/IR/SymbolTable.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace jepa;

void PassReport::attach(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *, JepaDialect *dialect) { dialect->addInterfaces<PassReport>(); });
}

PassReport *PassReport::get(MLIRContext *context) {
  Dialect *dialect = context->getLoadedDialect<JepaDialect>();
  return dialect ? dialect->getRegisteredInterface<PassReport>() : nullptr;
}

void PassReport::count(Operation *scope, StringRef pass, StringRef what, int64_t value) {
  PassReport *report = get(scope->getContext());
  if (!report)
    return;
  auto name = scope->getAttrOfType<StringAttr>(SymbolTable::getSymbolAttrName());
  std::lock_guard<std::mutex> lock(report->mutex);
  if (report->pauses)
    return;
  auto entry = llvm::find_if(report->entries, [&](const Entry &known) { return known.pass == pass; });
  if (entry == report->entries.end())
    entry = report->entries.insert(entry, {pass.str(), {}});
  entry->scopes[name ? name.str() : "module"][what.str()] += value;
}

PassReport::Pause::Pause(MLIRContext *context) : report(get(context)) {
  if (!report)
    return;
  std::lock_guard<std::mutex> lock(report->mutex);
  ++report->pauses;
}

PassReport::Pause::~Pause() {
  if (!report)
    return;
  std::lock_guard<std::mutex> lock(report->mutex);
  --report->pauses;
}

void PassReport::print(llvm::raw_ostream &os, Format format) const {
  std::lock_guard<std::mutex> lock(mutex);
  if (format == Format::Json) {
    llvm::json::OStream json(os, 2);
    json.object([&] {
      json.attributeArray("passes", [&] {
        for (const Entry &entry : entries)
          json.object([&] {
            json.attribute("pass", entry.pass);
            json.attributeObject("scopes", [&] {
              for (const auto &[scope, counters] : entry.scopes)
                json.attributeObject(scope, [&] {
                  for (const auto &[what, value] : counters)
                    json.attribute(what, value);
                });
            });
          });
      });
    });
    os << "\n";
    return;
  }
  for (const Entry &entry : entries)
    for (const auto &[scope, counters] : entry.scopes) {
      os << entry.pass << " @" << scope << "\n";
      for (const auto &[what, value] : counters)
        os << llvm::format("  %16lld  ", static_cast<long long>(value)) << what << "\n";
    }
}
