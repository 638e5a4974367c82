//===- KernelContext.h - what an op's emitter works with ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_KERNELCONTEXT_H
#define JEPA_COMPILER_TARGET_KERNELCONTEXT_H

#include "compiler/analysis/Products.h"
#include "compiler/dialect/Dialect.h"
#include "compiler/target/Emit.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MathExtras.h"

#include <functional>
#include <optional>

namespace jepa {

/// The body of one kernel: called for a chunk [begin, end) of its range, by thread `thread` of `maxThreads`.
struct Kernel {
  Emit &e;
  Number begin, end, thread;
  /// The launch's buffers, as arguments, in its order.
  llvm::SmallVector<mlir::Value> buffers;
};

/// A matrix [m, n] as parts of `rows` x `columns` elements, less at its ends, counted along rows of parts.
struct Parts {
  int64_t m, n, rows, columns;
  int64_t across() const { return llvm::divideCeil(n, columns); }
  int64_t count() const { return llvm::divideCeil(m, rows) * across(); }
};

class KernelContext;

/// What all functions of one module share while they are lowered.
struct KernelModule {
  mlir::ModuleOp module;
  /// At most so many threads run kernels: the size of per-thread scratch.
  int64_t maxThreads;
  /// Bytes of scratch that the GEMM library asks for.
  std::function<int64_t(const Product &)> productScratch;
  /// What the processor can do, by LLVM's names.
  std::vector<std::string> features;
  /// Where kernels run on a device, a thread to an item of a launch: how it copies (KernelContext::copy).
  void (*copyOnDevice)(KernelContext &context, mlir::Value to, mlir::Value from) = nullptr;
  /// Kernel functions by structure.
  llvm::StringMap<mlir::func::FuncOp> kernels;
  /// Symbols of the device library's kernels by their text.
  llvm::StringMap<std::string> deviceKernels;
};

/// Lowers the ops of one function to launches on buffers. An emitter asks for the buffers of its operands and results,
/// and launches kernels over them; structurally equal launches of one module share one kernel function.
///
/// Kernels must give the same result whichever thread takes which chunk; buffers that a launch writes come first.
class KernelContext {
public:
  KernelContext(KernelModule &shared, mlir::OpBuilder &builder, mlir::Value arena)
      : shared(shared), builder(builder), arena(arena) {}

  /// The buffer that holds a tensor value: operand of the op being emitted. Plain layout, or a view with unit last stride.
  mlir::Value in(mlir::Value tensor) { return buffers.lookup(tensor); }
  /// The buffer for a result of the op being emitted; made on first use.
  mlir::Value out(mlir::Value result);
  /// Gives `result`, before its op is emitted, a buffer of its shape. Its elements may be wider: readers round them.
  void place(mlir::Value result, mlir::Value buffer) { buffers[result] = buffer; }
  /// A buffer that lives for this op only.
  mlir::Value temporary(llvm::ArrayRef<int64_t> shape, mlir::Type element);
  /// Lets `result` be a view of another buffer instead of a buffer of its own; a copy where its elements are of another type.
  void alias(mlir::Value result, mlir::Value view);
  /// The run's buffer called `name` (a parameter, a moment); made on first use.
  mlir::Value named(llvm::StringRef kind, llvm::StringRef name, mlir::MemRefType type,
                    mlir::DictionaryAttr info = nullptr);

  /// The run's copy in bf16 of the parameter called `name`.
  mlir::Value copyOf(llvm::StringRef name, llvm::ArrayRef<int64_t> shape);

  /// `buffer` as a matrix [rows, features]: all dimensions but the last collapsed; a scalar is [1, 1].
  mlir::Value rows(mlir::Value buffer);
  /// A weight [out, in...] (plain layout) as a matrix [out, in].
  mlir::Value weightMatrix(mlir::Value weight);
  /// The features [offset, offset + size) of `buffer`, as a view with its row stride.
  mlir::Value features(mlir::Value buffer, int64_t offset, int64_t size);
  /// `buffer` [clips', tokens', features] as [clips, tokens, features] with the same rows.
  mlir::Value clips(mlir::Value buffer, int64_t clips);
  /// `buffer` (plain layout) as a vector of all its elements.
  mlir::Value flat(mlir::Value buffer);
  /// `buffer` (plain layout) as a matrix with rows of `width` elements, which divides its number of elements.
  mlir::Value matrix(mlir::Value buffer, int64_t width);

