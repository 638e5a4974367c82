//===- JsonLines.h - a log of one JSON object per line -------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_IO_JSONLINES_H
#define JEPA_RUNTIME_IO_JSONLINES_H

#include "runtime/core/Json.h"
#include "runtime/io/AtomicFile.h"

#include <cstdint>
#include <filesystem>
#include <vector>

namespace jepa::rt {

/// The objects of a log, as far as they are whole: a killed run may leave half
/// a line at the end. A missing file is an empty log.
std::vector<Json> readJsonLines(const std::filesystem::path &path);

/// Appends to a log of steps. Each object is one write, so that a killed run
/// leaves at most its last line incomplete.
class JsonLinesWriter {
public:
  /// Keeps the lines of `path` whose "step" is at most `keepSteps` and drops the
  /// others: a resumed run logs them again. 0 begins a new log.
  JsonLinesWriter(const std::filesystem::path &path, std::int64_t keepSteps);

  void add(const Json &object);

private:
  std::filesystem::path path;
  FileHandle file;
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_IO_JSONLINES_H
