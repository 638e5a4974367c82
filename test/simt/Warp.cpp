//===- Warp.cpp - collectives of a warp -----------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A collective is a meeting of lanes: the last one to come computes for all,
// with pointers to what the others hold on their stacks. Shuffles, ldmatrix and
// mma do not order memory, so ThreadSanitizer hears of no order from them.
//
//===----------------------------------------------------------------------===//
#include "simt/Primitives.h"

#include <bit>
#include <cstring>

using namespace simt;
using namespace jepa;

/// The meeting of `mask`: the one under way, or a free place.
static Meeting &meetingOf(std::uint32_t mask, const char *what, const Where &where) {
  Meeting *place = nullptr;
  for (int slot = 0; slot < 4; ++slot) {
    Meeting &meeting = block->meetings[self->warp * 4 + slot];
    if (meeting.arrived && meeting.mask == mask)
      return meeting;
    if (meeting.arrived & mask && meeting.mask >> self->lane & 1)
      fail("divergent warp: thread %u reached %s at %s, whose lanes %08x include some that wait for it in %s at %s",
           self->index, what, text(where).c_str(), mask, meeting.what, text(meeting.where).c_str());
    if (!meeting.arrived && !place)
      place = &meeting;
  }
  if (!place)
    fail("%s at %s: a warp in more than four parts", what, text(where).c_str());
  place->mask = mask;
  place->what = what;
  place->where = where;
  return *place;
}

void simt::meet(std::uint32_t mask, const char *what, const Where &where, void *argument, Collective act,
                const void *common, bool orders) {
  Inside inside;
  Thread &me = *self;
  if (!(mask >> me.lane & 1))
    fail("%s at %s: thread %u is not among its own lanes %08x", what, text(where).c_str(), me.index, mask);
  Meeting &meeting = meetingOf(mask, what, where);
  if (std::strcmp(meeting.what, what) || meeting.where.line() != where.line())
    fail("divergent warp: thread %u reached %s at %s while lanes %08x wait at %s at %s", me.index, what,
         text(where).c_str(), meeting.arrived, meeting.what, text(meeting.where).c_str());
  meeting.arguments[me.lane] = argument;
  meeting.arrived |= 1u << me.lane;
  if (orders)
    meeting.tags.release(me);
  if (meeting.arrived != mask) {
    wait(what, where);
  } else {
    if (act)
      act(common, meeting.arguments);
    meeting.arrived = 0;
    for (std::uint32_t others = mask & ~(1u << me.lane); others; others &= others - 1)
      wake(block->threads[me.warp * 32 + static_cast<unsigned>(std::countr_zero(others))]);
  }
  if (orders)
    meeting.tags.acquire(me);
}

namespace {
struct Shuffled {
  void *value;
  unsigned bytes, from;
  unsigned char result[8];
};
struct Vote {
  bool predicate;
  unsigned result;
};
struct Row {
  std::uint16_t values[8];
  unsigned *result;
};
struct Product {
  float *sums;
  const unsigned *a;
  unsigned b0, b1;
};
} // namespace

/// Calls body(lane) for each lane of a mask.
template <class Body> static void forLanes(std::uint32_t mask, Body body) {
  for (; mask; mask &= mask - 1)
    body(std::countr_zero(mask));
}

void device::host::shuffle(void *value, unsigned bytes, unsigned from, unsigned mask, const char *what,
                           const Where &where) {
  if (!(mask >> from & 1))
    fail("%s at %s: thread %u reads lane %u, which is not among lanes %08x", what, text(where).c_str(), self->index,
         from, mask);
  Shuffled mine{value, bytes, from, {}};
  meet(
      mask, what, where, &mine,
      [](const void *common, void **all) {
        std::uint32_t mask = *static_cast<const std::uint32_t *>(common);
        auto at = [&](unsigned lane) -> Shuffled & { return *static_cast<Shuffled *>(all[lane]); };
        forLanes(mask, [&](int lane) { copyBytes(at(lane).result, at(at(lane).from).value, at(lane).bytes); });
        forLanes(mask, [&](int lane) { copyBytes(at(lane).value, at(lane).result, at(lane).bytes); });
      },
      &mask);
}

unsigned device::ballot(bool predicate, unsigned mask, Where where) {
  Vote mine{predicate, 0};
  meet(
      mask, "ballot", where, &mine,
      [](const void *common, void **all) {
        std::uint32_t mask = *static_cast<const std::uint32_t *>(common), votes = 0;
        forLanes(mask, [&](int lane) { votes |= unsigned(static_cast<Vote *>(all[lane])->predicate) << lane; });
        forLanes(mask, [&](int lane) { static_cast<Vote *>(all[lane])->result = votes; });
      },
      &mask);
  return mine.result;
}

void device::host::loadMatrix(unsigned (&r)[4], const void *row, bool transposed, const Where &where) {
  const char *what = transposed ? "loadMatrixTransposed" : "loadMatrix";
  if (reinterpret_cast<std::uintptr_t>(row) % 16)
    fail("%s at %s: thread %u gives a row that is not aligned to 16 bytes", what, text(where).c_str(), self->index);
  Row mine;
  mine.result = r;
  {
    // Each lane reads the row that it names itself, so that a sanitizer blames the right one.
    Inside inside;
    access(*self, Proxy::Generic, row, 16, false);
  }
  copyBytes(mine.values, row, 16);
  meet(
      ~0u, what, where, &mine,
      [](const void *common, void **all) {
        bool transposed = *static_cast<const bool *>(common);
        auto value = [&](int row, int column) -> unsigned { return static_cast<Row *>(all[row])->values[column]; };
        for (int lane = 0; lane < 32; ++lane)
          for (int matrix = 0; matrix < 4; ++matrix) {
            int row = lane / 4, column = lane % 4 * 2, first = matrix * 8;
            static_cast<Row *>(all[lane])->result[matrix] =
                transposed ? value(first + column, row) | value(first + column + 1, row) << 16
                           : value(first + row, column) | value(first + row, column + 1) << 16;
          }
      },
      &transposed);
}

void device::multiply(float (&sums)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, Where where) {
  Product mine{sums, a, b0, b1};
  meet(~0u, "multiply", where, &mine, [](const void *, void **all) {
    auto low = [](unsigned pair) { return bitsToFloat(pair << 16); };
    auto high = [](unsigned pair) { return bitsToFloat(pair & 0xffff0000); };
    float a[16][16], b[16][8], c[16][8];
    for (int lane = 0; lane < 32; ++lane) {
      const Product &its = *static_cast<Product *>(all[lane]);
      int row = lane / 4, column = lane % 4 * 2;
      for (int r = 0; r < 4; ++r) {
        a[row + r % 2 * 8][column + r / 2 * 8] = low(its.a[r]);
        a[row + r % 2 * 8][column + r / 2 * 8 + 1] = high(its.a[r]);
        c[row + r / 2 * 8][column + r % 2] = its.sums[r];
      }
      for (int r = 0; r < 2; ++r) {
        b[column + r * 8][row] = low(r ? its.b1 : its.b0);
        b[column + r * 8 + 1][row] = high(r ? its.b1 : its.b0);
      }
    }
    for (int i = 0; i < 16; ++i)
      for (int k = 0; k < 16; ++k)
        for (int j = 0; j < 8; ++j)
          c[i][j] += a[i][k] * b[k][j];
    for (int lane = 0; lane < 32; ++lane)
      for (int r = 0; r < 4; ++r)
        static_cast<Product *>(all[lane])->sums[r] = c[lane / 4 + r / 2 * 8][lane % 4 * 2 + r % 2];
  });
}
