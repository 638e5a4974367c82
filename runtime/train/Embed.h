//===- Embed.h - features of videos --------------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_TRAIN_EMBED_H
#define JEPA_RUNTIME_TRAIN_EMBED_H

#include "runtime/train/Program.h"
#include "runtime/video/Dataset.h"
#include "runtime/video/Nvdec.h"

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace jepa::rt {

struct EmbedOptions {
  std::vector<VideoEntry> videos;
  bool labels = false; ///< also write the videos' labels
  std::string weights; ///< a file, or a folder of checkpoints; none keeps what is in the arena
  std::string output;
  std::optional<std::int64_t> stride;
  std::shared_ptr<Nvdec> nvdec; ///< decodes the videos; none for the CPU
  std::FILE *progress = nullptr;
};

/// Writes one tensor [tokens, width] per video, under its path: the features of a
/// clip from its middle. `labels`, if asked for, and the metadata `videos` (a JSON
/// list of the tensors' names) are in the same order. Unusable videos are reported
/// and left out; throws when none is left.
void embed(const Program &program, const EmbedOptions &options);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_TRAIN_EMBED_H
