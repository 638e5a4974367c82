//===- Dataset.cpp - lists of labelled videos -----------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/video/Dataset.h"

#include "runtime/core/Error.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>

namespace jepa::rt {

namespace fs = std::filesystem;

namespace {

constexpr std::array<std::string_view, 18> extensions = {".mp4", ".mkv",  ".webm", ".avi", ".mov", ".m4v",
                                                         ".mpg", ".mpeg", ".wmv",  ".flv", ".ts",  ".3gp",
                                                         ".ogv", ".gif",  ".jpg",  ".png", ".jpeg", ".h264"};

std::vector<VideoEntry> readFolder(const fs::path &folder) {
  std::vector<VideoEntry> entries;
  std::error_code code;
  fs::recursive_directory_iterator walk(folder, fs::directory_options::skip_permission_denied, code), end;
  for (; !code && walk != end; walk.increment(code)) {
    std::string extension = walk->path().extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    std::error_code ignored;
    if (std::find(extensions.begin(), extensions.end(), extension) != extensions.end() &&
        !walk->is_directory(ignored))
      entries.push_back({walk->path().string(), -1});
  }
  if (code)
    throw Error("cannot read folder " + folder.string() + ": " + code.message());
  if (entries.empty())
    throw usageError("folder " + folder.string() + " holds no videos: give one that does, or a list of `path label`");
  std::sort(entries.begin(), entries.end(), [](const VideoEntry &a, const VideoEntry &b) { return a.path < b.path; });
  return entries;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
    text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
    text.remove_suffix(1);
  return text;
}

std::optional<int> asLabel(std::string_view text) {
  int label = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), label);
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    return {};
  return label;
}

VideoEntry splitLine(std::string_view line) {
  for (std::string_view separator : {std::string_view(" "), std::string_view("\t"), std::string_view("::")}) {
    std::size_t place = line.rfind(separator);
    if (place == std::string_view::npos)
      continue;
    std::optional<int> label = asLabel(line.substr(place + separator.size()));
    std::string_view path = trim(line.substr(0, place));
    if (label && !path.empty())
      return {std::string(path), *label};
  }
  return {std::string(line), -1};
}

} // namespace

std::vector<VideoEntry> readDataset(const std::string &list) {
  std::error_code code;
  fs::file_status status = fs::status(list, code);
  if (!fs::exists(status))
    throw usageError("cannot find the list of videos " + list + ": give a text file of `path label` or a folder");
  if (fs::is_directory(status))
    return readFolder(list);
  std::ifstream file(list, std::ios::binary);
  if (!file)
    throw Error("cannot read the list of videos " + list + ": " + std::strerror(errno));

  std::vector<VideoEntry> entries;
  fs::path folder = fs::path(list).parent_path();
  std::string line;
  for (std::int64_t number = 1; std::getline(file, line); ++number) {
    if (line.find('\0') != std::string::npos)
      throw usageError(list + " is not a text file: give a list of `path label`, or the folder that the videos are in");
    std::string_view text = line;
    if (number == 1 && text.starts_with("\xef\xbb\xbf"))
      text.remove_prefix(3);
    text = trim(text);
    if (text.empty())
      continue;
    VideoEntry entry = splitLine(text);
    fs::path path(entry.path);
    if (path.is_relative() && fs::exists(folder / path, code))
      path = folder / path;
    if (fs::is_directory(path, code))
      throw usageError(list + ":" + std::to_string(number) + ": " + entry.path +
                       " is a folder: list its videos, or give the folder itself instead of a list");
    entry.path = path.string();
    entries.push_back(std::move(entry));
  }
  if (file.bad())
    throw Error("cannot read the list of videos " + list + ": " + std::strerror(errno));
  if (entries.empty())
    throw usageError("the list of videos " + list + " is empty: write one `path label` per line");
  return entries;
}

} // namespace jepa::rt
