//===- row.cu - groups of row ops as they are emitted ---------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "row.cuh"

using namespace jepa::device;

// A residual, its norm and the adjoint of both. A block has `each` rows of the adjoint.
#define NORM(width, T, count, each)                                                                                    \
  JEPA_KERNEL(RowBlock<width>::threads, RowBlock<width>::blocks)                                                       \
  add_layer_norm_##width(T *sum, bf16 *normalized, const T *x, const bf16 *product, const float *weight,               \
                         const float *bias) {                                                                          \
    RowBlock<width>::forRows(count, [&](int row) {                                                                     \
      auto v0 = loadRow<width>(x, row, width);                                                                         \
      auto v1 = loadRow<width>(product, row, width);                                                                   \
      auto v2 = rounded<T>(addRows(v0, v1));                                                                           \
      storeRow(sum, row, width, v2);                                                                                   \
      auto v3 = loadWhole<width>(weight);                                                                              \
      auto v4 = loadWhole<width>(bias);                                                                                \
      auto v5 = layerNorm(v2, v3, v4, 1e-6f);                                                                          \
      storeRow(normalized, row, width, v5);                                                                            \
    });                                                                                                                \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(add_layer_norm_##width, 6, RowBlock<width>)                                                         \
  JEPA_KERNEL(RowSums<width, 2>::threads, RowSums<width, 2>::blocks)                                                   \
  layer_norm_grad_##width(T *xGrad, float *partial, const bf16 *gradient, const T *x, const T *past,                   \
                          const float *weight) {                                                                       \
    RowSums<width, 2> sums;                                                                                            \
    sums.forRows(count, each, [&](int row) {                                                                           \
      auto v0 = loadRow<width>(gradient, row, width);                                                                  \
      auto v1 = loadRow<width>(x, row, width);                                                                         \
      auto v2 = loadWhole<width>(weight);                                                                              \
      auto v3 = normalize(v1, 1e-6f);                                                                                  \
      auto v4 = layerNormGrad(v0, v3, v2);                                                                             \
      auto v5 = layerNormWeightTerm(v0, v3);                                                                           \
      sums.add<0>(v5);                                                                                                 \
      sums.add<1>(v0);                                                                                                 \
      auto v6 = loadRow<width>(past, row, width);                                                                      \
      auto v7 = addRows(v6, v4);                                                                                       \
      storeRow(xGrad, row, width, v7);                                                                                 \
    });                                                                                                                \
    sums.store(partial);                                                                                               \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(layer_norm_grad_##width, 6, RowSums<width, 2>)                                                      \
  JEPA_KERNEL(RowBlock<width>::threads, RowBlock<width>::blocks)                                                       \
  plain_norm_##width(float *normalized, T *xGrad, const bf16 *gradient, const T *x) {                                  \
    RowBlock<width>::forRows(count, [&](int row) {                                                                     \
      auto v0 = loadRow<width>(gradient, row, width);                                                                  \
      auto v1 = loadRow<width>(x, row, width);                                                                         \
      auto v2 = layerNorm(v1, 1e-6f);                                                                                  \
      auto v3 = layerNormGrad(v0, v1, 1e-6f);                                                                          \
      storeRow(normalized, row, width, v2);                                                                            \
      storeRow(xGrad, row, width, v3);                                                                                 \
    });                                                                                                                \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(plain_norm_##width, 4, RowBlock<width>)

NORM(1, float, 5, 3)
NORM(33, float, 14, 6)
NORM(36, bf16, 9, 6)
NORM(48, bf16, 5, 6)
NORM(384, float, 7, 6)
NORM(1024, float, 37632, 144)
NORM(1280, bf16, 3, 6)
NORM(1408, bf16, 2, 6)

// GELU and its adjoint with a bias' gradient, in tiles of columns: one of less than 512, two with a narrow last one,
// and those of ViT-L's and ViT-H's hidden width.
#define GELU(width, T, count)                                                                                          \
  JEPA_KERNEL(TileBlock<width>::threads, TileBlock<width>::blocks)                                                     \
  gelu_##width(T *y, const T *x, const float *bias) {                                                                  \
    TileBlock<width>::forRows(count, [&](int row) {                                                                    \
      auto v0 = loadTile<width>(x, row, width);                                                                        \
      auto v1 = loadWholeTile<width>(bias);                                                                            \
      auto v2 = addRows(v0, v1);                                                                                       \
      auto v3 = gelu(v2);                                                                                              \
      storeRow(y, row, width, v3);                                                                                     \
    });                                                                                                                \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(gelu_##width, 3, TileBlock<width>)                                                                  \
  JEPA_KERNEL(TileSums<width, 1>::threads, TileSums<width, 1>::blocks)                                                 \
  gelu_grad_##width(T *xGrad, float *partial, const T *gradient, const T *x) {                                         \
    TileSums<width, 1> sums;                                                                                           \
    sums.forRows(count, 7, [&](int row) {                                                                              \
      auto v0 = loadTile<width>(gradient, row, width);                                                                 \
      auto v1 = loadTile<width>(x, row, width);                                                                        \
      auto v2 = geluGrad(v0, v1);                                                                                      \
      sums.add<0>(v2);                                                                                                 \
      storeRow(xGrad, row, width, v2);                                                                                 \
    });                                                                                                                \
    sums.store(partial);                                                                                               \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(gelu_grad_##width, 4, TileSums<width, 1>)

GELU(192, float, 9)
GELU(521, float, 9)
GELU(1032, bf16, 9)
GELU(4096, bf16, 37632)
GELU(5120, bf16, 37632)

// Two matrices side by side, the right one at a column and in a stride that no vector of four divides; back again.
JEPA_KERNEL(RowBlock<20>::threads, RowBlock<20>::blocks)
concat_features(bf16 *to, const bf16 *left, const float *right) {
  RowBlock<20>::forRows(6, [&](int row) {
    auto v0 = loadRow<20>(left, row, 20);
    storeRow<2>(to, row, 22 + 20, v0);
    auto v1 = loadRow<22>(right, row, 22);
    storeRow<2>(to + 20, row, 22 + 20, v1);
  });
}
JEPA_LAUNCH_INFO(concat_features, 3, RowBlock<20>)
JEPA_KERNEL(RowBlock<20>::threads, RowBlock<20>::blocks) split_features(float *left, float *right, const bf16 *from) {
  RowBlock<20>::forRows(6, [&](int row) {
    auto v0 = loadRow<20, 2>(from, row, 22 + 20);
    storeRow(left, row, 20, scaleRow(v0, -2.0f, 0.5f));
    auto v1 = loadRow<22, 2>(from + 20, row, 22 + 20);
    storeRow(right, row, 22, relu(v1));
  });
}
JEPA_LAUNCH_INFO(split_features, 3, RowBlock<20>)

JEPA_KERNEL(RowBlock<77>::threads, RowBlock<77>::blocks)
softmax_77(float *y, float *xGrad, float *reluGradient, const float *gradient, const float *x) {
  RowBlock<77>::forRows(6, [&](int row) {
    auto v0 = loadRow<77>(x, row, 77);
    auto v1 = softmax(v0);
    storeRow(y, row, 77, v1);
    auto v2 = loadRow<77>(gradient, row, 77);
    auto v3 = softmaxGrad(v2, v1);
    storeRow(xGrad, row, 77, v3);
    auto v4 = reluGrad(v2, v0);
    storeRow(reluGradient, row, 77, v4);
  });
}
JEPA_LAUNCH_INFO(softmax_77, 5, RowBlock<77>)

#define SUM_ROWS(name, rows, columns)                                                                                  \
  JEPA_KERNEL(SumRows::threads) sum_rows_##name(float *to, const float *from) {                                        \
    SumRows::run(to, from, rows, columns);                                                                             \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(sum_rows_##name, 2, SumRows)

SUM_ROWS(1, 2, 2 * 1)
SUM_ROWS(33, 3, 2 * 33)
SUM_ROWS(36, 2, 2 * 36)
SUM_ROWS(48, 1, 2 * 48)
SUM_ROWS(384, 2, 2 * 384)
SUM_ROWS(1280, 1, 2 * 1280)
SUM_ROWS(1408, 1, 2 * 1408)
