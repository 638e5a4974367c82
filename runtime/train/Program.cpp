//===- Program.cpp - generated code with its plan and its memory ---------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/train/Program.h"

#include "runtime/core/Error.h"

#include <algorithm>
#include <charconv>
#include <cstring>

using namespace jepa::rt;

/// V-JEPA's own.
static constexpr std::int64_t defaultStride = 4;

std::int64_t Program::stride() const {
  const std::string *text = plan.setting("stride");
  std::int64_t value = defaultStride;
  if (text)
    std::from_chars(text->data(), text->data() + text->size(), value);
  return std::max<std::int64_t>(value, 1);
}

double Program::scalar(const Buffer &buffer) const {
  if (buffer.dtype == DType::F64)
    return *reinterpret_cast<const double *>(data(buffer));
  return *reinterpret_cast<const float *>(data(buffer));
}

void Program::upload() const {
  for (const Buffer &buffer : plan.buffers)
    if (buffer.kind <= BufferKind::Table)
      executor->upload(buffer);
}

void Program::downloadState() const {
  for (const Buffer &buffer : plan.buffers)
    if (buffer.kind == BufferKind::Parameter || buffer.kind == BufferKind::Moment)
      executor->download(buffer);
}

double Program::run() const {
  executor->stage();
  executor->launch();
  return executor->finish();
}

static void writeFlag(const Program &program, std::int32_t bytes) {
  if (const Buffer *flag = program.plan.find(clipBytesName))
    std::memcpy(program.input(*flag), &bytes, sizeof bytes);
}

std::uint8_t *Program::clipBytes() const {
  writeFlag(*this, 1);
  return reinterpret_cast<std::uint8_t *>(input(clip()));
}

void Program::writeClip(const float *values) const {
  writeFlag(*this, 0);
  const Buffer &buffer = clip();
  if (buffer.dtype == DType::F64)
    std::copy_n(values, buffer.elements, reinterpret_cast<double *>(input(buffer)));
  else
    std::copy_n(values, buffer.elements, reinterpret_cast<float *>(input(buffer)));
}

void Program::writeHyper(const HyperVector &values) const {
  const Buffer &buffer = plan.at("hyper");
  auto count = std::min<std::int64_t>(buffer.elements, hyper::Count);
  if (buffer.dtype == DType::F64)
    std::copy_n(values.begin(), count, reinterpret_cast<double *>(input(buffer)));
  else
    std::transform(values.begin(), values.begin() + count, reinterpret_cast<float *>(input(buffer)),
                   [](double value) { return static_cast<float>(value); });
}

void Program::writeMasks(const std::vector<MaskDraw> &draws) const {
  auto write = [&](const std::string &name, const std::vector<std::int32_t> &indices,
                   const std::vector<std::int32_t> &bounds, std::int64_t length) {
    const Buffer &buffer = plan.at(name);
    if (static_cast<std::int64_t>(indices.size()) != buffer.elements)
      throw Error("internal error: '" + name + "' takes " + std::to_string(buffer.elements) +
                  " indices, drew " + std::to_string(indices.size()) + "; please report it");
    std::memcpy(input(buffer), indices.data(), indices.size() * sizeof(std::int32_t));
    if (const Buffer *place = plan.find(name + ".length"))
      *reinterpret_cast<std::int32_t *>(input(*place)) = static_cast<std::int32_t>(length);
    if (const Buffer *place = plan.find(name + std::string(boundsSuffix)))
      std::memcpy(input(*place), bounds.data(),
                  std::min(bounds.size(), static_cast<std::size_t>(place->elements)) * sizeof(std::int32_t));
  };
  for (std::size_t group = 0; group < draws.size(); ++group) {
    write(maskName(group, "context"), draws[group].context, draws[group].contextBounds, draws[group].contextLength);
    write(maskName(group, "target"), draws[group].target, draws[group].targetBounds, draws[group].targetLength);
  }
}

std::string jepa::rt::maskName(std::size_t group, const char *side) {
  return "mask" + std::to_string(group) + "." + side;
}

void jepa::rt::checkMask(const std::string &where, const std::int32_t *indices, std::int64_t rows, std::int64_t columns,
                         std::int64_t tokens, std::int64_t firstClip) {
  if (columns == 0)
    throw Error(where + " is empty: a mask needs at least one token");
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t column = 0; column < columns; ++column) {
      std::int32_t index = indices[row * columns + column];
      std::string place = where + " clip " + std::to_string(firstClip + row) + " position " + std::to_string(column);
      if (index < 0 || index >= tokens)
        throw Error(place + ": token " + std::to_string(index) + " is not within 0.." +
                    std::to_string(tokens - 1));
      if (column > 0 && index <= indices[row * columns + column - 1])
        throw Error(place + ": token " + std::to_string(index) + " follows " +
                    std::to_string(indices[row * columns + column - 1]) +
                    ", expected strictly increasing tokens");
    }
}
