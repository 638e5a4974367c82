//===- Wgmma.cpp - products of a warpgroup --------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The four warps of a warpgroup issue the same products, each for its own 16
// rows, and are not made to meet: hardware does not either. A product reads
// shared memory, and A's registers, some time between issue and wait, in the
// name of its warp's async proxy, and then adds to the sums.
//
//===----------------------------------------------------------------------===//
#include "simt/Primitives.h"
#include "simt/Swizzle.h"

using namespace simt;
using namespace jepa;

namespace {
/// A matrix in shared memory, by its descriptor.
struct Matrix {
  long start, leading, stride;
  int rowBytes;

  explicit Matrix(std::uint64_t descriptor)
      : start(long(descriptor & 0x3fff) << 4), leading(long(descriptor >> 16 & 0x3fff) << 4),
        stride(long(descriptor >> 32 & 0x3fff) << 4), rowBytes(256 >> (descriptor >> 62)) {}

  /// Where the element (row, k) is: of a matrix with k along the rows in memory, or (plain) of one with k across.
  long at(int row, int k, bool plain) const {
    int columns = rowBytes / 2;
    long offset = plain ? row / columns * leading + k / 8 * stride + k % 8 * rowBytes + row % columns * 2
                        : row / 8 * stride + row % 8 * rowBytes + k * 2;
    return swizzled(start + offset, rowBytes);
  }
};

struct Issue {
  float *sums;
  const unsigned *a;
  std::uint64_t left, right;
  int columns;
  bool plain;
};
} // namespace

static WarpProducts &products() { return block->products[self->warp]; }

static float element(const Matrix &matrix, int row, int k, bool plain) {
  long at = matrix.at(row, k, plain);
  if (at + 2 > static_cast<long>(block->sharedBytes))
    fail("wgmma reads shared memory past its end, at byte %ld", at);
  access(*self, Proxy::Async, block->shared + at, 2, false);
  unsigned short bits;
  copyBytes(&bits, block->shared + at, 2);
  return device::bitsToFloat(unsigned(bits) << 16);
}

/// Computes one warp's rows; called by any lane of that warp.
static void land(const GroupProduct &product) {
  int first = static_cast<int>(self->warp % 4 * 16);
  float a[16][16], b[16][256], c[16][256] = {};
  for (int row = 0; row < 16; ++row)
    for (int k = 0; k < 16; ++k) {
      if (product.a[0]) {
        unsigned pair = product.a[row % 8 * 4 + k % 8 / 2][row / 8 + k / 8 * 2];
        a[row][k] = device::bitsToFloat(k % 2 ? pair & 0xffff0000 : pair << 16);
      } else {
        a[row][k] = element(Matrix(product.left), first + row, k, false);
      }
    }
  Matrix right(product.right);
  for (int k = 0; k < 16; ++k)
    for (int n = 0; n < product.columns; ++n)
      b[k][n] = element(right, n, k, product.transposed);
  for (int row = 0; row < 16; ++row)
    for (int k = 0; k < 16; ++k)
      for (int n = 0; n < product.columns; ++n)
        c[row][n] += a[row][k] * b[k][n];
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < product.columns / 2; ++i)
      product.sums[lane][i] += c[lane / 4 + i / 2 % 2 * 8][i / 4 * 8 + lane % 4 * 2 + i % 2];
  release(*self, Proxy::Async, &products().tag);
}

static void landAll(std::vector<GroupProduct> &all) {
  for (const GroupProduct &product : all)
    land(product);
  all.clear();
}

device::Word64 device::matrixDescriptor(const void *first, int panelBytes, int panelStride) {
  auto offset = static_cast<const unsigned char *>(first) - block->shared;
  if (offset < 0 || offset >= static_cast<long>(block->sharedBytes) || offset % 16)
    fail("matrixDescriptor: thread %u gives an address that is not a chunk of shared memory", self->index);
  Word64 mode = panelBytes == 128 ? 1 : panelBytes == 64 ? 2 : 3;
  return Word64(offset >> 4) | Word64(panelStride >> 4) << 16 | Word64(panelBytes * 8 >> 4) << 32 | mode << 62;
}

void device::host::productFence(const Where &where) {
  meet(~0u, "wgmmaFence", where, nullptr, [](const void *, void **) { products().fenced = true; });
}

void device::host::productIssue(float *sums, int columns, const unsigned *a, Word64 left, Word64 right, bool transposed,
                                const Where &where) {
  Issue mine{sums, a, left, right, columns, transposed};
  if (!products().fenced)
    fail("wgmma at %s: no wgmmaFence before it", text(where).c_str());
  meet(
      ~0u, "wgmma", where, &mine,
      [](const void *common, void **all) {
        const Where &where = *static_cast<const Where *>(common);
        WarpProducts &its = products();
        const Issue &first = *static_cast<Issue *>(all[0]);
        GroupProduct product;
        product.left = first.left, product.right = first.right;
        product.columns = first.columns, product.transposed = first.plain;
        for (int lane = 0; lane < 32; ++lane) {
          const Issue &issue = *static_cast<Issue *>(all[lane]);
          if (issue.left != first.left || issue.right != first.right)
            fail("wgmma at %s: the lanes of a warp name different matrices", text(where).c_str());
          product.sums[lane] = issue.sums;
          product.a[lane] = issue.a;
        }
        for (std::uint64_t part : {std::uint64_t(first.left), std::uint64_t(first.right), std::uint64_t(where.line())})
          its.issued = (its.issued ^ part) * 0x100000001b3;
        if (!landsNow()) {
          its.open.push_back(product);
          return;
        }
        // What was issued earlier is done earlier.
        for (auto &commit : its.commits)
          landAll(commit);
        landAll(its.open);
        land(product);
      },
      &where);
}

void device::host::productCommit(const Where &where) {
  meet(~0u, "wgmmaCommit", where, nullptr, [](const void *, void **) {
    products().commits.push_back(std::move(products().open));
    products().open.clear();
  });
}

void device::host::productWait(int left, const Where &where) {
  meet(
      ~0u, "wgmmaWait", where, nullptr,
      [](const void *common, void **) {
        auto &commits = products().commits;
        for (; commits.size() > static_cast<std::size_t>(*static_cast<const int *>(common)); commits.pop_front())
          landAll(commits.front());
        products().fenced = false;
      },
      &left);
  Inside inside;
  acquire(*self, Proxy::Generic, &products().tag);
  acquire(*self, Proxy::Async, &products().tag);
}