  /// Launches a kernel over [0, count) in chunks of `grain`. Launches with equal name, op attributes, op
  /// shapes, buffer types, count and grain share one kernel, so `body` may depend on nothing else.
  void launch(llvm::StringRef name, llvm::ArrayRef<mlir::Value> writes, llvm::ArrayRef<mlir::Value> reads,
              int64_t count, int64_t grain, llvm::function_ref<void(Kernel &)> body);

  /// Calls the GEMM library, in parallel.
  void product(Product product, mlir::Value c, mlir::Value a, mlir::Value b, mlir::Value bias = {});
  /// Lets the next product run a kernel over the parts of its result c[m, n], `rows` x `columns` elements each, as they
  /// are finished. A kernel that no product of that size took is launched by launchWaiting(), over all parts.
  void inNextProduct(llvm::StringRef name, llvm::ArrayRef<mlir::Value> writes, llvm::ArrayRef<mlir::Value> reads,
                     const Parts &parts, llvm::function_ref<void(Kernel &)> body);
  void launchWaiting();
  /// Copies a buffer of the same shape, converting its elements where they differ; `from` may be a view.
  void copy(mlir::Value to, mlir::Value from);
  /// Gives the values of a group's body the buffers of its operands and results, and copies what is left to copy.
  void enter(FusedOp group);
  void leave(FusedOp group);
  /// Elements from one row of `buffer` (as `rows` sees it) to the next.
  static int64_t rowStride(mlir::Value buffer);

  int64_t getMaxThreads() const { return shared.maxThreads; }
  bool hasFeature(llvm::StringRef feature) const { return llvm::is_contained(shared.features, feature); }
  /// Whether kernels may use x86vector.avx512.dot on bf16; the code generator aborts on it elsewhere.
  bool hasBf16Dot() const { return hasFeature("avx512bf16"); }
  /// Whether kernels may use AMX's tile registers for products of bf16.
  bool hasMatrixTiles() const { return hasFeature("amx-bf16"); }

  /// Whether kernels run on a device: launches had better have an item for each element.
  bool isOnDevice() const { return shared.copyOnDevice; }
  mlir::OpBuilder &getBuilder() { return builder; }
  KernelModule &getModule() { return shared; }

  /// The op being emitted.
  mlir::Operation *op = nullptr;
  /// Of weights that ops before it rounded to e4m3: the numbers, and their scale.
  llvm::DenseMap<mlir::Value, std::pair<mlir::Value, mlir::Value>> quantized;

private:
  friend class FunctionLowering;
  /// A kernel that waits for the next product.
  struct Waiting {
    llvm::StringRef kernel;
    llvm::SmallVector<mlir::Value> buffers;
    int64_t writes;
    Parts parts;
  };
  /// The function that `body` writes, or an equal one.
  llvm::StringRef kernelFor(llvm::StringRef name, mlir::TypeRange types, int64_t count, int64_t grain,
                            llvm::function_ref<void(Kernel &)> body);

  KernelModule &shared;
  mlir::OpBuilder &builder;
  mlir::Value arena;
  llvm::DenseMap<mlir::Value, mlir::Value> buffers;
  /// Values that the caller gave a buffer for: results of an outlined layer.
  llvm::DenseMap<mlir::Value, mlir::Value> destinations;
  llvm::StringMap<mlir::Value> namedBuffers;
  std::optional<Waiting> waiting;
};

} // namespace jepa

#include "compiler/target/KernelInterfaces.h.inc"

#endif // JEPA_COMPILER_TARGET_KERNELCONTEXT_H
