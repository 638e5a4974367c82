//===- masks.h - typed subsets of tokens --------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A mask says, for each clip, which tokens of an axis are kept. A model selects
// them or attends to them; it never computes with their indices. Each mask has
// an axis name of its own in the graph, so that two of them cannot be mixed up
// even where the C++ types agree.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_DETAIL_MASKS_H
#define JEPA_DETAIL_MASKS_H

#include "jepa/detail/ops.h"

#include <span>

namespace jepa {

/// Keeps some tokens of the axis Of; what is kept lies along the axis Kept.
template <Axis Kept, Axis Of = Token> class Mask {
public:
  /// An argument of the program: `count` tokens per clip, in increasing order.
  Mask(const std::string &name, Size count, const Where &where = Where::current())
      : tokens(sizeOf<Of>(where)) {
    Trace &trace = Trace::current(where);
    if (count < 1 || count > tokens)
      throw TraceError("mask '" + name + "' keeps " + std::to_string(count) + " of " +
                           std::to_string(tokens) + " tokens",
                       where);
    std::string axis = trace.fresh(Kept::label.view());
    trace.bind(axis, count, where);
    id = trace.record({.op = "input", .attributes = {{"name", name}, {"mask", tokens}}},
                      {{{sizeOf<Clip>(where), count},
                        {std::string(Clip::label.view()), axis},
                        Element::Index}},
                      where);
  }

  std::int32_t value() const { return id; }
  /// How many tokens there are to choose from.
  Size universe() const { return tokens; }

private:
  std::int32_t id = -1;
  Size tokens;
};

/// A group of masks: what the encoder sees, and what the predictor is asked for.
struct MaskPair {
  Size index;
  Mask<Context> context;
  Mask<Target> target;
};

/// One pair per entry, called "mask0.context", "mask0.target", "mask1.context", ...
inline std::vector<MaskPair> maskPairs(std::span<const Size> contexts,
                                       std::span<const Size> targets,
                                       const Where &where = Where::current()) {
  if (contexts.size() != targets.size())
    throw TraceError("maskPairs: " + std::to_string(contexts.size()) + " contexts and " +
                         std::to_string(targets.size()) + " targets",
                     where);
  std::vector<MaskPair> pairs;
  for (std::size_t i = 0; i < contexts.size(); ++i) {
    std::string name = "mask" + std::to_string(i);
    pairs.push_back({static_cast<Size>(i), {name + ".context", contexts[i], where},
                     {name + ".target", targets[i], where}});
  }
  return pairs;
}

/// Which tokens attention may look at; made without a mask, all of them.
template <Axis Of> class Visible {
public:
  Visible() = default;
  template <Axis Kept> explicit Visible(const Mask<Kept, Of> &mask) : mask(mask.value()) {}

  bool all() const { return mask < 0; }
  std::int32_t value() const { return mask; }

private:
  std::int32_t mask = -1;
};

template <Axis Kept, Axis Of> Visible<Of> attendTo(const Mask<Kept, Of> &mask) {
  return Visible<Of>(mask);
}

namespace detail {

template <typename M, typename T> struct Selects : std::false_type {};
template <Axis Kept, Axis Of, Axis First, Axis Width>
struct Selects<Mask<Kept, Of>, Tensor<First, Of, Width>> : std::bool_constant<fits<First, Clip>> {};

template <typename A, typename B> struct SameButTokens : std::false_type {};
template <Axis First, Axis A, Axis B, Axis Width>
struct SameButTokens<Tensor<First, A, Width>, Tensor<First, B, Width>> : std::true_type {};

} // namespace detail

/// The mask chooses among the tokens that the tensor has.
template <typename M, typename T>
concept SelectsFrom = detail::Selects<M, T>::value;

/// The tensors have all axes but the tokens in common.
template <typename A, typename B>
concept DiffersInTokensFrom = detail::SameButTokens<A, B>::value;

/// The kept tokens of each clip. A table, which has one row for all clips, gets a row for each.
template <Axis First, Axis Seq, Axis Width, Axis Kept, Axis Of>
  requires SelectsFrom<Mask<Kept, Of>, Tensor<First, Seq, Width>>
Tensor<Clip, Kept, Width> select(Tensor<First, Seq, Width> x, const Mask<Kept, Of> &mask,
                                 const Where &where = Where::current()) {
  const ValueType &from = x.type(where), &kept = Trace::current(where).type(mask.value());
  if (from.shape[1] != mask.universe())
    throw TraceError("select: the mask is of " + std::to_string(mask.universe()) +
                         " tokens, the tensor is " + detail::describe(from),
                     where);
  ValueType type{{kept.shape[0], kept.shape[1], from.shape[2]},
                 {kept.axes[0], kept.axes[1], from.axes[2]}};
  return detail::record<Clip, Kept, Width>(
      {.op = "gather_tokens", .operands = {x.value(), mask.value()}}, std::move(type), where);
}

/// The tokens of a, then those of b.
template <Axis First, Axis A, Axis Width, Axis OtherFirst, Axis B, Axis OtherWidth>
  requires DiffersInTokensFrom<Tensor<First, A, Width>, Tensor<OtherFirst, B, OtherWidth>>
Tensor<First, Concat<A, B>, Width> concat(Tensor<First, A, Width> a,
                                          Tensor<OtherFirst, B, OtherWidth> b,
                                          const Where &where = Where::current()) {
  Trace &trace = Trace::current(where);
  ValueType type = a.type(where);
  const ValueType &tail = b.type(where);
  std::string axis = type.axes[1] + "+" + tail.axes[1];
  trace.bind(type.axes[1], type.shape[1], where);
  trace.bind(tail.axes[1], tail.shape[1], where);
  trace.bind(axis, type.shape[1] + tail.shape[1], where);
  trace.concatenations[axis] = {type.axes[1], tail.axes[1]};
  type.shape[1] += tail.shape[1];
  type.axes[1] = std::move(axis);
  return detail::record<First, Concat<A, B>, Width>(
      {.op = "concat_tokens", .operands = {a.value(), b.value()}}, std::move(type), where);
}

/// The part of a concatenation that lies along the axis Part.
template <Axis Part, Axis First, Axis A, Axis B, Axis Width>
Tensor<First, Part, Width> segment(Tensor<First, Concat<A, B>, Width> x,
                                   const Where &where = Where::current()) {
  static_assert(std::is_same_v<Part, A> != std::is_same_v<Part, B>,
                "segment: the concatenation must have the part, and have it once");
  Trace &trace = Trace::current(where);
  ValueType type = x.type(where);
  const auto &[head, tail] = trace.concatenations.at(type.axes[1]);
  Size offset = std::is_same_v<Part, A> ? 0 : trace.size(head, where);
  type.axes[1] = std::is_same_v<Part, A> ? head : tail;
  type.shape[1] = trace.size(type.axes[1], where);
  return detail::record<First, Part, Width>(
      {.op = "slice_tokens", .operands = {x.value()}, .attributes = {{"offset", offset}}},
      std::move(type), where);
}

} // namespace jepa

#endif // JEPA_DETAIL_MASKS_H
