//===- graph.h - what tracing a model records -----------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The border between the embedded language and the compiler: a flat list of
// nodes in the order in which the model's text computed them. A node named
// "linear" becomes the op `jepa.linear`; its operands, attributes and results
// are copied one to one.
//
// Two nodes are not ops of the dialect: "input" is an argument of the
// function ("name", and for a mask "mask", the number of tokens that it
// indexes), and "output" names a result ("name"). Graph::loss is the scalar
// that training minimises.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_GRAPH_H
#define JEPA_GRAPH_H

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace jepa {

using Attribute = std::variant<bool, std::int64_t, double, std::string, std::vector<std::int64_t>>;

/// What the elements of a value are: numbers in the build's precision, or token indices.
enum class Element { Real, Index };

struct ValueType {
  std::vector<std::int64_t> shape = {};
  /// One name per dimension; masked token axes are numbered, "context#0".
  std::vector<std::string> axes = {};
  Element element = Element::Real;
};

/// The line of the model's text that wrote a node.
struct Location {
  std::string file;
  std::uint32_t line = 0, column = 0;
};

struct Node {
  std::string op;
  /// Value ids, in the order of the op's declared operands.
  std::vector<std::int32_t> operands = {};
  /// How many operands each declared operand takes; empty if each takes one.
  std::vector<std::int32_t> operandGroups = {};
  std::vector<std::pair<std::string, Attribute>> attributes = {};
  std::vector<std::int32_t> results = {};
  Location location = {};
  /// The module that was open, "encoder.blocks.0".
  std::string scope = {};
};

struct Graph {
  std::vector<Node> nodes;
  /// By value id.
  std::vector<ValueType> types;
  /// The value to minimise, or -1 where nothing is trained.
  std::int32_t loss = -1;
};

} // namespace jepa

#endif // JEPA_GRAPH_H
