//===- ops.h - what is computed from tensors alone ----------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_DETAIL_OPS_H
#define JEPA_DETAIL_OPS_H

#include "jepa/detail/tensor.h"

namespace jepa {
namespace detail {

/// An op of one operand whose result looks like it.
template <Axis... A>
Tensor<A...> unary(std::string op, Tensor<A...> x, const Where &where) {
  return record<A...>({.op = std::move(op), .operands = {x.value()}}, x.type(where), where);
}

} // namespace detail

/// x * Phi(x), with the error function.
template <Axis... A> Tensor<A...> gelu(Tensor<A...> x, const Where &where = Where::current()) {
  return detail::unary("gelu", x, where);
}

template <Axis... A> Tensor<A...> relu(Tensor<A...> x, const Where &where = Where::current()) {
  return detail::unary("relu", x, where);
}

/// x, through which nothing is learnt.
template <Axis... A>
Tensor<A...> stopGradient(Tensor<A...> x, const Where &where = Where::current()) {
  return detail::unary("stop_gradient", x, where);
}

/// Each token less its mean, over its standard deviation, without weights.
template <Axis... A>
Tensor<A...> normalize(Tensor<A...> x, double eps, const Where &where = Where::current()) {
  return detail::record<A...>({.op = "layer_norm",
                               .operands = {x.value()},
                               .operandGroups = {1, 0, 0},
                               .attributes = {{"eps", eps}}},
                              x.type(where), where);
}

/// The features that stand beside each other in x, one tensor each.
template <Axis First, Axis Seq, int Count, Axis Width>
std::array<Tensor<First, Seq, Width>, Count> split(Tensor<First, Seq, Stacked<Count, Width>> x,
                                                   const Where &where = Where::current()) {
  ValueType part = x.type(where);
  part.shape.back() = exactly(part.shape.back(), Count, where);
  part.axes.back() = Width::label.view();
  std::int32_t first = Trace::current(where).record(
      {.op = "split_features", .operands = {x.value()}}, std::vector<ValueType>(Count, part), where);
  return [&]<int... I>(std::integer_sequence<int, I...>) {
    return std::array{Tensor<First, Seq, Width>(first + I)...};
  }(std::make_integer_sequence<int, Count>());
}

/// Over all numbers of x.
template <Axis... A> Scalar mean(Tensor<A...> x, const Where &where = Where::current()) {
  return detail::record<>({.op = "mean", .operands = {x.value()}}, {}, where);
}

/// Of several tensors alike, number by number.
template <Axis... A>
Tensor<A...> average(const std::vector<Tensor<A...>> &terms,
                     const Where &where = Where::current()) {
  if (terms.empty())
    throw TraceError("average of nothing", where);
  Tensor<A...> sum = terms.front();
  for (std::size_t i = 1; i < terms.size(); ++i)
    sum = detail::add(sum, terms[i].value(), where);
  return terms.size() == 1
             ? sum
             : detail::scale(sum, 1.0 / static_cast<double>(terms.size()), 0.0, where);
}

/// mean(|predicted - target| ^ exponent) / exponent
template <Axis... A>
Scalar powerLoss(Tensor<A...> predicted, std::type_identity_t<Tensor<A...>> target,
                 double exponent, const Where &where = Where::current()) {
  detail::requireFit("powerLoss", predicted.value(), target.value(), where);
  return detail::record<>({.op = "power_loss",
                           .operands = {predicted.value(), target.value()},
                           .operandGroups = {1, 1, 0, 0},
                           .attributes = {{"exponent", exponent}}},
                          {}, where);
}

/// mean(|predicted - target|)
template <Axis... A>
Scalar l1(Tensor<A...> predicted, std::type_identity_t<Tensor<A...>> target,
          const Where &where = Where::current()) {
  return powerLoss(predicted, target, 1.0, where);
}

/// sqrt(var + eps) of each feature over the tokens of a clip (unbiased).
template <Axis Seq, Axis Width>
Tensor<Clip, Width> tokenStd(Tensor<Clip, Seq, Width> x, double eps,
                             const Where &where = Where::current()) {
  ValueType type = x.type(where);
  if (type.shape[1] < 2)
    throw TraceError("tokenStd: " + detail::describe(type) + " has one token, which does not vary",
                     where);
  type.shape.erase(type.shape.begin() + 1);
  type.axes.erase(type.axes.begin() + 1);
  return detail::record<Clip, Width>({.op = "token_std",
                                      .operands = {x.value()},
                                      .operandGroups = {1, 0, 0},
                                      .attributes = {{"eps", eps}}},
                                     std::move(type), where);
}

} // namespace jepa

#endif // JEPA_DETAIL_OPS_H
