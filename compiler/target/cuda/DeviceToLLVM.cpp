//===- DeviceToLLVM.cpp - launches and products on a device as calls of the runtime ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cuda/DeviceToLLVM.h"

#include "compiler/target/cuda/DeviceKernel.h"
#include "runtime/core/Abi.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace jepa;

static LLVM::LLVMFuncOp declare(OpBuilder &b, ModuleOp module, StringRef name, ArrayRef<Type> arguments) {
  if (auto existing = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return existing;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(module.getBody());
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), arguments);
  return LLVM::LLVMFuncOp::create(b, module.getLoc(), name, type);
}

/// A constant struct of fields of one width; equal ones share a symbol. The first field may be a string's address.
static LLVM::GlobalOp describe(OpBuilder &b, ModuleOp module, Location loc, StringRef prefix, StringRef string,
                               Type element, ArrayRef<int64_t> fields) {
  std::string name = prefix.str();
  for (int64_t field : fields)
    name += "." + std::to_string(field);
  if (auto existing = module.lookupSymbol<LLVM::GlobalOp>(name))
    return existing;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(module.getBody());
  MLIRContext *context = b.getContext();
  Type pointer = LLVM::LLVMPointerType::get(context);
  LLVM::GlobalOp text;
  if (!string.empty()) {
    std::string bytes = string.str() + '\0', symbol = "name." + string.str();
    text = module.lookupSymbol<LLVM::GlobalOp>(symbol);
    if (!text)
      text = LLVM::GlobalOp::create(b, loc, LLVM::LLVMArrayType::get(b.getI8Type(), bytes.size()), /*isConstant=*/true,
                                    LLVM::Linkage::Internal, symbol, b.getStringAttr(bytes));
  }
  SmallVector<Type> types(fields.size(), element);
  if (text)
    types.insert(types.begin(), pointer);
  auto type = LLVM::LLVMStructType::getLiteral(context, types);
  auto global = LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/true, LLVM::Linkage::Internal, name, Attribute());
  Block *block = new Block();
  global.getInitializerRegion().push_back(block);
  b.setInsertionPointToStart(block);
  Value value = LLVM::UndefOp::create(b, loc, type);
  int64_t at = 0;
  if (text)
    value =
        LLVM::InsertValueOp::create(b, loc, value, LLVM::AddressOfOp::create(b, loc, pointer, text.getSymName()), at++);
  for (int64_t field : fields)
    value = LLVM::InsertValueOp::create(
        b, loc, value, LLVM::ConstantOp::create(b, loc, element, b.getIntegerAttr(element, field)), at++);
  LLVM::ReturnOp::create(b, loc, value);
  return global;
}

namespace {

struct DeviceLaunchLowering : ConvertOpToLLVMPattern<DeviceLaunchOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult matchAndRewrite(DeviceLaunchOp op, OpAdaptor adaptor, ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    auto module = op->getParentOfType<ModuleOp>();
    auto threads = op->getAttrOfType<IntegerAttr>(launchThreadsAttr),
         shared = op->getAttrOfType<IntegerAttr>(launchSharedAttr);
    if (!threads || !shared)
      return op.emitOpError(
          "does not say how many threads and how much shared memory a block has: its kernel is not compiled");
    Type pointer = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
    SmallVector<Value> addresses;
    if (!op.getPlaces().empty()) {
      Value arena = op->getParentOfType<FunctionOpInterface>().getArgument(0);
      addresses.push_back(arena);
    }
    for (auto [converted, buffer] : llvm::zip_equal(adaptor.getBuffers(), op.getBuffers())) {
      // A kernel adds no offset of a view: its address is where it begins.
      addresses.push_back(
          MemRefDescriptor(converted).bufferPtr(b, loc, *getTypeConverter(), cast<MemRefType>(buffer.getType())));
    }
    ArrayRef<int64_t> grid = op.getGrid();
    int64_t fields[] = {grid[0],          grid[1],         grid[2],
                        threads.getInt(), shared.getInt(), static_cast<int64_t>(addresses.size())};
    LLVM::GlobalOp description =
        describe(b, module, loc, ("launch." + op.getKernel()).str(), op.getKernel(), b.getI32Type(), fields);
    Value slots;
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(&op->getParentOp()->getRegion(0).front());
      Value count = LLVM::ConstantOp::create(b, loc, i64, b.getI64IntegerAttr(std::max<size_t>(1, addresses.size())));
      slots = LLVM::AllocaOp::create(b, loc, pointer, pointer, count, 8);
    }
    for (auto [index, address] : llvm::enumerate(addresses)) {
      Value slot =
          LLVM::GEPOp::create(b, loc, pointer, pointer, slots, ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index)});
      LLVM::StoreOp::create(b, loc, address, slot);
    }
    LLVM::LLVMFuncOp launch = declare(b, module, "jepac_launch", {pointer, pointer});
    Value constant = LLVM::AddressOfOp::create(b, loc, pointer, description.getSymName());
    LLVM::CallOp::create(b, loc, launch, ValueRange{constant, slots});
    b.eraseOp(op);
    return success();
  }
};

