//===- DeviceKernel.h - kernels written in the device library's words ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A kernel is an `emitc.func` of addresses; what it calls is declared in
// compiler/target/cuda/device. Texts here are C++.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_CUDA_DEVICEKERNEL_H
#define JEPA_COMPILER_TARGET_CUDA_DEVICEKERNEL_H

#include "compiler/target/KernelContext.h"

#include "mlir/Dialect/EmitC/IR/EmitC.h"

namespace jepa {

/// Attributes of a kernel: the struct that says how many threads and how much shared memory a block has, its launch
/// bounds where they are more than the threads, its parameters' names and how many of them, from the first, are
/// written, the header of the device library that it needs; of an op in it, the name of its result; of a loop, the
/// library's function that does the walking.
inline constexpr llvm::StringLiteral blockAttr = "jepa.block", boundsAttr = "jepa.bounds", namesAttr = "jepa.names",
                                     writesAttr = "jepa.writes", headerAttr = "jepa.header",
                                     resultNameAttr = "jepa.result", walkAttr = "jepa.walk";
/// Of a launch, once the device code is compiled: threads of a block, bytes of shared memory.
inline constexpr llvm::StringLiteral launchThreadsAttr = "jepa.threads", launchSharedAttr = "jepa.shared_bytes";

/// "float", "bf16", "e4m3", "int": what the device library calls an element type.
std::string deviceType(mlir::Type element);
/// Blocks that `items` need, `each` to a block.
inline int64_t blocksFor(int64_t items, int64_t each) { return (items + each - 1) / each; }
/// A C++ literal of a float.
std::string floatText(double value);

/// A kernel's parameter: the buffer that a launch passes, and what the text calls it.
struct DeviceBuffer {
  std::string name;
  mlir::Value buffer;
};

/// `Rows<const bf16>{x, 1024}`: the buffer, by its parameter's name, as the device library's rows.
std::string rowsText(const DeviceBuffer &buffer, bool isConst);

/// How a kernel is launched.
struct DeviceLaunch {
  std::string name;
  /// The device library's struct with `threads` and, if it has shared memory, `Shared`; and its header.
  std::string block, header;
  std::array<int64_t, 3> grid;
  /// What __launch_bounds__ gets; the block's threads if empty.
  std::string bounds = "";
};

/// The body of one kernel.
struct DeviceKernel {
  mlir::OpBuilder &builder;
  mlir::Location loc;
  llvm::SmallVector<mlir::Value> parameters;

  /// An expression, where it is used.
  mlir::Value text(const llvm::Twine &expression);
  mlir::Value number(int64_t value) { return text(llvm::Twine(value)); }
  /// `auto name = callee(arguments);`
  mlir::Value call(const llvm::Twine &callee, mlir::ValueRange arguments, llvm::StringRef name);
  /// `auto name = expression;`
  mlir::Value define(const llvm::Twine &expression, llvm::StringRef name);
  /// `callee(arguments);`
  void run(const llvm::Twine &callee, mlir::ValueRange arguments);
  /// `type name;`
  void declare(llvm::StringRef type, llvm::StringRef name);
  /// `walk, [&](int name) { body(name) });`, where `walk` is a call of the library up to its last argument.
  void forEach(const llvm::Twine &walk, llvm::StringRef name, llvm::function_ref<void(mlir::Value)> body);
};

/// Launches a kernel; launches with equal text share one.
DeviceLaunchOp launchOnDevice(KernelContext &context, const DeviceLaunch &launch, llvm::ArrayRef<DeviceBuffer> writes,
                              llvm::ArrayRef<DeviceBuffer> reads, llvm::function_ref<void(DeviceKernel &)> body);

/// Buffers that a kernel finds in a table: see jepa.device_launch.
struct DeviceTable {
  std::string entry;
  int64_t columns;
  llvm::SmallVector<mlir::Value> places;
  llvm::SmallVector<int64_t> numbers;

  void addPlace(mlir::Value buffer);
  void addNumber(int64_t number) { numbers.push_back(number < 0 ? -1 : -2 - number); }
  int64_t rows() const { return static_cast<int64_t>(numbers.size()) / columns; }
};
/// The same with a table; in the body, the arena is parameter 0.
DeviceLaunchOp launchOnDevice(KernelContext &context, const DeviceLaunch &launch, llvm::ArrayRef<DeviceBuffer> writes,
                              llvm::ArrayRef<DeviceBuffer> reads, const DeviceTable &table,
                              llvm::function_ref<void(DeviceKernel &, mlir::Value table)> body);

/// What a product does to its result; see jepa.device_gemm.
struct ProductEpilogue {
  llvm::StringRef kind = "none";
  mlir::Value bias = {}, aux = {}, scale = {};
};
/// Calls the device's GEMM library.
void productOnDevice(KernelContext &context, const Product &product, mlir::Value c, mlir::Value a, mlir::Value b,
                     const ProductEpilogue &epilogue = {});

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_CUDA_DEVICEKERNEL_H
