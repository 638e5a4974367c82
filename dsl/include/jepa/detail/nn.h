//===- nn.h - what owns parameters, or makes tokens ---------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_DETAIL_NN_H
#define JEPA_DETAIL_NN_H

#include "jepa/detail/ops.h"

#include <optional>

namespace jepa {

/// How a parameter starts.
struct Initializer {
  std::string kind;
  double std = 0.0;
};

/// Normal with the given deviation, cut at -2 and 2.
inline Initializer truncNormal(double std) { return {"trunc_normal", std}; }
inline Initializer zeros() { return {"zeros"}; }
inline Initializer ones() { return {"ones"}; }

namespace detail {

/// The parameter "<open module>.<name>"; asked for again, the same one.
inline std::int32_t parameter(const std::string &name, ValueType type, const Initializer &init,
                              const Where &where) {
  Trace &trace = Trace::current(where);
  std::string full = trace.qualified(name), student = trace.studentOf(full);
  if (auto known = trace.parameters.find(full); known != trace.parameters.end()) {
    if (trace.type(known->second.value).shape != type.shape)
      throw TraceError("parameter '" + full + "' is " + describe(trace.type(known->second.value)) +
                           " elsewhere and " + describe(type) + " here",
                       where);
    return known->second.value;
  }
  Node node{.op = "parameter",
            .attributes = {{"name", full},
                           {"init", init.kind},
                           {"std", init.std},
                           {"trainable", student.empty()}}};
  if (!student.empty())
    node.attributes.emplace_back("ema_of", student);
  std::int32_t value = trace.record(std::move(node), {std::move(type)}, where);
  trace.parameters[full] = {value, student};
  return value;
}

/// x W' + b along the last axis, with parameters "<name>.weight" and "<name>.bias".
template <Axis Out, Axis First, Axis Seq, Axis In>
Tensor<First, Seq, Out> linear(const std::string &name, Tensor<First, Seq, In> x,
                               ValueType weightType, const Initializer &init, const Where &where) {
  Module module(name, where);
  ValueType type = x.type(where);
  type.shape.back() = weightType.shape.front();
  type.axes.back() = weightType.axes.front();
  std::int32_t weight = parameter("weight", std::move(weightType), init, where);
  std::int32_t bias =
      parameter("bias", {{type.shape.back()}, {type.axes.back()}}, zeros(), where);
  return record<First, Seq, Out>({.op = "linear",
                                  .operands = {x.value(), weight, bias},
                                  .operandGroups = {1, 1, 1}},
                                 std::move(type), where);
}

} // namespace detail

/// A trained tensor of the open module, with the sizes that its axes were bound to.
template <Axis... Axes>
Tensor<Axes...> parameter(const std::string &name, const Initializer &init,
                          const Where &where = Where::current()) {
  return Tensor<Axes...>(detail::parameter(name, detail::typeOf<Axes...>(where), init, where));
}

/// A projection of each token from its width to the width bound to Out, with a bias.
template <Axis Out, Axis First, Axis Seq, Axis In>
Tensor<First, Seq, Out> linear(const std::string &name, Tensor<First, Seq, In> x,
                               const Initializer &init = truncNormal(0.02),
                               const Where &where = Where::current()) {
  const ValueType &type = x.type(where);
  ValueType weight{{sizeOf<Out>(where), type.shape.back()},
                   {std::string(Out::label.view()), type.axes.back()}};
  return detail::linear<Out>(name, x, std::move(weight), init, where);
}

/// Each token normalised, then scaled by "<name>.weight" and shifted by "<name>.bias".
template <Axis First, Axis Seq, Axis Width>
Tensor<First, Seq, Width> layerNorm(const std::string &name, Tensor<First, Seq, Width> x,
                                    double eps, const Where &where = Where::current()) {
  Module module(name, where);
  const ValueType type = x.type(where);
  ValueType row{{type.shape.back()}, {type.axes.back()}};
  std::int32_t weight = detail::parameter("weight", row, ones(), where);
  std::int32_t bias = detail::parameter("bias", row, zeros(), where);
  return detail::record<First, Seq, Width>({.op = "layer_norm",
                                            .operands = {x.value(), weight, bias},
                                            .operandGroups = {1, 1, 1},
                                            .attributes = {{"eps", eps}}},
                                           type, where);
}

/// The box of pixels that becomes a token.
struct Patch {
  Size size;
  Size frames;
};

/// How many patches a clip has along each direction.
struct Grid {
  Size frames, rows, columns;
  /// A single image: positions have no time in them.
  bool planar = false;

