//===- axes.h - names for dimensions, as types --------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// An axis is a type with a label. Labels are what the IR shows; types are what
// the C++ compiler compares, so two tensors whose axes differ do not add up.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_DETAIL_AXES_H
#define JEPA_DETAIL_AXES_H

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <type_traits>

namespace jepa {

/// A text that can be a template argument.
template <std::size_t N> struct Label {
  char text[N] = {};

  constexpr Label() = default;
  consteval Label(const char (&from)[N]) { std::copy_n(from, N, text); }
  constexpr std::string_view view() const { return {text, N - 1}; }
};

template <std::size_t N, std::size_t M>
consteval Label<N + M - 1> operator+(const Label<N> &left, const Label<M> &right) {
  Label<N + M - 1> result;
  std::copy_n(left.text, N - 1, result.text);
  std::copy_n(right.text, M, result.text + N - 1);
  return result;
}

/// How a model declares an axis of its own: `struct Word : Named<"word"> {};`
template <Label Text> struct Named {
  static constexpr auto label = Text;
};

template <typename T>
concept Axis = requires {
  { T::label.view() } -> std::same_as<std::string_view>;
};

/// The clips of a batch.
struct Clip : Named<"clip"> {};
struct Channel : Named<"channel"> {};
struct Frame : Named<"frame"> {};
struct Row : Named<"row"> {};
struct Column : Named<"column"> {};
/// All patches of a clip, in (frame, row, column) order.
struct Token : Named<"token"> {};
/// The tokens that a mask lets the encoder see, and those that it asks for.
struct Context : Named<"context"> {};
struct Target : Named<"target"> {};
/// The numbers of one patch, in (channel, frame, row, column) order.
struct Pixel : Named<"pixel"> {};
struct Embed : Named<"embed"> {};
/// A dimension of size 1 that stands for every position of the other tensor's.
struct One : Named<"one"> {};

/// The inner width of the block whose width is A.
template <Axis A> struct Hidden {
  static constexpr auto label = A::label + Label(".hidden");
};

/// Count features of width A beside each other, as one projection makes q, k and v.
template <int Count, Axis A> struct Stacked {
  static_assert(Count > 0 && Count < 10, "a stack holds one to nine features");
  static constexpr char digits[] = {'.', 'x', '0' + Count, '\0'};
  static constexpr auto label = A::label + Label(digits);
};

/// The tokens of A followed by those of B.
template <Axis A, Axis B> struct Concat {
  static constexpr auto label = A::label + Label("+") + B::label;
};

namespace detail {

/// Whether a dimension named From may meet one named To on the left of an operator.
template <typename From, typename To>
inline constexpr bool fits = std::is_same_v<From, To> || std::is_same_v<From, One>;

} // namespace detail
} // namespace jepa

#endif // JEPA_DETAIL_AXES_H
