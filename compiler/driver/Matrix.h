//===- Matrix.h - many builds from one file ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A matrix file describes the cross product of axes:
//
//   { "model": "vjepa-vits16",                      // or an axis "model"
//     "options": {"batch": 8, "lr": 0.001},         // what all cells have
//     "axes": {"resolution": [112, 224],            // any flag of `jepac build`, or any setting of the model
//              "task": [{"task": "train", "mask-ratio": 0.75}, {"task": "embed"}]},  // several at once
//     "exclude": [{"resolution": 224, "task": "embed"}],
//     "include": [{"resolution": 384, "task": "embed"}],
//     "output": "out/{model}-{task}-{resolution}" }
//
// A name is a flag's ("mask-ratio", with - or _) if there is such a flag, and
// otherwise a setting's (`--set`). true gives a flag without a value, false and
// null leave a flag out, a list gives it several times.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_DRIVER_MATRIX_H
#define JEPA_COMPILER_DRIVER_MATRIX_H

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace jepa {

/// One build of a matrix.
struct MatrixCell {
  std::string model, output;
  /// The arguments of `jepac build` that make it, without the output.
  std::vector<std::string> arguments;
  /// What distinguishes it: key and value as text, in the file's order.
  std::vector<std::pair<std::string, std::string>> values;
};

/// What `jepac build` makes of a name: no flag of its own, one that a matrix may not set, one with a value, one without.
enum class FlagKind { Setting, Reserved, Value, Switch };
using FlagLookup = std::function<FlagKind(const std::string &)>;

/// The cells of the matrix file at `path` with that text, in the order of the axes, the last one fastest. Throws
/// rt::Error with exit code 2, naming the file and the line or the key.
std::vector<MatrixCell> readMatrix(const std::string &path, std::string_view text, const FlagLookup &lookup);

} // namespace jepa

#endif // JEPA_COMPILER_DRIVER_MATRIX_H
