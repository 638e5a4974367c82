//===- dsl.h - the embedded language, whole -----------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The one header that a model includes. In the order of reading:
//
//   axes.h       names for dimensions, as types
//   trace.h      recording: sizes, modules, source lines
//   tensor.h     Tensor<Axes...> and its operators
//   ops.h        what is computed from tensors alone: gelu, split, losses
//   masks.h      typed subsets of tokens: select, attendTo, concat, segment
//   attention.h  attend, and its parts: splitHeads, matmul, softmax
//   nn.h         what owns parameters: linear, layerNorm, patchEmbed
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_DSL_H
#define JEPA_DSL_H

#include "jepa/detail/attention.h"
#include "jepa/detail/axes.h"
#include "jepa/detail/masks.h"
#include "jepa/detail/nn.h"
#include "jepa/detail/ops.h"
#include "jepa/detail/tensor.h"
#include "jepa/detail/trace.h"

#endif // JEPA_DSL_H
