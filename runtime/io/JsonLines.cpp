//===- JsonLines.cpp - a log of one JSON object per line -----------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/io/JsonLines.h"

#include "runtime/core/Error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

using namespace jepa::rt;
namespace fs = std::filesystem;

std::vector<Json> jepa::rt::readJsonLines(const fs::path &path) {
  std::vector<Json> objects;
  if (!fs::exists(path))
    return objects;
  std::string text = readTextFile(path);
  for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    try {
      objects.push_back(Json::parse(std::string_view(text).substr(begin, end - begin)));
    } catch (const Error &) {
      break;
    }
  }
  return objects;
}

JsonLinesWriter::JsonLinesWriter(const fs::path &path, std::int64_t keepSteps) : path(path) {
  std::string kept;
  if (keepSteps > 0)
    for (const Json &object : readJsonLines(path))
      if (const Json *step = object.isObject() ? object.find("step") : nullptr;
          step && step->isNumber() && step->asReal() <= static_cast<double>(keepSteps))
        kept += object.dump() + "\n";
  writeFileAtomically(path, kept);
  file = FileHandle(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!file)
    throw Error("cannot write the log '" + path.string() + "': " + std::strerror(errno));
}

void JsonLinesWriter::add(const Json &object) {
  std::string line = object.dump() + "\n";
  ssize_t written = ::write(file.get(), line.data(), line.size());
  if (written != static_cast<ssize_t>(line.size()))
    throw Error("cannot write the log '" + path.string() +
                "': " + std::strerror(written < 0 ? errno : ENOSPC));
}
