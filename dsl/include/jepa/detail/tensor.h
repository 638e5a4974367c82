//===- tensor.h - tensors with named axes -------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A Tensor is a handle on a value of the open trace. Its C++ type says which
// axes it has; sizes, and which mask a token axis came from, are in the trace.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_DETAIL_TENSOR_H
#define JEPA_DETAIL_TENSOR_H

#include "jepa/detail/trace.h"

#include <array>
#include <string>
#include <vector>

namespace jepa {
namespace detail {

template <typename From, typename To> struct Broadcasts : std::false_type {};
template <Axis... From, Axis... To>
  requires(sizeof...(From) == sizeof...(To))
struct Broadcasts<Tensor<From...>, Tensor<To...>> : std::bool_constant<(fits<From, To> && ...)> {};

} // namespace detail

/// From has the axes of To, or One in the place of some of them.
template <typename From, typename To>
concept BroadcastsTo = detail::Broadcasts<From, To>::value;

/// The right operand of an operator, and the line that it stands in: an
/// operator has no room for a defaulted argument.
template <typename T> struct At {
  template <Axis... From>
    requires BroadcastsTo<Tensor<From...>, T>
  At(const Tensor<From...> &from, const Where &where = Where::current())
      : value(from.value()), where(where) {}

  std::int32_t value;
  Where where;
};

/// A number in a formula, and the line that it stands in.
struct Number {
  Number(double value, const Where &where = Where::current()) : value(value), where(where) {}

  double value;
  Where where;
};

template <Axis... Axes> class Tensor {
public:
  static constexpr std::size_t rank = sizeof...(Axes);

  explicit Tensor(std::int32_t value) : id(value) {}

  std::int32_t value() const { return id; }
  const ValueType &type(const Where &where = Where::current()) const {
    return Trace::current(where).type(id);
  }
  Size size(std::size_t dimension, const Where &where = Where::current()) const {
    return type(where).shape.at(dimension);
  }

  Tensor &operator+=(At<Tensor> right);

private:
  std::int32_t id;
};

using Video = Tensor<Clip, Channel, Frame, Row, Column>;

namespace detail {

/// "[clip 2, context#0 24, embed 48]"
inline std::string describe(const ValueType &type) {
  std::string text = "[";
  for (std::size_t i = 0; i < type.shape.size(); ++i)
    text += (i ? ", " : "") + type.axes[i] + " " + std::to_string(type.shape[i]);
  return text + "]";
}

/// Refuses two values whose C++ axes agree but whose masks or sizes do not.
inline void requireFit(std::string_view op, std::int32_t left, std::int32_t right,
                       const Where &where) {
  const Trace &trace = Trace::current(where);
  const ValueType &to = trace.type(left), &from = trace.type(right);
  for (std::size_t i = 0; i < to.shape.size(); ++i)
    if (from.axes[i] != One::label.view() &&
        (from.axes[i] != to.axes[i] || from.shape[i] != to.shape[i]))
      throw TraceError(std::string(op) + ": " + describe(to) + " and " + describe(from) +
                           " do not have the same " + to.axes[i],
                       where);
}

/// The type of a new tensor whose every axis has a bound size.
template <Axis... Axes> ValueType typeOf(const Where &where) {
  return {{sizeOf<Axes>(where)...}, {std::string(Axes::label.view())...}};
}

/// Records an op with one result.
template <Axis... Axes>
Tensor<Axes...> record(Node node, ValueType type, const Where &where) {
  return Tensor<Axes...>(Trace::current(where).record(std::move(node), {std::move(type)}, where));
}

template <Axis... A>
Tensor<A...> add(Tensor<A...> left, std::int32_t right, const Where &where) {
  requireFit("add", left.value(), right, where);
  return record<A...>({.op = "add", .operands = {left.value(), right}}, left.type(where), where);
}

template <Axis... A>
Tensor<A...> scale(Tensor<A...> x, double factor, double offset, const Where &where) {
  return record<A...>({.op = "scale",
                       .operands = {x.value()},
                       .attributes = {{"factor", factor}, {"offset", offset}}},
                      x.type(where), where);
}

} // namespace detail

template <Axis... A>
Tensor<A...> operator+(Tensor<A...> left, std::type_identity_t<At<Tensor<A...>>> right) {
  return detail::add(left, right.value, right.where);
}

template <Axis... A>
Tensor<A...> operator-(Tensor<A...> left, std::type_identity_t<At<Tensor<A...>>> right) {
  auto negated = detail::record<A...>({.op = "scale",
                                       .operands = {right.value},
                                       .attributes = {{"factor", -1.0}, {"offset", 0.0}}},
                                      Trace::current(right.where).type(right.value), right.where);
  return detail::add(left, negated.value(), right.where);
}

template <Axis... A> Tensor<A...> operator*(Number factor, Tensor<A...> x) {
  return detail::scale(x, factor.value, 0.0, factor.where);
}
template <Axis... A> Tensor<A...> operator*(Tensor<A...> x, Number factor) { return factor * x; }
template <Axis... A> Tensor<A...> operator+(Tensor<A...> x, Number offset) {
  return detail::scale(x, 1.0, offset.value, offset.where);
}
template <Axis... A> Tensor<A...> operator+(Number offset, Tensor<A...> x) { return x + offset; }
template <Axis... A> Tensor<A...> operator-(Tensor<A...> x, Number offset) {
  return detail::scale(x, 1.0, -offset.value, offset.where);
}
template <Axis... A> Tensor<A...> operator-(Number offset, Tensor<A...> x) {
  return detail::scale(x, -1.0, offset.value, offset.where);
}

template <Axis... Axes> Tensor<Axes...> &Tensor<Axes...>::operator+=(At<Tensor> right) {
  return *this = detail::add(*this, right.value, right.where);
}

/// An argument of the compiled program, with the sizes that its axes were bound to.
template <Axis... Axes>
Tensor<Axes...> input(const std::string &name, const Where &where = Where::current()) {
  return detail::record<Axes...>({.op = "input", .attributes = {{"name", name}}},
                                 detail::typeOf<Axes...>(where), where);
}

/// Keeps x as a result of the compiled program, whatever the build.
template <Axis... A>
void output(const std::string &name, Tensor<A...> x, const Where &where = Where::current()) {
  Trace::current(where).record(
      {.op = "output", .operands = {x.value()}, .attributes = {{"name", name}}}, {}, where);
}

/// Names an intermediate: a build with taps writes it out, any other is free to remove it.
template <Axis... A>
Tensor<A...> tap(const std::string &name, Tensor<A...> x, const Where &where = Where::current()) {
  Trace::current(where).record(
      {.op = "tap", .operands = {x.value()}, .attributes = {{"name", name}}}, {}, where);
  return x;
}

inline Graph Trace::finish(Scalar loss, const Where &where) {
  checkTeachers(where);
  graph.loss = loss.value();
  return std::move(graph);
}

} // namespace jepa

#endif // JEPA_DETAIL_TENSOR_H
