//===- InputStage.cpp - how inputs come to a step on a GPU ----------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/cuda/InputStage.h"

#include <cstring>

using namespace jepa::rt;
using namespace jepa::rt::cuda;

static std::int64_t rounded(std::int64_t bytes) { return (bytes + 255) / 256 * 256; }

/// What travels of an input with each step.
static std::int64_t travelling(const Plan &plan, const Buffer &buffer) {
  return buffer.name == "clip" && plan.find(clipBytesName) ? buffer.elements : buffer.bytes;
}

std::int64_t InputStage::bytes(const Plan &plan) {
  std::int64_t sum = 0;
  for (const Buffer &buffer : plan.buffers)
    if (buffer.kind == BufferKind::Input)
      sum += rounded(travelling(plan, buffer));
  return sum;
}

InputStage::InputStage(const Device &device, const Plan &plan, DevicePointer arena, DevicePointer staging)
    : device(device), plan(plan), arena(arena), staging(staging), slots{{device, bytes(plan)}, {device, bytes(plan)}},
      taken(device) {
  std::int64_t offset = 0;
  for (const Buffer &buffer : plan.buffers)
    if (buffer.kind == BufferKind::Input) {
      places.push_back({&buffer, offset, travelling(plan, buffer)});
      offset += rounded(places.back().bytes);
    }
  device.check(device.driver.streamCreate(&copies, streamNonBlocking), "making a stream");
}

InputStage::~InputStage() {
  // Nothing may be copied any more from slots that go away; what went wrong was said already.
  device.driver.streamSynchronize(copies);
  device.driver.streamDestroy(copies);
}

const InputStage::Place &InputStage::placeOf(const Buffer &buffer) const {
  for (const Place &place : places)
    if (place.buffer == &buffer)
      return place;
  throw Error("internal error: '" + buffer.name + "' is no input; please report it");
}

/// Whether a slot has a clip of floats where bytes would travel.
bool InputStage::isWide(const Slot &slot, const Place &place) const {
  if (place.bytes == place.buffer->bytes)
    return false;
  std::int32_t isBytes = 0;
  std::memcpy(&isBytes, slot.memory.get() + placeOf(*plan.find(clipBytesName)).offset, sizeof isBytes);
  return !isBytes;
}

std::byte *InputStage::input(const Buffer &buffer) {
  Slot &slot = slots[next];
  const Place &place = placeOf(buffer);
  if (!isWide(slot, place))
    return slot.memory.get() + place.offset;
  if (!slot.floats)
    slot.floats.emplace(device, buffer.bytes);
  return slot.floats->get();
}

void InputStage::stage() {
  Slot &slot = slots[next];
  taken.holdBack(copies);
  for (const Place &place : places)
    if (!isWide(slot, place))
      device.check(device.driver.copyToDevice(staging + static_cast<DevicePointer>(place.offset),
                                              slot.memory.get() + place.offset, static_cast<std::size_t>(place.bytes),
                                              copies),
                   "copying inputs");
  slot.uploaded.record(copies);
  staged = &slot;
  next ^= 1;
}

void InputStage::take() {
  for (const Place &place : places) {
    DevicePointer to = arena + static_cast<DevicePointer>(place.buffer->offset);
    if (!isWide(*staged, place))
      device.check(device.driver.copyOnDevice(to, staging + static_cast<DevicePointer>(place.offset),
                                              static_cast<std::size_t>(place.bytes), device.stream()),
                   "copying inputs");
    else if (staged->floats)
      device.check(device.driver.copyToDevice(to, staged->floats->get(), static_cast<std::size_t>(place.buffer->bytes),
                                              device.stream()),
                   "copying inputs");
  }
  taken.record(device.stream());
}
