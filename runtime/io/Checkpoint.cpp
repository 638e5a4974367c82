//===- Checkpoint.cpp - training states that survive crashes -------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/io/Checkpoint.h"

#include "runtime/core/Error.h"
#include "runtime/core/State.h"
#include "runtime/train/Schedules.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <unistd.h>

using namespace jepa::rt;
namespace fs = std::filesystem;

static constexpr const char *latestName = "latest.safetensors";
static constexpr std::string_view filePrefix = "step-", fileSuffix = ".safetensors";
static constexpr const char *formatName = "jepac-checkpoint-1";

/// The step in a checkpoint's file name, or -1 for other files.
static std::int64_t stepOf(const fs::path &path) {
  std::string name = path.filename().string();
  if (name.size() <= filePrefix.size() + fileSuffix.size() || !name.starts_with(filePrefix) ||
      !name.ends_with(fileSuffix))
    return -1;
  std::int64_t step = -1;
  const char *end = name.data() + name.size() - fileSuffix.size();
  auto [stop, error] = std::from_chars(name.data() + filePrefix.size(), end, step);
  return error == std::errc() && stop == end ? step : -1;
}

static std::vector<fs::path> checkpointsIn(const fs::path &folder) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (stepOf(it->path()) >= 0)
      paths.push_back(it->path());
  std::sort(paths.begin(), paths.end(),
            [](const fs::path &a, const fs::path &b) { return stepOf(a) > stepOf(b); });
  return paths;
}

/// Whether a buffer belongs to the state: parameters and moments do.
static bool isState(const Buffer &buffer) {
  return buffer.kind == BufferKind::Parameter || buffer.kind == BufferKind::Moment;
}

/// A buffer's name in a checkpoint: "m:encoder.x" is optimizer.m.encoder.x.
static std::string tensorName(const Buffer &buffer) {
  if (buffer.kind != BufferKind::Moment)
    return buffer.name;
  std::size_t colon = buffer.name.find(':');
  if (colon == std::string::npos)
    return "optimizer." + buffer.name;
  return "optimizer." + buffer.name.substr(0, colon) + "." + buffer.name.substr(colon + 1);
}

/// The keys of the configuration that shape the model or its data.
static bool isGeometry(const std::string &key) { return !OptimizerSettings::isKey(key); }

template <typename T>
static std::int64_t firstNotFinite(const std::byte *data, std::int64_t elements) {
  const T *values = reinterpret_cast<const T *>(data);
  for (std::int64_t i = 0; i < elements; ++i)
    if (!std::isfinite(static_cast<double>(values[i])))
      return i;
  return -1;
}

CheckpointFolder::CheckpointFolder(fs::path folder, const Plan &plan, int keep)
    : folder(std::move(folder)), plan(plan), keep(std::max(keep, 1)) {}

void CheckpointFolder::prepare() {
  requireWritableFolder(folder, "checkpoint folder");
  std::error_code error;
  std::vector<fs::path> leftovers;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (std::string name = it->path().filename().string();
        name.starts_with(filePrefix) && name.find(".safetensors.tmp.") != std::string::npos)
      leftovers.push_back(it->path());
  for (const fs::path &path : leftovers)
    fs::remove(path, error);
}

std::vector<fs::path> CheckpointFolder::files() const { return checkpointsIn(folder); }

fs::path CheckpointFolder::save(const std::byte *arena, const TrainingPosition &position) {
  std::size_t room = 1024 + 6 * (plan.model.size() + plan.version.size());
  for (const auto &[key, value] : plan.config)
    room += 6 * (key.size() + value.size()) + 32;
  for (const Buffer &buffer : plan.buffers)
    if (isState(buffer)) {
      room += SafetensorsWriter::headerBytesFor(tensorName(buffer), buffer.shape.size());
      const std::byte *data = arena + buffer.offset;
      std::int64_t bad = buffer.dtype == DType::F64 ? firstNotFinite<double>(data, buffer.elements)
                         : buffer.dtype == DType::BF16
                             ? firstNotFinite<BFloat16>(data, buffer.elements)
                             : firstNotFinite<float>(data, buffer.elements);
      if (bad >= 0)
        throw Error("'" + tensorName(buffer) + "' is not finite after step " +
                    std::to_string(position.step) +
                    ": no checkpoint was written; lower 'lr' or set 'clip_grad', and resume from "
                    "the one before");
    }
  char name[64];
  std::snprintf(name, sizeof(name), "step-%08lld.safetensors",
                static_cast<long long>(position.step));
  fs::path path = folder / name;
  SafetensorsWriter writer(path.string(), room);
  for (const Buffer &buffer : plan.buffers)
    if (isState(buffer))
      writer.add(tensorName(buffer), buffer.dtype, buffer.shape, arena + buffer.offset);
  Metadata metadata = {{"format", formatName},
                       {"version", plan.version},
                       {"model", plan.model},
                       {"dtype", std::string(dtypeName(plan.dtype))},
                       {"step", std::to_string(position.step)},
                       {"seed", std::to_string(position.seed)},
                       {"sample", std::to_string(position.sample)},
                       {"crc32c", std::to_string(writer.checksum())}};
  for (const auto &[key, value] : plan.config)
    metadata.emplace_back("config." + key, value);
  writer.finish(metadata);

  // A link of its own, renamed over the old one: it always points at something.
  std::error_code ignored;
  fs::path link = folder / (std::string(latestName) + ".tmp." + std::to_string(getpid()));
  fs::create_symlink(name, link, ignored);
  fs::rename(link, folder / latestName, ignored);
  std::vector<fs::path> all = files();
  for (std::size_t i = static_cast<std::size_t>(keep); i < all.size(); ++i)
    fs::remove(all[i], ignored);
  return path;
}