struct DeviceGemmLowering : ConvertOpToLLVMPattern<DeviceGemmOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  static int64_t words(int64_t first, int64_t second) { return first | second << 32; }
  static int64_t elementCode(Value memref) {
    Type element = cast<MemRefType>(memref.getType()).getElementType();
    return element.isBF16() ? JEPAC_BF16 : element.isF32() ? JEPAC_F32 : JEPAC_E4M3;
  }

  LogicalResult matchAndRewrite(DeviceGemmOp op, OpAdaptor adaptor, ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    auto module = op->getParentOfType<ModuleOp>();
    Type pointer = LLVM::LLVMPointerType::get(b.getContext());
    int64_t epilogue = llvm::StringSwitch<int64_t>(op.getEpilogue())
                           .Case("bias", JEPAC_EPILOGUE_BIAS)
                           .Case("gelu", JEPAC_EPILOGUE_GELU)
                           .Case("dgelu", JEPAC_EPILOGUE_DGELU)
                           .Case("bias_grad", JEPAC_EPILOGUE_BIAS_GRAD)
                           .Default(JEPAC_EPILOGUE_NONE);
    auto i64 = [](uint64_t value) { return static_cast<int64_t>(value); };
    int64_t workspace = cast<MemRefType>(op.getWorkspace().getType()).getNumElements();
    int64_t fields[] = {i64(op.getM()),
                        i64(op.getN()),
                        i64(op.getK()),
                        i64(op.getLda()),
                        i64(op.getLdb()),
                        i64(op.getLdc()),
                        op.getAux() ? i64(op.getLdc()) : 0,
                        workspace,
                        words(op.getTransA(), op.getTransB()),
                        words(elementCode(op.getA()), elementCode(op.getC())),
                        words(epilogue, op.getBias() ? elementCode(op.getBias()) : 0)};
    LLVM::GlobalOp description = describe(b, module, loc, "device_gemm", "", b.getI64Type(), fields);
    auto address = [&](Value converted, Value original) -> Value {
      if (!original)
        return LLVM::ZeroOp::create(b, loc, pointer);
      return MemRefDescriptor(converted).bufferPtr(b, loc, *getTypeConverter(), cast<MemRefType>(original.getType()));
    };
    LLVM::LLVMFuncOp product = declare(b, module, "jepac_device_gemm", SmallVector<Type>(9, pointer));
    Value constant = LLVM::AddressOfOp::create(b, loc, pointer, description.getSymName());
    LLVM::CallOp::create(
        b, loc, product,
        ValueRange{constant, address(adaptor.getC(), op.getC()), address(adaptor.getA(), op.getA()),
                   address(adaptor.getB(), op.getB()), address(adaptor.getBias(), op.getBias()),
                   address(adaptor.getAux(), op.getAux()), LLVM::ZeroOp::create(b, loc, pointer),
                   address(adaptor.getScale(), op.getScale()), address(adaptor.getWorkspace(), op.getWorkspace())});
    b.eraseOp(op);
    return success();
  }
};

} // namespace

void jepa::populateDeviceToLLVMPatterns(const LLVMTypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<DeviceLaunchLowering, DeviceGemmLowering>(converter);
}
