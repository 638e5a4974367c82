//===- InputStage.cpp - how inputs come to a step on a GPU ----------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/cuda/InputStage.h"

#include <cstring>

using namespace jepa::rt;
using namespace jepa::rt::cuda;

static std::int64_t rounded(std::int64_t bytes) { return (bytes + 255) / 256 * 256; }

std::int64_t InputStage::bytes(const Plan &plan) {
  std::int64_t sum = 0;
  for (const Buffer &buffer : plan.buffers)
    if (buffer.kind == BufferKind::Input)
      sum += rounded(buffer.bytes);
  return sum;
}

InputStage::InputStage(const Device &device, const Plan &plan, DevicePointer arena, DevicePointer staging)
    : device(device), plan(plan), arena(arena), staging(staging), slots{{device, bytes(plan)}, {device, bytes(plan)}},
      taken(device) {
  std::int64_t offset = 0;
  for (const Buffer &buffer : plan.buffers)
    if (buffer.kind == BufferKind::Input) {
      places.push_back({&buffer, offset});
      offset += rounded(buffer.bytes);
    }
  device.check(device.driver.streamCreate(&copies, streamNonBlocking), "making a stream");
}

InputStage::~InputStage() {
  // Nothing may be copied any more from slots that go away; what went wrong was said already.
  device.driver.streamSynchronize(copies);
  device.driver.streamDestroy(copies);
}

std::int64_t InputStage::offsetOf(const Buffer &buffer) const {
  for (const Place &place : places)
    if (place.buffer == &buffer)
      return place.offset;
  throw Error("internal error: '" + buffer.name + "' is no input; please report it");
}

/// A clip of bytes is a quarter of one of floats.
std::size_t InputStage::sizeOf(const Slot &slot, const Place &place) const {
  const Buffer *flag = place.buffer->name == "clip" ? plan.find(clipBytesName) : nullptr;
  std::int32_t bytes = 0;
  if (flag)
    std::memcpy(&bytes, slot.memory.get() + offsetOf(*flag), sizeof bytes);
  return static_cast<std::size_t>(bytes ? place.buffer->elements : place.buffer->bytes);
}

std::byte *InputStage::input(const Buffer &buffer) { return slots[next].memory.get() + offsetOf(buffer); }

void InputStage::stage() {
  Slot &slot = slots[next];
  taken.holdBack(copies);
  for (const Place &place : places)
    device.check(device.driver.copyToDevice(staging + static_cast<DevicePointer>(place.offset),
                                            slot.memory.get() + place.offset, sizeOf(slot, place), copies),
                 "copying inputs");
  slot.uploaded.record(copies);
  staged = &slot;
  next ^= 1;
}

void InputStage::take() {
  for (const Place &place : places)
    device.check(device.driver.copyOnDevice(arena + static_cast<DevicePointer>(place.buffer->offset),
                                            staging + static_cast<DevicePointer>(place.offset), sizeOf(*staged, place),
                                            device.stream()),
                 "copying inputs");
  taken.record(device.stream());
}