void CheckpointFolder::requireSameGeometry(const SafetensorsReader &reader) const {
  auto refuse = [&](const std::string &what, const std::string &found,
                    const std::string &expected) {
    throw Error("checkpoint '" + reader.path() + "' has " + what + " " + found +
                ", this binary has " + expected +
                ": resume with the binary that wrote it, or choose another folder");
  };
  for (const auto &[key, value] : plan.config)
    if (const std::string *found = reader.metadata("config." + key);
        found && isGeometry(key) && *found != value)
      refuse("'" + key + "'", *found, value);
  const std::string *dtype = reader.metadata("dtype");
  if (dtype && *dtype != dtypeName(plan.dtype))
    refuse("dtype", *dtype, std::string(dtypeName(plan.dtype)));
  for (const Buffer &buffer : plan.buffers)
    if (isState(buffer)) {
      std::string name = tensorName(buffer);
      const TensorInfo *info = reader.find(name);
      if (!info)
        refuse("no tensor", "'" + name + "'", "one of shape " + shapeText(buffer.shape));
      if (info->shape != buffer.shape)
        refuse("tensor '" + name + "' of shape", shapeText(info->shape), shapeText(buffer.shape));
    }
}

/// The metadata's whole number `key`.
template <typename T> static T numberOf(const SafetensorsReader &reader, const char *key) {
  const std::string *text = reader.metadata(key);
  T value = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), value).ptr !=
                   text->data() + text->size())
    throw Error("'" + reader.path() + "' has no valid '" + key + "' among its metadata");
  return value;
}

TrainingPosition CheckpointFolder::loadFile(const SafetensorsReader &reader,
                                            std::byte *arena) const {
  TrainingPosition position;
  position.step = numberOf<std::int64_t>(reader, "step");
  position.seed = numberOf<std::uint64_t>(reader, "seed");
  position.sample = numberOf<std::int64_t>(reader, "sample");
  for (const Buffer &buffer : plan.buffers)
    if (isState(buffer))
      reader.read(reader.at(tensorName(buffer)), buffer.dtype, arena + buffer.offset);
  fillCopies(plan, arena);
  return position;
}

std::optional<TrainingPosition>
CheckpointFolder::load(std::byte *arena,
                       const std::function<void(const std::string &)> &warn) const {
  std::vector<fs::path> all = files();
  for (const fs::path &path : all) {
    std::optional<SafetensorsReader> reader;
    try {
      reader.emplace(path.string());
      const std::string *format = reader->metadata("format");
      if (!format || *format != formatName)
        throw Error("'" + path.string() + "' is no checkpoint of this version");
      if (reader->checksum() != numberOf<std::uint32_t>(*reader, "crc32c"))
        throw Error("'" + path.string() + "' is damaged: its checksum does not match its data");
    } catch (const Error &error) {
      warn(std::string(error.what()) + "; trying the checkpoint before it");
      continue;
    }
    requireSameGeometry(*reader);
    return loadFile(*reader, arena);
  }
  if (!all.empty())
    throw Error("none of the " + std::to_string(all.size()) + " checkpoints in '" +
                folder.string() + "' can be read; choose another folder to begin anew");
  return std::nullopt;
}

std::string jepa::rt::resolveWeights(const std::string &path) {
  if (!fs::is_directory(path))
    return path;
  std::vector<fs::path> all = checkpointsIn(path);
  if (all.empty())
    throw Error("the folder '" + path + "' holds no checkpoint");
  return all.front().string();
}
