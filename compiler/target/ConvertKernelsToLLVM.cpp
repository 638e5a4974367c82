//===- ConvertKernelsToLLVM.cpp - kernels, launches and buffers to the LLVM dialect ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/E4m3ToLLVM.h"
#include "compiler/target/Passes.h"
#include "compiler/target/cuda/DeviceToLLVM.h"

#include "runtime/core/Abi.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/FunctionCallUtils.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"

namespace jepa {
#define GEN_PASS_DEF_CONVERTKERNELSTOLLVM
#include "compiler/target/Passes.h.inc"
} // namespace jepa

using namespace mlir;
using namespace jepa;

/// The address of a converted memref's first element.
static Value addressOf(OpBuilder &b, Location loc, const LLVMTypeConverter &converter, Value descriptor, Type type) {
  return MemRefDescriptor(descriptor).bufferPtr(b, loc, converter, cast<MemRefType>(type));
}

static LLVM::LLVMFuncOp declare(OpBuilder &b, ModuleOp module, StringRef name, ArrayRef<Type> arguments) {
  if (auto existing = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return existing;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(module.getBody());
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), arguments);
  return LLVM::LLVMFuncOp::create(b, module.getLoc(), name, type);
}

namespace {

struct BufferLowering : ConvertOpToLLVMPattern<BufferOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(BufferOp op, OpAdaptor adaptor, ConversionPatternRewriter &b) const override {
    if (!op.getOffset())
      return op.emitOpError("has no offset: run jepa-plan-memory first");
    Location loc = op.getLoc();
    Value base = addressOf(b, loc, *getTypeConverter(), adaptor.getArena(), op.getArena().getType());
    Value offset = LLVM::ConstantOp::create(b, loc, b.getI64Type(), b.getI64IntegerAttr(*op.getOffset()));
    Value address = LLVM::GEPOp::create(b, loc, base.getType(), b.getI8Type(), base, ArrayRef<LLVM::GEPArg>{offset});
    Value descriptor =
        MemRefDescriptor::fromStaticShape(b, loc, *getTypeConverter(), cast<MemRefType>(op.getType()), address);
    b.replaceOp(op, descriptor);
    return success();
  }
};

/// A kernel as the runtime calls it: `void kernel.task(args, begin, end, thread)`, and the array `args` of addresses.
struct KernelCall {
  Value task, args;
};

/// What calls kernels.
template <class Op> struct KernelCallLowering : ConvertOpToLLVMPattern<Op> {
  using ConvertOpToLLVMPattern<Op>::ConvertOpToLLVMPattern;

  /// Unpacks the addresses and calls the kernel.
  static LLVM::LLVMFuncOp taskFor(Location loc, ModuleOp module, FlatSymbolRefAttr kernel, int32_t buffers,
                                  ConversionPatternRewriter &b) {
    std::string name = (kernel.getValue() + ".task").str();
    if (auto existing = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
      return existing;
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(module.getBody());
    Type pointer = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), {pointer, i64, i64, i64});
    auto task = LLVM::LLVMFuncOp::create(b, loc, name, type, LLVM::Linkage::Internal);
    Block *block = task.addEntryBlock(b);
    b.setInsertionPointToStart(block);
    SmallVector<Value> arguments = {block->getArgument(1), block->getArgument(2), block->getArgument(3)};
    for (int32_t index = 0; index < buffers; ++index) {
      Value slot = LLVM::GEPOp::create(b, loc, pointer, pointer, block->getArgument(0), ArrayRef<LLVM::GEPArg>{index});
      arguments.push_back(LLVM::LoadOp::create(b, loc, pointer, slot));
    }
    LLVM::CallOp::create(b, loc, TypeRange{}, kernel, arguments);
    LLVM::ReturnOp::create(b, loc, ValueRange{});
    return task;
  }

  static Value number(Location loc, int64_t value, ConversionPatternRewriter &b) {
    return LLVM::ConstantOp::create(b, loc, b.getI64Type(), b.getI64IntegerAttr(value));
  }

  /// The call of `kernel` on converted `buffers`.
  static KernelCall callOf(Operation *op, FlatSymbolRefAttr kernel, ValueRange buffers, ConversionPatternRewriter &b) {
    Location loc = op->getLoc();
    Type pointer = LLVM::LLVMPointerType::get(b.getContext());
    LLVM::LLVMFuncOp task = taskFor(loc, op->getParentOfType<ModuleOp>(), kernel, buffers.size(), b);
    // One array per call, in the function's frame from its first block on: a kernel does not outlive its call.
    Value slots;
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(&op->getParentOp()->getRegion(0).front());
      slots = LLVM::AllocaOp::create(b, loc, pointer, pointer, number(loc, std::max<size_t>(1, buffers.size()), b), 8);
    }
    for (auto [index, buffer] : llvm::enumerate(buffers)) {
      // A view's offset is part of its type: the kernel adds it itself.
      Value address = MemRefDescriptor(buffer).alignedPtr(b, loc);
      Value slot = LLVM::GEPOp::create(b, loc, pointer, pointer, slots,
                                       ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index)});
      LLVM::StoreOp::create(b, loc, address, slot);
    }
    return {LLVM::AddressOfOp::create(b, loc, pointer, task.getSymName()), slots};
  }
};

