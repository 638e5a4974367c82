//===- Embed.cpp - features of videos ------------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/train/Embed.h"

#include "runtime/core/Error.h"
#include "runtime/io/Checkpoint.h"
#include "runtime/io/Progress.h"
#include "runtime/io/Safetensors.h"
#include "runtime/io/Weights.h"
#include "runtime/video/ClipLoader.h"

#include <algorithm>
#include <set>

using namespace jepa::rt;

/// The output that holds the features: `dense.norm`, or the only one.
static const Buffer &featuresOf(const Plan &plan) {
  if (const Buffer *norm = plan.find("dense.norm"))
    return *norm;
  const Buffer *only = nullptr;
  for (const Buffer &buffer : plan.buffers)
    if (buffer.kind == BufferKind::Output) {
      if (only)
        throw Error("internal error: the plan has several outputs and no 'dense.norm'; please "
                    "report it");
      only = &buffer;
    }
  if (!only)
    throw Error("internal error: the plan to embed has no output; please report it");
  return *only;
}

namespace {

/// Gathers clips into batches, runs them, and writes what comes out. While a
/// batch is in flight the next one is gathered.
class Embedder {
public:
  Embedder(const Program &program, SafetensorsWriter &writer)
      : program(program), writer(writer), features(featuresOf(program.plan)),
        clips(static_cast<std::size_t>(program.clip().elements)) {}

  /// Room for the next clip.
  float *next() {
    return clips.data() +
           pending.size() * (clips.size() / static_cast<std::size_t>(program.batch()));
  }
  void add(std::string name) {
    pending.push_back(std::move(name));
    if (static_cast<std::int64_t>(pending.size()) == program.batch())
      flush();
  }
  /// Writes the features of all clips that were added.
  void finish() {
    flush();
    collect();
  }

private:
  void flush();
  void collect();

  const Program &program;
  SafetensorsWriter &writer;
  const Buffer &features;
  std::vector<float> clips;
  std::vector<std::string> pending;  ///< names of the clips gathered so far
  std::vector<std::string> inFlight; ///< names of those that run
};

} // namespace

void Embedder::flush() {
  // First what came before: an arena may put a step's outputs where the next one's inputs go.
  collect();
  if (pending.empty())
    return;
  if (program.takesBytes()) {
    std::uint8_t *bytes = program.clipBytes();
    std::size_t each = clips.size() / static_cast<std::size_t>(program.batch());
    for (std::size_t i = 0; i < pending.size(); ++i)
      clipToBytes(bytes + i * each, clips.data() + i * each, program.clip().shape.at(2), program.clip().shape.at(3));
  } else {
    program.writeClip(clips.data());
  }
  program.executor->stage();
  program.executor->launch();
  inFlight = std::move(pending);
  pending.clear();
}

void Embedder::collect() {
  if (inFlight.empty())
    return;
  program.executor->finish();
  program.executor->download(features);
  std::vector<std::int64_t> shape(features.shape.begin() + 1, features.shape.end());
  std::int64_t bytes = features.bytes / program.batch();
  for (std::size_t i = 0; i < inFlight.size(); ++i)
    writer.add(inFlight[i], features.dtype, shape,
               program.data(features) + static_cast<std::int64_t>(i) * bytes);
  inFlight.clear();
}

void jepa::rt::embed(const Program &program, const EmbedOptions &options) {
  if (!options.weights.empty()) {
    SafetensorsReader reader(resolveWeights(options.weights));
    loadWeights(reader, program.plan, program.arena);
  }
  program.upload();
  // A name twice in a list stays two tensors.
  std::set<std::string> taken = {"labels", "__metadata__"};
  std::vector<std::string> names;
  std::size_t room =
      1024 + 6 * program.plan.model.size() + SafetensorsWriter::headerBytesFor("labels");
  for (const VideoEntry &video : options.videos) {
    std::string name = video.path;
    for (int copy = 2; !taken.insert(name).second; ++copy)
      name = video.path + "#" + std::to_string(copy);
    // Twice: as a tensor, and escaped again within the metadata.
    room += SafetensorsWriter::headerBytesFor(name) + 12 * name.size() + 16;
    names.push_back(std::move(name));
  }
  SafetensorsWriter writer(options.output, room);
  Embedder embedder(program, writer);
  const std::vector<std::int64_t> &shape = program.clip().shape;
  std::int64_t stride = options.stride.value_or(program.stride());
  Progress progress(options.progress, "embed", 0, static_cast<std::int64_t>(options.videos.size()));
  std::vector<std::int32_t> labels;
  Json order = Json::array();
  std::int64_t skipped = 0;
  for (std::size_t i = 0; i < options.videos.size(); ++i) {
    std::string problem;
    try {
      readCentreClip(embedder.next(), options.videos[i].path, shape.at(2), stride, shape.at(3), nullptr,
                     options.nvdec.get());
    } catch (const Error &error) {
      problem = error.what();
    }
    if (problem.empty()) {
      labels.push_back(options.videos[i].label);
      order.push(names[i]);
      embedder.add(names[i]);
    } else {
      ++skipped;
      progress.note("skipped: " + problem);
    }
    if (options.nvdec)
      for (const std::string &line : options.nvdec->takeNews())
        progress.note(line);
    progress.update(static_cast<std::int64_t>(i) + 1, std::to_string(skipped) + " skipped");
  }
  auto done = static_cast<std::int64_t>(labels.size());
  embedder.finish();
  progress.finish();
  if (done == 0)
    throw Error("none of the " + std::to_string(skipped) +
                " videos could be used: no features were written");
  if (options.labels)
    writer.add("labels", DType::I32, {done}, labels.data());
  writer.finish({{"model", program.plan.model}, {"videos", order.dump()}});
  std::fprintf(options.progress, "embedded %lld videos into %s, skipped %lld\n",
               static_cast<long long>(done), options.output.c_str(),
               static_cast<long long>(skipped));
  if (std::string summary = options.nvdec ? options.nvdec->summary() : ""; !summary.empty())
    std::fprintf(options.progress, "%s\n", summary.c_str());
}
