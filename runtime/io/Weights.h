//===- Weights.h - loading parameters by their published names -----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A file may hold several modules (encoder, target_encoder, predictor, and what
// is no weight: optimiser states), and any of them may be wrapped: the names
// `target_encoder.module.backbone.norm.bias`, `backbone.norm.bias` and
// `norm.bias` all mean norm.bias of some encoder.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_IO_WEIGHTS_H
#define JEPA_RUNTIME_IO_WEIGHTS_H

#include "runtime/core/Plan.h"
#include "runtime/io/Safetensors.h"

#include <cstddef>
#include <string>
#include <vector>

namespace jepa::rt {

/// Loads the parameters of `plan` into its arena, and returns one phrase per
/// module that says where it came from.
///
/// To embed, the encoder is taken from `target_encoder.*` if present, else from
/// `encoder.*`, else from bare names. To train, from `encoder.*` first; a file
/// without a teacher gives the teacher the encoder's weights, and one without a
/// predictor leaves the predictor as it is. Position tables and other modules'
/// tensors are ignored. A missing, unknown or misshaped tensor within a module is
/// an error that names it.
std::vector<std::string> loadWeights(const SafetensorsReader &reader, const Plan &plan,
                                     std::byte *arena);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_IO_WEIGHTS_H
