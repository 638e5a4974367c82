//===- Replay.cpp - running on given tensors and nothing random ----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/train/Replay.h"

#include "runtime/core/Error.h"
#include "runtime/core/State.h"
#include "runtime/io/Elements.h"
#include "runtime/io/Safetensors.h"

#include <algorithm>
#include <charconv>
#include <cstring>

using namespace jepa::rt;

namespace {

/// The bytes of one input. They are written before each step: a plan may put
/// other values where an input lay once it has been read.
struct Input {
  const Buffer *buffer;
  std::vector<std::byte> bytes;
};

} // namespace

/// Reads the mask `name`. Where lengths are a run-time matter the file may hold
/// fewer tokens than the capacity: the last one is repeated and the length set.
static void readMask(const SafetensorsReader &reader, const Plan &plan, const Buffer &buffer,
                     std::vector<Input> &inputs) {
  const TensorInfo &info = reader.at(buffer.name);
  const Buffer *lengthBuffer = plan.find(buffer.name + ".length");
  std::int64_t rows = buffer.shape.at(0), capacity = buffer.shape.at(1);
  bool fits = info.shape.size() == 2 && info.shape[0] == rows &&
              (info.shape[1] == capacity || (lengthBuffer && info.shape[1] <= capacity));
  if (!fits)
    throw Error("'" + reader.path() + "': tensor '" + info.name + "' has shape " +
                shapeText(info.shape) + ", expected " + shapeText(buffer.shape));
  std::int64_t columns = info.shape[1];
  std::vector<std::int32_t> stored(static_cast<std::size_t>(info.elements));
  reader.read(info, DType::I32, stored.data());
  checkMask("'" + reader.path() + "': '" + info.name + "'", stored.data(), rows, columns,
            buffer.maskTokens);
  Input input{&buffer, std::vector<std::byte>(static_cast<std::size_t>(buffer.bytes))};
  auto *indices = reinterpret_cast<std::int32_t *>(input.bytes.data());
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t column = 0; column < capacity; ++column)
      indices[row * capacity + column] = stored[row * columns + std::min(column, columns - 1)];
  inputs.push_back(std::move(input));
  if (lengthBuffer) {
    auto length = static_cast<std::int32_t>(columns);
    Input lengthInput{lengthBuffer, std::vector<std::byte>(sizeof(length))};
    std::memcpy(lengthInput.bytes.data(), &length, sizeof(length));
    inputs.push_back(std::move(lengthInput));
  }
}

/// Where each clip's entries begin: what the file says, or cut evenly.
static std::vector<std::int32_t> readBounds(const SafetensorsReader &reader, const TensorInfo &mask,
                                            const std::string &name, std::int64_t clips) {
  std::string where = "'" + reader.path() + "': '" + name + "'";
  std::vector<std::int32_t> bounds(static_cast<std::size_t>(clips) + 1);
  if (const TensorInfo *info = reader.find(name)) {
    reader.readShaped(name, {clips + 1}, DType::I32, bounds.data());
    if (mask.shape.size() != 1 || bounds.front() != 0 || bounds.back() != mask.elements ||
        !std::is_sorted(bounds.begin(), bounds.end()))
      throw Error(where + " (" + shapeText(info->shape) + ") must rise from 0 to the length of the list '" + mask.name +
                  "' (" + shapeText(mask.shape) + ")");
    return bounds;
  }
  if (mask.shape.size() != 2 || mask.shape[0] != clips)
    throw Error("'" + reader.path() + "': tensor '" + mask.name + "' has shape " + shapeText(mask.shape) +
                ", expected a row for each of " + std::to_string(clips) + " clips, or one list with '" + name + "'");
  for (std::int64_t clip = 0; clip <= clips; ++clip)
    bounds[clip] = static_cast<std::int32_t>(clip * mask.shape[1]);
  return bounds;
}

/// Reads the mask `name` of a packed batch: [clips, tokens], or one list of the clips' tokens with "name.bounds".
/// Either way a token has its number within its clip.
static void readPackedMask(const SafetensorsReader &reader, const Buffer &buffer, const Buffer &boundsBuffer,
                           std::vector<Input> &inputs) {
  const TensorInfo &info = reader.at(buffer.name);
  std::int64_t clips = boundsBuffer.elements - 1, tokens = buffer.maskTokens / clips;
  std::vector<std::int32_t> bounds = readBounds(reader, info, boundsBuffer.name, clips);
  std::vector<std::int32_t> stored(static_cast<std::size_t>(info.elements));
  reader.read(info, DType::I32, stored.data());
  std::string where = "'" + reader.path() + "': '" + info.name + "'";
  for (std::int64_t clip = 0; clip < clips; ++clip)
    checkMask(where, stored.data() + bounds[clip], 1, bounds[clip + 1] - bounds[clip], tokens, clip);
  if (info.elements > buffer.elements)
    throw Error(where + " lists " + std::to_string(info.elements) + " tokens, more than the " +
                std::to_string(buffer.elements) + " that this binary has room for: build with more");
  Input list{&buffer, std::vector<std::byte>(static_cast<std::size_t>(buffer.bytes))};
  auto *indices = reinterpret_cast<std::int32_t *>(list.bytes.data());
  for (std::int64_t clip = 0; clip < clips; ++clip)
    for (std::int64_t i = bounds[clip]; i < bounds[clip + 1]; ++i)
      indices[i] = static_cast<std::int32_t>(clip * tokens) + stored[i];
  std::fill(indices + info.elements, indices + buffer.elements, indices[info.elements - 1]);
  inputs.push_back(std::move(list));
  Input limits{&boundsBuffer, std::vector<std::byte>(static_cast<std::size_t>(boundsBuffer.bytes))};
  std::memcpy(limits.bytes.data(), bounds.data(), limits.bytes.size());
  inputs.push_back(std::move(limits));
}

