//===- DataBench.h - how fast videos become clips -------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_TRAIN_DATABENCH_H
#define JEPA_RUNTIME_TRAIN_DATABENCH_H

#include "runtime/core/Json.h"
#include "runtime/video/ClipLoader.h"

#include <string>
#include <vector>

namespace jepa::rt {

/// Makes training clips of the videos on one thread, as the loader does (open,
/// seek, decode, crop, resize, normalise), and after each lets libavcodec alone
/// decode the same frames on the CPU, whatever decodes the clips; rounds over the
/// list until `seconds` have passed, at least two. Outside tools read the keys. Throws Error when no video can be used.
Json benchData(const std::vector<VideoEntry> &videos, const LoaderOptions &options, double seconds);

/// The same for people.
std::string dataBenchText(const Json &result);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_TRAIN_DATABENCH_H
