//===- AlgorithmCache.cpp - which algorithms were the fastest -------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The file: a line with the format and the CRC of what follows, then lines of
// sixteen times eight hexadecimal digits, a space, and the key.
//
//===----------------------------------------------------------------------===//
#include "runtime/cuda/AlgorithmCache.h"

#include "runtime/io/AtomicFile.h"
#include "runtime/io/Crc32c.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <sstream>

using namespace jepa::rt;
using namespace jepa::rt::cuda;

static constexpr const char *formatName = "jepac-algorithms-1";
static constexpr std::size_t digits = 16;

static std::string crcText(const std::string &text) {
  char line[64];
  std::snprintf(line, sizeof line, "%s %08x\n", formatName, crc32c(text.data(), text.size()));
  return line;
}

std::filesystem::path AlgorithmCache::defaultFile() {
  auto variable = [](const char *name) {
    const char *text = std::getenv(name);
    return std::filesystem::path(text ? text : "");
  };
  std::filesystem::path folder = variable("JEPAC_CACHE");
  if (folder.empty())
    if (std::filesystem::path cache = variable("XDG_CACHE_HOME"); !cache.empty())
      folder = cache / "jepac";
  if (folder.empty())
    if (std::filesystem::path home = variable("HOME"); !home.empty())
      folder = home / ".cache" / "jepac";
  return folder.empty() ? folder : folder / "cublaslt-algorithms";
}

AlgorithmCache::AlgorithmCache(std::filesystem::path path) : file(std::move(path)) {
  if (file.empty())
    return;
  entries = read(file);
  try {
    requireWritableFolder(file.parent_path(), "cache folder");
    // What was not used for long goes when the folder grows too large.
    std::error_code ignored;
    std::filesystem::last_write_time(file, std::filesystem::file_time_type::clock::now(), ignored);
  } catch (const Error &) {
    file.clear();
  }
}

AlgorithmCache::Entries AlgorithmCache::read(const std::filesystem::path &file) {
  std::string text;
  try {
    text = readTextFile(file);
  } catch (const Error &) {
    return {};
  }
  std::size_t end = text.find('\n');
  if (end == std::string::npos || text.substr(0, end + 1) != crcText(text.substr(end + 1)))
    return {};
  Entries entries;
  std::istringstream lines(text.substr(end + 1));
  for (std::string line; std::getline(lines, line);) {
    lt::Algorithm algorithm;
    constexpr std::size_t count = std::size(algorithm.data);
    if (line.size() <= count * digits)
      return {};
    for (std::size_t i = 0; i < count; ++i)
      algorithm.data[i] = std::strtoull(line.substr(i * digits, digits).c_str(), nullptr, 16);
    entries.emplace(line.substr(count * digits + 1), algorithm);
  }
  return entries;
}

const lt::Algorithm *AlgorithmCache::find(const std::string &key) const {
  auto found = entries.find(key);
  return found == entries.end() ? nullptr : &found->second;
}

void AlgorithmCache::add(const std::string &key, const lt::Algorithm &algorithm) {
  entries.insert_or_assign(key, algorithm);
  changed = true;
}

void AlgorithmCache::save() {
  if (!changed || file.empty())
    return;
  changed = false;
  Entries all = entries;
  all.merge(read(file));
  std::string text;
  for (const auto &[key, algorithm] : all) {
    for (std::uint64_t part : algorithm.data) {
      char hex[digits + 1];
      std::snprintf(hex, sizeof hex, "%016" PRIx64, part);
      text += hex;
    }
    text += " " + key + "\n";
  }
  writeFileAtomically(file, crcText(text) + text);
}