struct LaunchLowering : KernelCallLowering<LaunchOp> {
  using KernelCallLowering::KernelCallLowering;
  LogicalResult matchAndRewrite(LaunchOp op, OpAdaptor adaptor, ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type pointer = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
    LLVM::LLVMFuncOp parallelFor =
        declare(b, op->getParentOfType<ModuleOp>(), "jepac_parallel_for", {pointer, pointer, i64, i64});
    KernelCall call = callOf(op, op.getKernelAttr(), adaptor.getBuffers(), b);
    LLVM::CallOp::create(
        b, loc, parallelFor,
        ValueRange{call.task, call.args, number(loc, op.getCount(), b), number(loc, op.getGrain(), b)});
    b.eraseOp(op);
    return success();
  }
};

struct GemmLowering : KernelCallLowering<GemmOp> {
  using KernelCallLowering::KernelCallLowering;
  LogicalResult matchAndRewrite(GemmOp op, OpAdaptor adaptor, ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    auto module = op->getParentOfType<ModuleOp>();
    Type pointer = LLVM::LLVMPointerType::get(b.getContext());
    LLVM::LLVMFuncOp gemm = declare(b, module, "jepac_gemm", SmallVector<Type>(8, pointer));
    Value description = LLVM::AddressOfOp::create(b, loc, pointer, describe(op, module, b));
    auto address = [&](Value converted, Value original) {
      return addressOf(b, loc, *getTypeConverter(), converted, original.getType());
    };
    Value null = LLVM::ZeroOp::create(b, loc, pointer);
    Value bias = op.getBias() ? address(adaptor.getBias(), op.getBias()) : null;
    KernelCall epilogue{null, null};
    if (op.getEpilogue())
      epilogue = callOf(op, op.getEpilogueAttr(), adaptor.getEpilogueBuffers(), b);
    LLVM::CallOp::create(b, loc, gemm,
                         ValueRange{description, address(adaptor.getC(), op.getC()), address(adaptor.getA(), op.getA()),
                                    address(adaptor.getB(), op.getB()), bias,
                                    address(adaptor.getScratch(), op.getScratch()), epilogue.task, epilogue.args});
    b.eraseOp(op);
    return success();
  }

  /// Two neighbouring 32-bit fields, little-endian.
  static int64_t words(int64_t first, int64_t second) { return first | second << 32; }
  static int64_t elementCode(Value memref) {
    return cast<MemRefType>(memref.getType()).getElementType().isBF16() ? JEPAC_BF16 : JEPAC_F32;
  }

