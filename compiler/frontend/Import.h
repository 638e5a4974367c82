//===- Import.h - from a traced model to the jepa dialect -----------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_FRONTEND_IMPORT_H
#define JEPA_COMPILER_FRONTEND_IMPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace jepa {

struct Graph;

/// What the elements of Element::Real become.
enum class RealType { F32, F64 };

struct ImportOptions {
  RealType elementType = RealType::F32;
  /// Keep "tap" nodes; without it they leave nothing behind.
  bool keepTaps = false;
  /// Give every mask "m" a companion argument "m.length", one i32: how many of its entries count in a run.
  bool raggedMasks = false;
  /// Give every mask "m" [clips, subset] a companion argument "m.bounds", clips + 1 of i32: where each clip's entries
  /// begin when they stand one after the other. Not together with raggedMasks.
  bool packedMasks = false;
};

/// Writes `graph` as a module with one function, `jepa_run`. A node "linear" becomes `jepa.linear`, whatever the
/// dialect has under that name: its operands, attributes and result types are copied, its module path becomes
/// `jepa.scope`, and its location is the model's own line. "input" nodes become arguments (`jepa.name`, `jepa.mask`);
/// the loss is the first result, named "loss", and "output" nodes follow under their names, in order.
///
/// A graph that is malformed, or whose ops do not verify, is reported as a diagnostic at the line that wrote the node.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> importGraph(mlir::MLIRContext &context, const Graph &graph,
                                                               const ImportOptions &options);

} // namespace jepa

#endif // JEPA_COMPILER_FRONTEND_IMPORT_H
