//===- InputStage.h - how inputs come to a step on a GPU ------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The next step's inputs travel while a step computes:
//
//   slot 0, 1 (pinned host) --copies--> staging (device) --compute--> arena
//
// A slot is written again when the step that took what was in it has ended,
// staging when the step before has taken its inputs out of it. An arena may put
// other values where an input lay, so nothing else writes into it.
//
// Slots and staging have room for what travels with each step: where the program
// takes clips of bytes, for these. A clip of floats that it is given instead (to
// replay) has slots of its own, from which the step itself copies it into the
// arena.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_CUDA_INPUTSTAGE_H
#define JEPA_RUNTIME_CUDA_INPUTSTAGE_H

#include "runtime/core/Plan.h"
#include "runtime/cuda/Device.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace jepa::rt::cuda {

class InputStage {
public:
  /// Bytes of staging that a plan's inputs take, and of a slot.
  static std::int64_t bytes(const Plan &plan);

  /// `arena` and `staging` are in device memory.
  InputStage(const Device &device, const Plan &plan, DevicePointer arena, DevicePointer staging);
  ~InputStage();
  InputStage(const InputStage &) = delete;
  InputStage &operator=(const InputStage &) = delete;

  /// Where the next step's input is written on the host; `clip.bytes` before the clip that it speaks of.
  std::byte *input(const Buffer &buffer);
  /// Sends off what was written.
  void stage();
  /// Makes the computing stream wait for what was sent, and then put it into the arena.
  void await() const { staged->uploaded.holdBack(device.stream()); }
  void take();

private:
  struct Place {
    const Buffer *buffer;
    std::int64_t offset, bytes; ///< in a slot and in staging
  };
  struct Slot {
    Slot(const Device &device, std::int64_t bytes) : memory(device, bytes), uploaded(device) {}
    PinnedMemory memory;
    std::optional<PinnedMemory> floats; ///< a clip of them, once there was one
    DeviceEvent uploaded;
  };
  const Place &placeOf(const Buffer &buffer) const;
  bool isWide(const Slot &slot, const Place &place) const;

  const Device &device;
  const Plan &plan;
  DevicePointer arena, staging;
  std::vector<Place> places;
  Stream copies = nullptr;
  Slot slots[2];
  int next = 0;           ///< the slot that is written
  Slot *staged = nullptr; ///< the one that await() waits for
  DeviceEvent taken;      ///< staging may be written again
};

} // namespace jepa::rt::cuda

#endif // JEPA_RUNTIME_CUDA_INPUTSTAGE_H
