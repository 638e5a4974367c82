//===- Bulk.cpp - memory barriers and the copy engine ---------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "simt/Primitives.h"
#include "simt/Swizzle.h"

using namespace simt;
using namespace jepa;

/// The barrier at an address, which must have been initialised.
static MemoryBarrier &barrierAt(const device::Word64 *address) {
  for (MemoryBarrier &barrier : block->memoryBarriers)
    if (barrier.address == address)
      return barrier;
  fail("thread %u uses a memory barrier that was never initialised", self->index);
}

/// Ends the phase if nothing is missing any more.
static void settle(MemoryBarrier &barrier) {
  if (barrier.pending || barrier.bytes)
    return;
  barrier.phase ^= 1;
  barrier.pending = barrier.expected;
  for (Thread *thread : barrier.waiting)
    wake(*thread);
  barrier.waiting.clear();
}

void device::host::barrierInit(Word64 *address, int arrivals) {
  Inside inside;
  access(*self, Proxy::Generic, address, sizeof *address, true);
  MemoryBarrier barrier;
  barrier.address = address;
  barrier.expected = barrier.pending = static_cast<unsigned>(arrivals);
  barrier.initialiser = self;
  block->memoryBarriers.push_back(barrier);
}

void device::host::barrierPublish(bool async) {
  Inside inside;
  for (MemoryBarrier &barrier : block->memoryBarriers)
    barrier.published = barrier.published || barrier.initialiser == self;
  if (!async)
    return;
  release(*self, Proxy::Generic, &self->fence);
  acquire(*self, Proxy::Async, &self->fence);
}

void device::host::barrierArrive(Word64 *address, int bytes) {
  Inside inside;
  access(*self, Proxy::Generic, address, sizeof *address, false);
  MemoryBarrier &barrier = barrierAt(address);
  if (!barrier.pending)
    fail("thread %u: more arrivals than the memory barrier expects", self->index);
  barrier.tags.release(*self);
  barrier.bytes += bytes;
  --barrier.pending;
  settle(barrier);
}

void device::host::barrierWait(Word64 *address, int parity, const Where &where) {
  Inside inside;
  access(*self, Proxy::Generic, address, sizeof *address, false);
  MemoryBarrier &barrier = barrierAt(address);
  while (barrier.phase == static_cast<unsigned>(parity)) {
    barrier.waiting.push_back(self);
    wait("mbarrierWait", where);
  }
  barrier.tags.acquire(*self);
}

device::TensorMap (*device::elsewhereMap)(const void *, long long, long long, long long, int, int) = nullptr;

device::TensorMap device::tensorMap(const void *data, long long rows, long long columns, long long stride, int boxRows,
                                    int boxColumns) {
  if (elsewhereMap)
    return elsewhereMap(data, rows, columns, stride, boxRows, boxColumns);
  return {data, columns, rows, stride * 2, boxColumns, boxRows, {}};
}

void device::bulkCopy(void *to, const TensorMap *map, int column, int row, Word64 *address, Where where) {
  Inside inside;
  int panel = map->boxColumns * 2;
  auto offset = static_cast<unsigned char *>(to) - block->shared;
  if (panel != 128 && panel != 64 && panel != 32)
    fail("bulkCopy at %s: a box of %d bytes has no swizzle", text(where).c_str(), panel);
  if (offset < 0 || offset + panel * map->boxRows > static_cast<long>(block->sharedBytes))
    fail("bulkCopy at %s: the box lies outside the shared memory", text(where).c_str());
  if (offset % (panel * 8))
    fail("bulkCopy at %s: the box does not begin where the permutation does", text(where).c_str());
  MemoryBarrier &barrier = barrierAt(address);
  if (!barrier.published)
    fail("bulkCopy at %s: no fence has shown the memory barrier to the copy engine", text(where).c_str());
  BulkCopy copy{static_cast<unsigned char *>(to), {}, column, row, &barrier, self};
  copyBytes(copy.map, map, sizeof *map);
  if (landsNow())
    landBulkCopy(copy);
  else
    block->bulkCopies.push_back(copy);
}

void simt::landBulkCopy(const BulkCopy &copy) {
  const auto &map = *reinterpret_cast<const device::TensorMap *>(copy.map);
  int panel = map.boxColumns * 2;
  for (int r = 0; r < map.boxRows; ++r)
    for (int c = 0; c < map.boxColumns; ++c) {
      long long row = copy.row + r, column = copy.column + c;
      unsigned short value = 0; // outside the tensor
      if (row >= 0 && row < map.rows && column >= 0 && column < map.columns) {
        auto *from = static_cast<const unsigned char *>(map.data) + row * map.stride + column * 2;
        access(*copy.by, Proxy::Async, from, 2, false);
        copyBytes(&value, from, 2);
      }
      unsigned char *to = block->shared + swizzled(copy.to - block->shared + r * panel + c * 2, panel);
      access(*copy.by, Proxy::Async, to, 2, true);
      copyBytes(to, &value, 2);
    }
  // Whoever waits sees the bytes through either proxy.
  release(*copy.by, Proxy::Async, &copy.barrier->tags.generic);
  release(*copy.by, Proxy::Async, &copy.barrier->tags.async);
  copy.barrier->bytes -= panel * map.boxRows;
  settle(*copy.barrier);
}
