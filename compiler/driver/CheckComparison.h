//===- CheckComparison.h - how far two stages of a program are apart ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_DRIVER_CHECKCOMPARISON_H
#define JEPA_COMPILER_DRIVER_CHECKCOMPARISON_H

#include "compiler/driver/CheckProgram.h"

namespace jepa {

/// An error and the tensor that has it. Errors are |found - expected| / |expected| in the Euclidean norm, where a tensor
/// counts as no smaller than a thousandth of the largest of its kind: the gradient of a key's bias is zero but for
/// rounding. NaN, another size and a missing tensor are infinitely wrong.
struct Difference {
  double error = 0;
  std::string tensor;

  void add(double other, const std::string &name) {
    if (other > error) {
      error = other;
      tensor = name;
    }
  }
};

/// How far what `found` has in common with `expected` is from it. Every result of `expected` must be in `found`, but for
/// gradients that went into a step.
Difference compare(const Observation &found, const Observation &expected);

/// The largest element that is no finite number makes an error of infinity.
Difference checkFinite(const Observation &found);

/// How far `gradients` are from differences of the loss of `program` along random directions. None where the program has
/// no parameter of such a name or no result "loss".
std::optional<Difference> compareToDifferences(CheckProgram &program, const Observation::Values &gradients);

/// How far the step `changes` are from AdamW (clipped by module) and the teachers' moving average, worked out here from
/// the gradients and the state before it. `plan` has the parameters.
Difference compareToStep(const CheckInputs &inputs, const rt::Plan &plan, const Observation::Values &changes,
                         const Observation::Values &gradients);

} // namespace jepa

#endif // JEPA_COMPILER_DRIVER_CHECKCOMPARISON_H