static std::vector<Input> readInputs(const SafetensorsReader &reader, const Plan &plan) {
  std::vector<Input> inputs;
  for (const Buffer &buffer : plan.buffers) {
    if (buffer.kind != BufferKind::Input || buffer.name == "hyper" || buffer.name.ends_with(".length") ||
        buffer.name.ends_with(boundsSuffix) || buffer.name == clipBytesName)
      continue;
    if (buffer.maskTokens > 0) {
      if (const Buffer *bounds = plan.find(buffer.name + std::string(boundsSuffix)))
        readPackedMask(reader, buffer, *bounds, inputs);
      else
        readMask(reader, plan, buffer, inputs);
      continue;
    }
    Input input{&buffer, std::vector<std::byte>(static_cast<std::size_t>(buffer.bytes))};
    reader.readShaped(buffer.name, buffer.shape, buffer.dtype, input.bytes.data());
    inputs.push_back(std::move(input));
  }
  return inputs;
}

static std::int64_t stepsOf(const SafetensorsReader &reader, const ReplayOptions &options) {
  std::int64_t steps = options.steps.value_or(1);
  if (const std::string *text = reader.metadata("steps"); text && !options.steps)
    if (std::from_chars(text->data(), text->data() + text->size(), steps).ptr !=
            text->data() + text->size() ||
        steps < 1 || steps > 1'000'000)
      throw Error("'" + reader.path() + "': the metadata 'steps' is no number of steps: '" + *text +
                  "'");
  return steps;
}

/// Writes a buffer under `name`; what is in low precision as f32, so that readers need not know of
/// it.
static void write(SafetensorsWriter &writer, const std::string &name, const Program &program,
                  const Buffer &buffer) {
  if (buffer.dtype != DType::BF16)
    return writer.add(name, buffer.dtype, buffer.shape, program.data(buffer));
  std::vector<float> wide(static_cast<std::size_t>(buffer.elements));
  convertElements(ElementType::BF16, program.data(buffer), buffer.elements, DType::F32,
                  wide.data());
  writer.add(name, DType::F32, buffer.shape, wide.data());
}

void jepa::rt::replay(const Program &program, const ReplayOptions &options) {
  const Plan &plan = program.plan;
  bool training = plan.task == Task::Train;
  SafetensorsReader reader(options.inputs);
  std::int64_t steps = training ? stepsOf(reader, options) : 1;
  std::vector<Input> inputs = readInputs(reader, plan);
  std::size_t room = SafetensorsWriter::headerBytesFor("losses") +
                     6 * (plan.model.size() + plan.target.size()) + 256;
  for (const Buffer &buffer : plan.buffers) {
    room += SafetensorsWriter::headerBytesFor("final." + buffer.name, buffer.shape.size());
    if (buffer.kind == BufferKind::Parameter) {
      reader.readShaped("init." + buffer.name, buffer.shape, buffer.dtype, program.data(buffer));
      packParameter(plan, buffer, program.arena);
    } else if (buffer.kind == BufferKind::Moment)
      std::memset(program.data(buffer), 0, static_cast<std::size_t>(buffer.bytes));
  }
  fillCopies(plan, program.arena);
  program.upload();
  SafetensorsWriter writer(options.outputs, room);
  Schedules schedules(OptimizerSettings::fromConfig(plan.config), steps);
  std::vector<double> losses;
  for (std::int64_t step = 0; step < steps; ++step) {
    for (const Input &input : inputs)
      std::memcpy(program.input(*input.buffer), input.bytes.data(), input.bytes.size());
    if (training)
      program.writeHyper(schedules.at(step));
    program.run();
    if (training)
      losses.push_back(program.scalar(plan.at("loss")));
    if (step > 0 || (training && !plan.taps))
      continue;
    for (const Buffer &buffer : plan.buffers)
      if (buffer.kind == BufferKind::Output && !(training && buffer.name == "loss")) {
        program.executor->download(buffer);
        write(writer, buffer.name, program, buffer);
      }
  }
  if (training) {
    std::vector<float> narrow(losses.begin(), losses.end());
    bool wide = plan.dtype == DType::F64;
    writer.add("losses", wide ? DType::F64 : DType::F32, {steps},
               wide ? static_cast<const void *>(losses.data()) : narrow.data());
    for (const Buffer &buffer : plan.buffers)
      if (buffer.kind == BufferKind::Parameter) {
        program.executor->download(buffer);
        write(writer, "final." + buffer.name, program, buffer);
      }
  }
  writer.finish({{"model", plan.model},
                 {"target", plan.target},
                 {"dtype", std::string(dtypeName(plan.dtype))},
                 {"steps", std::to_string(steps)}});
}