  /// The constant `jepac_gemm_desc` of a product; equal products share it.
  StringRef describe(GemmOp op, ModuleOp module, ConversionPatternRewriter &b) const {
    int64_t values[] = {static_cast<int64_t>(op.getM()),   static_cast<int64_t>(op.getN()),
                        static_cast<int64_t>(op.getK()),   static_cast<int64_t>(op.getLda()),
                        static_cast<int64_t>(op.getLdb()), static_cast<int64_t>(op.getLdc()),
                        words(op.getTransA(), op.getTransB()),
                        words(op.getPacked(), elementCode(op.getA())),
                        words(elementCode(op.getC()), elementCode(op.getA()) != elementCode(op.getB())),
                        static_cast<int64_t>(op.getEpilogueRows().value_or(0)),
                        static_cast<int64_t>(op.getEpilogueColumns().value_or(0))};
    std::string name = "gemm";
    for (int64_t value : values)
      name += "." + std::to_string(value);
    if (auto existing = module.lookupSymbol<LLVM::GlobalOp>(name))
      return existing.getSymName();
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    auto type = LLVM::LLVMArrayType::get(b.getI64Type(), std::size(values));
    auto data = DenseElementsAttr::get(RankedTensorType::get({static_cast<int64_t>(std::size(values))}, b.getI64Type()),
                                       ArrayRef<int64_t>(values));
    return LLVM::GlobalOp::create(b, op.getLoc(), type, /*isConstant=*/true, LLVM::Linkage::Internal, name, data)
        .getSymName();
  }
};

struct ConvertKernelsToLLVMPass : jepa::impl::ConvertKernelsToLLVMBase<ConvertKernelsToLLVMPass> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    LowerToLLVMOptions options(context);
    options.useBarePtrCallConv = true;
    LLVMTypeConverter converter(context, options);
    LLVMConversionTarget target(*context);
    target.addLegalOp<ModuleOp>();
    target.addIllegalDialect<JepaDialect>();
    target.addLegalDialect<emitc::EmitCDialect>();
    RewritePatternSet patterns(context);
    arith::populateArithToLLVMConversionPatterns(converter, patterns);
    cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
    index::populateIndexToLLVMConversionPatterns(converter, patterns);
    populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
    populateFuncToLLVMConversionPatterns(converter, patterns);
    // Instructions before libm, which would take a vector's fma and root apart into calls per lane.
    populateMathToLLVMConversionPatterns(converter, patterns, /*approximateLog1p=*/true, /*benefit=*/2);
    populateMathToLibmConversionPatterns(patterns);
    vector::populateVectorMaskMaterializationPatterns(patterns, /*force32BitVectorIndices=*/false);
    vector::populateVectorMaskOpLoweringPatterns(patterns);
    populateVectorToLLVMConversionPatterns(converter, patterns);
    ub::populateUBToLLVMConversionPatterns(converter, patterns);
    patterns.add<BufferLowering, LaunchLowering, GemmLowering>(converter);
    populateDeviceToLLVMPatterns(converter, patterns);
    populateE4m3ToLLVMPatterns(converter, patterns);
    // Nothing is tried that might be taken back.
    ConversionConfig config;
    config.allowPatternRollback = false;
    if (failed(applyFullConversion(getOperation(), target, std::move(patterns), config)))
      return signalPassFailure();
    // A device's kernels were compiled from their text.
    for (auto kernel : llvm::make_early_inc_range(getOperation().getOps<emitc::FuncOp>()))
      kernel.erase();
    maskAsIntegers();
  }

  /// Where LLVM takes a masked vector apart it rounds each bf16 anew, by a library function that few systems have. As
  /// integers they are moved as they are.
  void maskAsIntegers() {
    auto bits = [](Type type) -> VectorType {
      auto vector = dyn_cast<VectorType>(type);
      return vector && vector.getElementType().isBF16() ? vector.clone(IntegerType::get(type.getContext(), 16)) : VectorType();
    };
    getOperation().walk([&](Operation *op) {
      OpBuilder b(op);
      auto cast = [&](Value value, Type type) -> Value { return LLVM::BitcastOp::create(b, op->getLoc(), type, value); };
      if (auto store = dyn_cast<LLVM::MaskedStoreOp>(op)) {
        if (VectorType type = bits(store.getValue().getType()))
          store.getValueMutable().assign(cast(store.getValue(), type));
      } else if (auto load = dyn_cast<LLVM::MaskedLoadOp>(op)) {
        Type original = load.getRes().getType();
        if (VectorType type = bits(original)) {
          for (OpOperand &otherwise : load.getPassThruMutable())
            otherwise.set(cast(otherwise.get(), type));
          load.getRes().setType(type);
          b.setInsertionPointAfter(load);
          Value back = cast(load.getRes(), original);
          load.getRes().replaceAllUsesExcept(back, back.getDefiningOp());
        }
      }
    });
  }
};

} // namespace
