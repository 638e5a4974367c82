//===- trace.h - recording a model --------------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A Trace is open while a model's text runs; every operation appends a node to
// its graph. It knows the sizes that were bound to axes, the module that is
// open, and the parameters made so far. Traces of different threads are
// independent; within one thread the innermost open one records.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_DETAIL_TRACE_H
#define JEPA_DETAIL_TRACE_H

#include "jepa/detail/axes.h"
#include "jepa/graph.h"

#include <map>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace jepa {

using Size = std::int64_t;
using Where = std::source_location;

template <Axis... Axes> class Tensor;
using Scalar = Tensor<>;

/// A mistake in a model that only its sizes show. Says the model's file and line.
class TraceError : public std::runtime_error {
public:
  TraceError(const std::string &what, const Where &where)
      : std::runtime_error(std::string(where.file_name()) + ":" + std::to_string(where.line()) +
                           ": " + what) {}
};

/// a / b where nothing may be left over. A remainder between a model's own
/// constants is a compile error, between its settings a TraceError.
constexpr Size exactly(Size a, Size b, const Where &where = Where::current()) {
  if (b <= 0 || a % b != 0)
    throw TraceError(std::to_string(b) + " does not divide " + std::to_string(a), where);
  return a / b;
}

class Trace {
public:
  Trace() : outer(std::exchange(active, this)) {}
  ~Trace() { active = outer; }
  Trace(const Trace &) = delete;
  Trace &operator=(const Trace &) = delete;

  /// Ends the recording of a model that is trained, or of one that is not.
  Graph finish(Scalar loss, const Where &where = Where::current());
  Graph finish(const Where &where = Where::current());

  // What follows is for the operations of the language, not for models.

  struct Parameter {
    std::int32_t value = -1;
    std::string student;
    bool operator==(const Parameter &) const = default;
  };

  static Trace &current(const Where &where) {
    if (!active)
      throw TraceError("no trace is open; make a jepa::Trace before the model's first line", where);
    return *active;
  }

  const ValueType &type(std::int32_t value) const {
    return graph.types[static_cast<std::size_t>(value)];
  }

  /// Appends a node and returns its first result; further ones follow it.
  std::int32_t record(Node node, std::vector<ValueType> results, const Where &where) {
    auto first = static_cast<std::int32_t>(graph.types.size());
    for (ValueType &result : results) {
      node.results.push_back(static_cast<std::int32_t>(graph.types.size()));
      graph.types.push_back(std::move(result));
    }
    node.location = {where.file_name(), where.line(), where.column()};
    node.scope = scope;
    graph.nodes.push_back(std::move(node));
    return first;
  }

  void bind(const std::string &axis, Size size, const Where &where) {
    if (size < 1)
      throw TraceError("axis " + axis + " cannot have size " + std::to_string(size), where);
    auto [known, isNew] = sizes.try_emplace(axis, size, where);
    if (!isNew && known->second.first != size)
      throw TraceError("axis " + axis + " has size " + std::to_string(known->second.first) +
                           " since line " + std::to_string(known->second.second.line()) +
                           ", cannot have " + std::to_string(size),
                       where);
  }

  Size size(const std::string &axis, const Where &where) const {
    auto known = sizes.find(axis);
    if (known == sizes.end())
      throw TraceError("axis " + axis + " has no size; bind it before its first use", where);
    return known->second.first;
  }

  /// A name for an axis that no other value has: "context#0", "context#1".
  std::string fresh(std::string_view label) {
    return std::string(label) + "#" + std::to_string(instances[std::string(label)]++);
  }

  /// The name of a parameter or module inside the open module.
  std::string qualified(const std::string &name) const {
    return scope.empty() ? name : scope + "." + name;
  }

  /// The parameter that the open teacher's `name` follows; empty outside a teacher.
  std::string studentOf(const std::string &name) const {
    return teacher.empty() ? "" : student + name.substr(teacher.size());
  }

  std::string scope, teacher, student;
  std::map<std::string, Parameter> parameters;
  /// The two parts of every concatenated axis.
  std::map<std::string, std::pair<std::string, std::string>> concatenations;

private:
  void checkTeachers(const Where &where) const;

  inline static thread_local Trace *active = nullptr;
  Trace *outer;
  Graph graph;
  std::map<std::string, std::pair<Size, Where>> sizes;
  std::map<std::string, int> instances;
};

namespace detail {

template <typename A> struct SizeOf {
  static Size get(const Where &where) {
    return Trace::current(where).size(std::string(A::label.view()), where);
  }
};
template <> struct SizeOf<One> {
  static Size get(const Where &) { return 1; }
};
template <int Count, Axis A> struct SizeOf<Stacked<Count, A>> {
  static Size get(const Where &where) { return Count * SizeOf<A>::get(where); }
};

} // namespace detail

/// Gives an axis its size, once per trace: the point where a model is specialised.
template <Axis A> void bind(Size size, const Where &where = Where::current()) {
  Trace::current(where).bind(std::string(A::label.view()), size, where);
}

template <Axis A> Size sizeOf(const Where &where = Where::current()) {
  return detail::SizeOf<A>::get(where);
}

/// A named part of a model. While it lives, parameters made are called
/// "<outer>.<name>.<parameter>".
class Module {
public:
  explicit Module(const std::string &name, const Where &where = Where::current())
      : trace(Trace::current(where)), outer(trace.scope) {
    trace.scope = trace.qualified(name);
  }
  /// One of several alike: "blocks.3".
  Module(const std::string &name, Size index, const Where &where = Where::current())
      : Module(name + "." + std::to_string(index), where) {}
  ~Module() { trace.scope = outer; }
  Module(const Module &) = delete;
  Module &operator=(const Module &) = delete;

protected:
  Trace &trace;

private:
  std::string outer;
};

/// A module whose parameters are not trained: each follows, as a moving
/// average, the parameter of the same name in the module `student`.
class Teacher : public Module {
public:
  Teacher(const std::string &name, const std::string &student,
          const Where &where = Where::current())
      : Module(name, where) {
    if (!trace.teacher.empty())
      throw TraceError("teacher '" + name + "' is inside teacher '" + trace.teacher + "'", where);
    trace.teacher = trace.scope;
    trace.student = student;
  }
  ~Teacher() { trace.teacher.clear(); }
};

inline void Trace::checkTeachers(const Where &where) const {
  for (const auto &[name, parameter] : parameters) {
    if (parameter.student.empty())
      continue;
    auto followed = parameters.find(parameter.student);
    if (followed == parameters.end() || !followed->second.student.empty())
      throw TraceError("teacher parameter '" + name + "' follows '" + parameter.student +
                           "', which the model does not train",
                       where);
    if (type(followed->second.value).shape != type(parameter.value).shape)
      throw TraceError("teacher parameter '" + name + "' and '" + parameter.student +
                           "' differ in shape",
                       where);
  }
}

inline Graph Trace::finish(const Where &) { return std::move(graph); }

} // namespace jepa

#endif // JEPA_DETAIL_TRACE_H
