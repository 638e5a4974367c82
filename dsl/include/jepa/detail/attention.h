//===- attention.h - attention, whole and in parts -----------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// `attend` is all that most models need. The parts are for those that do
// something else between them:
//
//   auto scores = matmulTransposed(splitHeads(q, heads), splitHeads(k, heads));
//   auto seen = softmax(scores * (1 / std::sqrt(width)), attendTo(mask));
//   mergeHeads(matmul(seen, splitHeads(v, heads)))
//
// Where they are attention after all, the compiler makes one op of them.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_DETAIL_ATTENTION_H
#define JEPA_DETAIL_ATTENTION_H

#include "jepa/detail/masks.h"

namespace jepa {

/// Scaled dot-product attention of several heads: softmax(q k' / sqrt(head width)) v.
template <Axis Queries, Axis Keys, Axis Width, Axis KeyWidth>
requires DiffersInTokensFrom<Tensor<Clip, Queries, Width>, Tensor<Clip, Keys, KeyWidth>> Tensor<Clip, Queries, Width>
attend(Tensor<Clip, Queries, Width> q, Tensor<Clip, Keys, KeyWidth> k,
       std::type_identity_t<Tensor<Clip, Keys, KeyWidth>> v, Size heads,
       std::type_identity_t<Visible<Keys>> visible = {}, const Where &where = Where::current()) {
  Trace &trace = Trace::current(where);
  const ValueType type = q.type(where);
  detail::requireFit("attend", k.value(), v.value(), where);
  if (heads < 1 || type.shape[2] % heads != 0)
    throw TraceError("attend: " + std::to_string(heads) + " heads do not divide the width of " + detail::describe(type),
                     where);
  Node node{.op = "attention",
            .operands = {q.value(), k.value(), v.value()},
            .operandGroups = {1, 1, 1, visible.all() ? 0 : 1, 0, 0, 0},
            .attributes = {{"heads", heads}}};
  if (!visible.all())
    node.operands.push_back(visible.value());
  ValueType statistics{{type.shape[0], heads, type.shape[1]}, {type.axes[0], "heads", type.axes[1]}};
  return Tensor<Clip, Queries, Width>(trace.record(std::move(node), {type, std::move(statistics)}, where));
}

/// The heads of an attention, and each one's share of a width.
struct Heads : Named<"heads"> {};
template <Axis A> struct PerHead { static constexpr auto label = A::label + Label(".head"); };

namespace detail {

template <typename A, typename B> struct Multiplies : std::false_type {};
template <Axis First, Axis Group, Axis Rows, Axis Inner, Axis Columns>
struct Multiplies<Tensor<First, Group, Rows, Inner>, Tensor<First, Group, Inner, Columns>> : std::true_type {};

template <typename A, typename B> struct MultipliesTransposed : std::false_type {};
template <Axis First, Axis Group, Axis Rows, Axis Inner, Axis Columns>
struct MultipliesTransposed<Tensor<First, Group, Rows, Inner>, Tensor<First, Group, Columns, Inner>> : std::true_type {
};

/// The product of the matrices in the last two axes; their axes agree in C++.
template <Axis... Result>
Tensor<Result...> product(std::string_view op, std::int32_t a, std::int32_t b, bool transposed, const Where &where) {
  const Trace &trace = Trace::current(where);
  ValueType type = trace.type(a);
  const ValueType &right = trace.type(b);
  std::size_t inner = transposed ? 3 : 2, columns = transposed ? 2 : 3;
  auto meet = [&](std::size_t i, std::size_t j) {
    if (type.axes[i] != right.axes[j] || type.shape[i] != right.shape[j])
      throw TraceError(std::string(op) + ": " + describe(type) + " and " + describe(right) + " do not have the same " +
                           type.axes[i],
                       where);
  };
  meet(0, 0);
  meet(1, 1);
  meet(3, inner);
  type.shape[3] = right.shape[columns];
  type.axes[3] = right.axes[columns];
  Node node{.op = "matmul", .operands = {a, b}};
  if (transposed)
    node.attributes.emplace_back("trans_b", true);
  return record<Result...>(std::move(node), std::move(type), where);
}

} // namespace detail

/// The rows of B lie along the last axis of A.
template <typename A, typename B>
concept MultipliesWith = detail::Multiplies<A, B>::value;

/// A and B have the last axis in common, and all but the rows.
template <typename A, typename B>
concept MultipliesWithTransposed = detail::MultipliesTransposed<A, B>::value;

/// Each head's share of the width, with tokens of its own.
template <Axis Seq, Axis Width>
Tensor<Clip, Heads, Seq, PerHead<Width>> splitHeads(Tensor<Clip, Seq, Width> x, Size heads,
                                                    const Where &where = Where::current()) {
  const ValueType &from = x.type(where);
  if (heads < 1 || from.shape[2] % heads != 0)
    throw TraceError(
        "splitHeads: " + std::to_string(heads) + " heads do not divide the width of " + detail::describe(from), where);
  ValueType type{{from.shape[0], heads, from.shape[1], from.shape[2] / heads},
                 {from.axes[0], "heads", from.axes[1], from.axes[2] + ".head"}};
  return detail::record<Clip, Heads, Seq, PerHead<Width>>(
      {.op = "split_heads", .operands = {x.value()}, .attributes = {{"heads", heads}}}, std::move(type), where);
}

/// The heads' shares beside each other: the inverse of splitHeads.
template <Axis Seq, Axis Width>
Tensor<Clip, Seq, Width> mergeHeads(Tensor<Clip, Heads, Seq, PerHead<Width>> x, const Where &where = Where::current()) {
  const ValueType &from = x.type(where);
  ValueType type{{from.shape[0], from.shape[2], from.shape[1] * from.shape[3]},
                 {from.axes[0], from.axes[2], std::string(Width::label.view())}};
  return detail::record<Clip, Seq, Width>({.op = "merge_heads", .operands = {x.value()}}, std::move(type), where);
}

/// a b, for each head of each clip.
template <Axis First, Axis Group, Axis Rows, Axis Inner, Axis OtherFirst, Axis OtherGroup, Axis OtherRows, Axis Columns>
requires MultipliesWith<Tensor<First, Group, Rows, Inner>, Tensor<OtherFirst, OtherGroup, OtherRows, Columns>>
    Tensor<First, Group, Rows, Columns> matmul(Tensor<First, Group, Rows, Inner> a,
                                               Tensor<OtherFirst, OtherGroup, OtherRows, Columns> b,
                                               const Where &where = Where::current()) {
  return detail::product<First, Group, Rows, Columns>("matmul", a.value(), b.value(), false, where);
}

/// a b', for each head of each clip: every row of a times every row of b.
template <Axis First, Axis Group, Axis Rows, Axis Inner, Axis OtherFirst, Axis OtherGroup, Axis Columns,
          Axis OtherInner>
requires MultipliesWithTransposed<Tensor<First, Group, Rows, Inner>,
                                  Tensor<OtherFirst, OtherGroup, Columns, OtherInner>>
    Tensor<First, Group, Rows, Columns> matmulTransposed(Tensor<First, Group, Rows, Inner> a,
                                                         Tensor<OtherFirst, OtherGroup, Columns, OtherInner> b,
                                                         const Where &where = Where::current()) {
  return detail::product<First, Group, Rows, Columns>("matmulTransposed", a.value(), b.value(), true, where);
}

/// Exponentials along the last axis, over their sum.
template <Axis... A> Tensor<A...> softmax(Tensor<A...> x, const Where &where = Where::current()) {
  return detail::unary("softmax", x, where);
}

/// The same over the visible keys; what is hidden is zero.
template <Axis Queries, Axis Keys>
Tensor<Clip, Heads, Queries, Keys> softmax(Tensor<Clip, Heads, Queries, Keys> scores,
                                           std::type_identity_t<Visible<Keys>> visible,
                                           const Where &where = Where::current()) {
  if (visible.all())
    return softmax(scores, where);
  return detail::record<Clip, Heads, Queries, Keys>({.op = "softmax", .operands = {scores.value(), visible.value()}},
                                                    scores.type(where), where);
}

} // namespace jepa

#endif // JEPA_DETAIL_ATTENTION_H
