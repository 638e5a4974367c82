//===- Dataset.h - lists of labelled videos -------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_VIDEO_DATASET_H
#define JEPA_RUNTIME_VIDEO_DATASET_H

#include <string>
#include <vector>

namespace jepa::rt {

struct VideoEntry {
  std::string path;
  int label = -1; ///< -1 where none is given
};

/// Reads V-JEPA's list format: `path label` per line, split at the last space
/// (or at the last `::`), so paths may hold spaces; a line without an integer
/// at its end is a path alone. Blank lines are ignored. A relative path is
/// looked for in the list's folder, then in the current one. Given a folder,
/// takes its video and picture files, recursively, in sorted order.
///
/// Whether a listed file exists and decodes is found out when it is needed; a
/// listed folder, a missing or an empty list is a usage error; a list that
/// cannot be read is an Error.
std::vector<VideoEntry> readDataset(const std::string &list);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_VIDEO_DATASET_H
