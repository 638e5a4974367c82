//===- BuildCache.h - what was built once is not built again ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A content-addressed folder. A key is the digest of everything that decides a
// build: the imported IR without locations, the pipelines, the request, the
// machine, and the programs and libraries that do the work. An entry holds the
// generated code and the plan:
//
//   DIR/ab/ab12...: magic, digest of key and contents, size of the code, code, plan
//
// Entries appear whole (written aside and renamed), so any number of builds may
// share a folder; one that does not match its digest counts as absent and is
// written again. Reading an entry makes it young; a store that takes the folder
// over its bound removes the oldest ones.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_DRIVER_BUILDCACHE_H
#define JEPA_COMPILER_DRIVER_BUILDCACHE_H

#include "compiler/driver/Compiler.h"

#include <cstdint>
#include <optional>
#include <string>

namespace jepa {

/// What a build leaves: the parts of an artifact that are not the runtime.
struct BuildResult {
  /// A shared object and the plan's JSON.
  std::string code, plan;
};

class BuildCache {
public:
  static constexpr uint64_t defaultBytes = uint64_t(5) << 30;

  /// Uses `folder`, which is made when something is stored, and keeps it below `bytes`.
  explicit BuildCache(std::string folder, uint64_t bytes = defaultBytes) : folder(std::move(folder)), bytes(bytes) {}

  /// The entry of that key. An unreadable or damaged one is none.
  std::optional<BuildResult> find(const std::string &key) const;

  /// Throws rt::Error when the folder cannot be written.
  void store(const std::string &key, const BuildResult &result) const;

  /// `$JEPAC_CACHE`, `$XDG_CACHE_HOME/jepac` or `~/.cache/jepac`; empty where none of the three says where.
  static std::string defaultFolder();

private:
  std::string pathOf(const std::string &key) const;
  void removeOldest() const;

  std::string folder;
  uint64_t bytes;
};

/// The key, in hexadecimal, of the build of `compiler`, which is at Phase::Jepa, on the executable `runtime`. Throws
/// rt::Error when a file that it depends on cannot be read.
std::string buildKey(Compiler &compiler, const Specialisation &specialisation, const std::string &runtime);

} // namespace jepa

#endif // JEPA_COMPILER_DRIVER_BUILDCACHE_H