  Size tokens() const { return frames * rows * columns; }
  bool operator==(const Grid &) const = default;
};

/// The grid of a clip of so many frames, rows and columns. One frame is an image.
inline Grid patchGrid(Size frames, Size rows, Size columns, Patch patch,
                      const Where &where = Where::current()) {
  bool planar = frames == 1;
  return {planar ? 1 : exactly(frames, patch.frames, where), exactly(rows, patch.size, where),
          exactly(columns, patch.size, where), planar};
}

inline Grid patchGrid(Video clip, Patch patch, const Where &where = Where::current()) {
  return patchGrid(clip.size(2), clip.size(3), clip.size(4), patch, where);
}

/// Cuts a clip into patches and projects each to the width bound to Width. The
/// weight "<name>.proj.weight" has the shape of a convolution's: the patch's
/// box, or for images its square. Binds Token.
template <Axis Width>
Tensor<Clip, Token, Width> patchEmbed(const std::string &name, Video clip, Patch patch,
                                      const Where &where = Where::current()) {
  Module module(name, where);
  Grid grid = patchGrid(clip, patch, where);
  bind<Token>(grid.tokens(), where);
  const ValueType from = clip.type(where);
  Size channels = from.shape[1], depth = grid.planar ? 1 : patch.frames;
  auto pixels = detail::record<Clip, Token, Pixel>(
      {.op = "patchify",
       .operands = {clip.value()},
       .operandGroups = {1, 0},
       .attributes = {{"patch", patch.size}, {"tubelet", depth}}},
      {{from.shape[0], grid.tokens(), channels * depth * patch.size * patch.size},
       {from.axes[0], std::string(Token::label.view()), std::string(Pixel::label.view())}},
      where);
  ValueType weight{{sizeOf<Width>(where), channels, depth, patch.size, patch.size},
                   {std::string(Width::label.view()), from.axes[1], "tubelet", "patch_row",
                    "patch_column"}};
  if (grid.planar) {
    weight.shape.erase(weight.shape.begin() + 2);
    weight.axes.erase(weight.axes.begin() + 2);
  }
  return detail::linear<Width>("proj", pixels, std::move(weight), truncNormal(0.02), where);
}

/// The sine-cosine code of every token's place. `uniform` gives time, rows and
/// columns equal shares of the width; `trained` is the grid that the table is
/// made for, from which it is interpolated. Binds Token.
template <Axis Width>
Tensor<One, Token, Width> positions(Grid grid, bool uniform, std::optional<Grid> trained = {},
                                    const Where &where = Where::current()) {
  bind<Token>(grid.tokens(), where);
  auto triple = [](const Grid &g) { return std::vector<Size>{g.frames, g.rows, g.columns}; };
  if (trained && trained->planar != grid.planar)
    throw TraceError("positions: a table of images cannot serve clips, nor one of clips images",
                     where);
  Size unit = grid.planar ? 4 : uniform ? 2 : 8;
  if (sizeOf<Width>(where) % unit != 0)
    throw TraceError("positions: the width is " + std::to_string(sizeOf<Width>(where)) +
                         ", sines and cosines need a multiple of " + std::to_string(unit),
                     where);
  Node node{.op = "position",
            .attributes = {{"grid", triple(grid)},
                           {"uniform", uniform},
                           {"kind", std::string(grid.planar ? "2d" : "3d")}}};
  if (trained && *trained != grid)
    node.attributes.emplace_back("trained_grid", triple(*trained));
  return detail::record<One, Token, Width>(std::move(node),
                                           detail::typeOf<One, Token, Width>(where), where);
}

} // namespace jepa

#endif // JEPA_DETAIL_NN_H
