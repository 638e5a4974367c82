//===- AlgorithmCache.h - which algorithms were the fastest ---------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_CUDA_ALGORITHMCACHE_H
#define JEPA_RUNTIME_CUDA_ALGORITHMCACHE_H

#include "runtime/cuda/CublasLt.h"

#include <filesystem>
#include <map>
#include <string>

namespace jepa::rt::cuda {

/// A file of algorithms by a text of one line that says all that the choice
/// depends on. A file that is broken, or of another format, counts as empty.
class AlgorithmCache {
public:
  /// Reads the file, if there is one; an empty path keeps nothing.
  explicit AlgorithmCache(std::filesystem::path file);

  /// `cublaslt-algorithms` in `$JEPAC_CACHE`, `$XDG_CACHE_HOME/jepac` or `~/.cache/jepac`; empty where none of the
  /// three says where.
  static std::filesystem::path defaultFile();

  /// Whether what is added can be kept.
  bool keeps() const { return !file.empty(); }
  const lt::Algorithm *find(const std::string &key) const;
  void add(const std::string &key, const lt::Algorithm &algorithm);
  /// Writes what was added, beside what others added meanwhile.
  void save();

private:
  using Entries = std::map<std::string, lt::Algorithm>;
  static Entries read(const std::filesystem::path &file);

  std::filesystem::path file;
  Entries entries;
  bool changed = false;
};

} // namespace jepa::rt::cuda

#endif // JEPA_RUNTIME_CUDA_ALGORITHMCACHE_H
