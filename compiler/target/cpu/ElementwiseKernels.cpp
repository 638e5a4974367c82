//===- ElementwiseKernels.cpp - cpu: activations and sums of two ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/VectorMath.h"
#include "compiler/target/cpu/Kernels.h"
#include "compiler/target/cpu/Sweep.h"

#include <cmath>

using namespace mlir;
using namespace jepa;

/// result[i] = the op's row function of operands[0][i], operands[1][i], ...; in any order, so over flat buffers if
/// possible.
static LogicalResult elementwise(Operation *op, KernelContext &context) {
  SmallVector<Value> buffers{context.out(op->getResult(0))};
  for (Value operand : op->getOperands())
    buffers.push_back(context.in(operand));
  Elements all(context, buffers);
  context.launch(op->getName().stripDialect(), {all.views[0]}, ArrayRef<Value>(all.views).drop_front(), all.count,
                 all.grain, [&](Kernel &k) {
    RowKernel row{k.e, {}, 0, {}, {}};
    for (Value buffer : ArrayRef<Value>(k.buffers).drop_front())
      row.rows.push_back([buffer](Span &span) { return span.load(buffer); });
    RowFunction function = cast<CpuRowOpInterface>(op).emitRow(row)[0];
    all.sweep(k, [&](Span &span) { span.store(function(span), k.buffers[0]); });
  });
  return success();
}

#define JEPA_ELEMENTWISE(NAME)                                                                                         \
  LogicalResult NAME##Cpu::emit(NAME##Op op, KernelContext &context) { return elementwise(op, context); }
JEPA_ELEMENTWISE(Gelu)
JEPA_ELEMENTWISE(GeluGrad)
JEPA_ELEMENTWISE(Relu)
JEPA_ELEMENTWISE(ReluGrad)
JEPA_ELEMENTWISE(Scale)
JEPA_ELEMENTWISE(Cast)
#undef JEPA_ELEMENTWISE

namespace {

/// The standard normal distribution at some places.
struct Normal {
  Number cumulative, density;
};

} // namespace

/// What rounds to the same bf16 nearly always: with Mills' ratio, the tail over the density, as a polynomial on [0, 5],
/// minimax to 4e-4, one exponential gives both. The tail is right to that part of itself.
static Normal coarseNormal(Span &span, Number x) {
  static constexpr double ratio[] = {-2.501154e-05, 0.000560600651, -0.0053547534, 0.0288191716,
                                     -0.0983344986, 0.230247746,    -0.394204295,  0.499790762};
  Emit &e = span.e;
  Number distance = smaller(e, span.constant(5), e.abs(x)), sum = span.constant(ratio[0]);
  for (double coefficient : ArrayRef(ratio).drop_front())
    sum = e.fma(sum, distance, span.constant(coefficient));
  Number power = exp2(e, x * x * (-0.5 * M_LOG2E), Precision::Bf16), tail = power * sum;
  return {e.select(e.less(x, span.constant(0)), tail, span.constant(1) - tail),
          power * (0.5 * M_SQRT1_2 * M_2_SQRTPI)};
}

static Number cumulative(Span &span, Number x) { return (span.e.erf(x * M_SQRT1_2) + 1) * 0.5; }
static bool isBf16(Value value) { return getElementTypeOrSelf(value).isBF16(); }

// The functions outlive `row`, so they take what they need of it along.

SmallVector<RowFunction> GeluCpuRows::emit(GeluOp op, const RowKernel &row) {
  return {[in = row.rows[0], coarse = isBf16(op.getResult())](Span &span) {
    Number x = in(span);
    return x * (coarse ? coarseNormal(span, x).cumulative : cumulative(span, x));
  }};
}

SmallVector<RowFunction> GeluGradCpuRows::emit(GeluGradOp op, const RowKernel &row) {
  return {[gradient = row.rows[0], in = row.rows[1], coarse = isBf16(op.getResult())](Span &span) {
    Number dy = gradient(span), x = in(span);
    Normal normal;
    if (coarse)
      normal = coarseNormal(span, x);
    else
      normal = {cumulative(span, x), span.e.exp(x * x * -0.5) * (0.5 * M_SQRT1_2 * M_2_SQRTPI)};
    return dy * span.e.fma(x, normal.density, normal.cumulative);
  }};
}

SmallVector<RowFunction> ReluCpuRows::emit(ReluOp, const RowKernel &row) {
  return {[in = row.rows[0]](Span &span) { return span.e.max(in(span), span.constant(0)); }};
}

SmallVector<RowFunction> ReluGradCpuRows::emit(ReluGradOp, const RowKernel &row) {
  return {[gradient = row.rows[0], in = row.rows[1]](Span &span) {
    return span.e.select(span.e.less(span.constant(0), in(span)), gradient(span), span.constant(0));
  }};
}

SmallVector<RowFunction> ScaleCpuRows::emit(ScaleOp op, const RowKernel &row) {
  double factor = op.getFactor().convertToDouble(), offset = op.getOffset().convertToDouble();
  return {[in = row.rows[0], factor, offset](Span &span) {
    return span.e.fma(in(span), span.constant(factor), span.constant(offset));
  }};
}

SmallVector<RowFunction> CastCpuRows::emit(CastOp, const RowKernel &row) { return {row.rows[0]}; }
SmallVector<RowFunction> StopGradientCpuRows::emit(StopGradientOp, const RowKernel &row) { return {row.rows[0]}; }

/// The row of the right-hand side that belongs to `row` of the left; dimensions that it repeats do not move in it.
static Number repeatedRow(Emit &e, Number row, RankedTensorType lhs, RankedTensorType rhs) {
  int64_t missing = lhs.getRank() - rhs.getRank(), stride = 1;
  Number rest = row, from = e.index(0);
  for (int64_t dim = lhs.getRank() - 2; dim >= missing; --dim) {
    if (rhs.getDimSize(dim - missing) != 1)
      from = from + (rest % lhs.getDimSize(dim)) * stride;
    rest = rest / lhs.getDimSize(dim);
    stride *= rhs.getDimSize(dim - missing);
  }
  return from;
}

LogicalResult AddCpu::emit(AddOp op, KernelContext &context) {
  if (op.getLhs().getType().getShape() == op.getRhs().getType().getShape())
    return elementwise(op, context);
  emitRowOps(context, {op}, op->getResults());
  return success();
}

SmallVector<RowFunction> AddCpuRows::emit(AddOp op, const RowKernel &row) {
  if (row.rows[1])
    return {[lhs = row.rows[0], rhs = row.rows[1]](Span &span) { return lhs(span) + rhs(span); }};
  Value table = row.whole[1];
  SmallVector<Value> from;
  if (cast<MemRefType>(table.getType()).getRank() == 2)
    from.push_back(repeatedRow(row.e, row.row, op.getLhs().getType(), op.getRhs().getType()));
  if (op.getRhs().getType().getShape().back() != 1 || row.width == 1)
    return {[lhs = row.rows[0], table, from](Span &span) { return lhs(span) + span.load(table, from); }};
  from.push_back(row.e.index(0));
  Number addend = row.e.convert(row.e.load(table, from), row.e.builder.getF32Type());
  return {[lhs = row.rows[0], addend](Span &span) { return lhs(span) + span.broadcast(addend); }};
}
