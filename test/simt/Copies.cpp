//===- Copies.cpp - cp.async ----------------------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "simt/Primitives.h"

using namespace simt;
using namespace jepa;

void simt::landCopies(std::vector<Copy> &copies) {
  for (const Copy &copy : copies) {
    access(*self, Proxy::Generic, copy.from, copy.valid, false);
    access(*self, Proxy::Generic, copy.to, copy.bytes, true);
    static constexpr unsigned char zeros[16] = {};
    copyBytes(copy.to, copy.from, copy.valid);
    copyBytes(static_cast<char *>(copy.to) + copy.valid, zeros, copy.bytes - copy.valid);
  }
  copies.clear();
}

void device::host::copyAsync(void *to, const void *from, unsigned bytes, bool valid) {
  if ((reinterpret_cast<std::uintptr_t>(to) | reinterpret_cast<std::uintptr_t>(from)) % bytes)
    fail("copyAsync: thread %u: an address is not aligned to %u bytes", self->index, bytes);
  Inside inside;
  std::vector<Copy> one{{to, from, bytes, valid ? bytes : 0}};
  if (landsNow())
    landCopies(one);
  else
    self->open.push_back(one[0]);
}

void device::host::copyCommit() {
  Inside inside;
  self->commits.push_back(std::move(self->open));
  self->open.clear();
}

void device::host::copyWait(int left) {
  Inside inside;
  for (auto &commits = self->commits; commits.size() > static_cast<std::size_t>(left); commits.pop_front())
    landCopies(commits.front());
}
