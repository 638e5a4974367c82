//===- row.cuh - rows of a matrix in registers, and what is computed of them ---===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A warp has a row, whose numbers stay in its registers as f32 from the loads to
// the stores: what a generated kernel does between them costs no memory. Rows
// that are too wide for that, and of which nothing is asked as a whole, are cut
// into tiles of columns, to each of which the grid has blocks in y.
//
//   RowBlock<1024>::forRows(rows, [&](int row) {
//     auto v0 = loadRow<1024>(x, row, 1024);
//     auto v1 = gelu(v0);
//     storeRow(y, row, 1024, v1);
//   });
//
//===----------------------------------------------------------------------===//
#pragma once

#include "math.cuh"
#include "reduce.cuh"

namespace jepa::device {

/// The tiles that rows of `Width` numbers are cut into; the last may be narrower. `tiles` is the grid in y.
template <int Width> struct ColumnTile {
  static constexpr int width = Width < 512 ? Width : 512, tiles = ceilDivide(Width, width);
};

template <int Width, int Total> struct Row;

/// How a warp's lanes share `Width` numbers, all of a row of `Total` or the block's tile of them: vectors are dealt to
/// lane 0, 1, ..., 31, 0, ... They are wide, unless narrower ones keep more lanes busy.
template <int Width, int Total> struct RowShape {
  static_assert(Width == Total || Width == ColumnTile<Total>::width);
  using Registers = Row<Width, Total>;
  static constexpr int width = Width, total = Total;
  static constexpr int widest = vectorWidth<bf16>(Width == Total ? Width : Total);
  static constexpr bool narrow = widest == 8 && roundUp(Width, 32 * 4) < roundUp(Width, 32 * 8);
  static constexpr int vector = narrow ? 4 : widest, each = ceilDivide(Width, 32 * vector);

  /// The column of the row at which the block's part begins.
  JEPA_DEVICE static int first() { return Width == Total ? 0 : blockY() * Width; }
  /// Calls body(i, column), counted from first(), for the vectors that the lane has.
  template <class Body> JEPA_DEVICE static void forVectors(Body body) {
    int end = Total % Width ? smaller(Width, Total - first()) : Width;
    JEPA_UNROLL
    for (int i = 0; i < each; ++i) {
      int column = (i * 32 + laneIndex()) * vector;
      if ((Total % Width == 0 && (i + 1) * 32 * vector <= Width) || column < end)
        body(i, column);
    }
  }
};

/// A row, or a tile's part of one.
template <int Width, int Total = Width> struct Row : RowShape<Width, Total> {
  using Shape = RowShape<Width, Total>;
  float values[Shape::each][Shape::vector];

  JEPA_DEVICE float at(int i, int j) const { return values[i][j]; }
  JEPA_DEVICE void read(float (&vector)[Shape::vector], int i, int) const {
    JEPA_UNROLL
    for (int j = 0; j < Shape::vector; ++j)
      vector[j] = values[i][j];
  }
};

/// A row that all rows meet (a weight, a bias): read where it is used, from a cache.
template <int Width, int Total, class T, int Align> struct WholeRow : RowShape<Width, Total> {
  const T *data;

  JEPA_DEVICE void read(float (&vector)[RowShape<Width, Total>::vector], int, int column) const {
    load<Align>(vector, data + column);
  }
};

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

namespace detail {
template <class Row, int Align, class T> JEPA_DEVICE Row loadRow(const T *matrix, int row, int stride) {
  Row result;
  matrix += static_cast<long long>(row) * stride + Row::first();
  Row::forVectors([&](int i, int column) { load<Align>(result.values[i], matrix + column); });
  return result;
}
} // namespace detail

// Row `row` of a matrix of float or bf16 (the whole of it, or the block's tile), whose rows begin `stride` elements
// apart. Both where the first begins and the stride are multiples of `Align` elements, or of the width's largest
// divisor among 1, 2, 4 and 8. What is loaded nobody writes while the kernel runs.
template <int Width, int Align = 8, class T> JEPA_DEVICE Row<Width> loadRow(const T *matrix, int row, int stride) {
  return detail::loadRow<Row<Width>, Align>(matrix, row, stride);
}
template <int Width, int Align = 8, class T> JEPA_DEVICE auto loadTile(const T *matrix, int row, int stride) {
  return detail::loadRow<Row<ColumnTile<Width>::width, Width>, Align>(matrix, row, stride);
}
template <int Width, int Align = 8, class T> JEPA_DEVICE WholeRow<Width, Width, T, Align> loadWhole(const T *row) {
  return {{}, row};
}
template <int Width, int Align = 8, class T>
JEPA_DEVICE WholeRow<ColumnTile<Width>::width, Width, T, Align> loadWholeTile(const T *row) {
  return {{}, row + RowShape<ColumnTile<Width>::width, Width>::first()};
}

template <int Align = 8, class T, int Width, int Total>
JEPA_DEVICE void storeRow(T *matrix, int row, int stride, const Row<Width, Total> &values) {
  matrix += static_cast<long long>(row) * stride + values.first();
  values.forVectors([&](int i, int column) { store<Align>(matrix + column, values.values[i]); });
}

//===----------------------------------------------------------------------===//
// Number by number
//===----------------------------------------------------------------------===//

/// f of the numbers that some rows have at the same place.
template <class F, class A> JEPA_DEVICE typename A::Registers mapRows(F f, const A &a) {
  typename A::Registers result;
  A::forVectors([&](int i, int column) {
    float own[A::vector];
    a.read(own, i, column);
    JEPA_UNROLL
    for (int j = 0; j < A::vector; ++j)
      result.values[i][j] = f(own[j]);
  });
  return result;
}
template <class F, class A, class B> JEPA_DEVICE typename A::Registers mapRows(F f, const A &a, const B &b) {
  typename A::Registers result;
  A::forVectors([&](int i, int column) {
    float own[A::vector], other[A::vector];
    a.read(own, i, column);
    b.read(other, i, column);
    JEPA_UNROLL
    for (int j = 0; j < A::vector; ++j)
      result.values[i][j] = f(own[j], other[j]);
  });
  return result;
}

template <class A, class B> JEPA_DEVICE auto addRows(const A &a, const B &b) {
  return mapRows([](float x, float y) { return x + y; }, a, b);
}
/// x factor + offset.
template <class A> JEPA_DEVICE auto scaleRow(const A &a, float factor, float offset = 0.0f) {
  return mapRows([&](float x) { return x * factor + offset; }, a);
}
/// What a matrix of T would hold of a row.
template <class T, class A> JEPA_DEVICE auto rounded(const A &a) {
  return mapRows([](float x) { return toFloat(fromFloat<T>(x)); }, a);
}
template <int Width, int Total> JEPA_DEVICE auto gelu(const Row<Width, Total> &a) {
  return mapRows([](float x) { return gelu(x); }, a);
}
template <class A, class B> JEPA_DEVICE auto geluGrad(const A &gradient, const B &x) {
  return mapRows([](float dy, float v) { return dy * geluGrad(v); }, gradient, x);
}
template <class A> JEPA_DEVICE auto relu(const A &a) {
  return mapRows([](float x) { return fmaxf(x, 0.0f); }, a);
}
template <class A, class B> JEPA_DEVICE auto reluGrad(const A &gradient, const B &x) {
  return mapRows([](float dy, float v) { return v > 0.0f ? dy : 0.0f; }, gradient, x);
}

//===----------------------------------------------------------------------===//
// Whole rows
//===----------------------------------------------------------------------===//

/// The row's sum of body(i, j), in every lane.
template <class Row, class Body> JEPA_DEVICE float rowSum(const Row &, Body body) {
  static_assert(Row::width == Row::total, "a tile does not know its row's other numbers");
  float sum = 0.0f;
  Row::forVectors([&](int i, int) {
    JEPA_UNROLL
    for (int j = 0; j < Row::vector; ++j)
      sum += body(i, j);
  });
  return warpSum(sum);
}

/// A row less its mean, divided by its deviation, which is 1 / scale.
template <int Width> struct NormalRow : Row<Width> { float scale; };

/// What the norms below share, where several are taken of one row: the root of the variance about the mean, plus eps.
template <int Width> JEPA_DEVICE NormalRow<Width> normalize(const Row<Width> &x, float eps) {
  NormalRow<Width> normal;
  float mean = rowSum(x, [&](int i, int j) { return x.at(i, j); }) * (1.0f / Width);
  float variance = rowSum(x,
                          [&](int i, int j) {
                            float distance = x.at(i, j) - mean;
                            return distance * distance;
                          }) *
                   (1.0f / Width);
  normal.scale = inverseSqrt(variance + eps);
  Row<Width>::forVectors([&](int i, int) {
    JEPA_UNROLL
    for (int j = 0; j < Row<Width>::vector; ++j)
      normal.values[i][j] = (x.at(i, j) - mean) * normal.scale;
  });
  return normal;
}

/// normal weight + bias.
template <int Width, class W, class B>
JEPA_DEVICE Row<Width> layerNorm(const NormalRow<Width> &normal, const W &weight, const B &bias) {
  Row<Width> result;
  Row<Width>::forVectors([&](int i, int column) {
    float factor[Row<Width>::vector], shift[Row<Width>::vector];
    weight.read(factor, i, column);
    bias.read(shift, i, column);
    JEPA_UNROLL
    for (int j = 0; j < Row<Width>::vector; ++j)
      result.values[i][j] = normal.at(i, j) * factor[j] + shift[j];
  });
  return result;
}
template <int Width> JEPA_DEVICE Row<Width> layerNorm(const Row<Width> &x, float eps) { return normalize(x, eps); }
template <int Width, class W, class B>
JEPA_DEVICE Row<Width> layerNorm(const Row<Width> &x, const W &weight, const B &bias, float eps) {
  return layerNorm(normalize(x, eps), weight, bias);
}

/// The adjoint of a norm without a weight with respect to its input: (dy - mean dy - n mean(dy n)) / deviation, where n
/// is the normal row.
template <int Width> JEPA_DEVICE Row<Width> layerNormGrad(const Row<Width> &gradient, const NormalRow<Width> &normal) {
  float mean = rowSum(gradient, [&](int i, int j) { return gradient.at(i, j); }) * (1.0f / Width);
  float along = rowSum(gradient, [&](int i, int j) { return gradient.at(i, j) * normal.at(i, j); }) * (1.0f / Width);
  return mapRows([&](float dy, float n) { return (dy - mean - n * along) * normal.scale; }, gradient, normal);
}
/// The same with a weight.
template <int Width, class W>
JEPA_DEVICE Row<Width> layerNormGrad(const Row<Width> &gradient, const NormalRow<Width> &normal, const W &weight) {
  return layerNormGrad(mapRows([](float dy, float factor) { return dy * factor; }, gradient, weight), normal);
}
template <int Width> JEPA_DEVICE Row<Width> layerNormGrad(const Row<Width> &gradient, const Row<Width> &x, float eps) {
  return layerNormGrad(gradient, normalize(x, eps));
}
template <int Width, class W>
JEPA_DEVICE Row<Width> layerNormGrad(const Row<Width> &gradient, const Row<Width> &x, const W &weight, float eps) {
  return layerNormGrad(gradient, normalize(x, eps), weight);
}

/// A row's part of the weight's gradient; of the bias' it is dy.
template <int Width>
JEPA_DEVICE Row<Width> layerNormWeightTerm(const Row<Width> &gradient, const NormalRow<Width> &normal) {
  return mapRows([](float dy, float n) { return dy * n; }, gradient, normal);
}
template <int Width>
JEPA_DEVICE Row<Width> layerNormWeightTerm(const Row<Width> &gradient, const Row<Width> &x, float eps) {
  return layerNormWeightTerm(gradient, normalize(x, eps));
}

/// Exponentials, divided by their sum.
template <int Width> JEPA_DEVICE Row<Width> softmax(const Row<Width> &x) {
  float most = -infinity();
  Row<Width>::forVectors([&](int i, int) {
    JEPA_UNROLL
    for (int j = 0; j < Row<Width>::vector; ++j)
      most = fmaxf(most, x.at(i, j));
  });
  most = warpMax(most);
  auto powers = mapRows([&](float v) { return exp2Fast((v - most) * log2OfE); }, x);
  return scaleRow(powers, 1.0f / rowSum(powers, [&](int i, int j) { return powers.at(i, j); }));
}
/// The adjoint, from the result y: y (dy - sum(y dy)).
template <int Width> JEPA_DEVICE Row<Width> softmaxGrad(const Row<Width> &gradient, const Row<Width> &y) {
  float along = rowSum(y, [&](int i, int j) { return gradient.at(i, j) * y.at(i, j); });
  return mapRows([&](float dy, float p) { return p * (dy - along); }, gradient, y);
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

/// Blocks that a multiprocessor should hold, so that the compiler neither spills a row nor spares registers for more:
/// JEPA_KERNEL(X::threads, X::blocks).
template <class Row> inline constexpr int blocksOf = Row::each *Row::vector <= 16 ? 4 : 2;

/// A block's rows, one to a warp. Launch: grid (ceil(count / rows)), or with tiles (ceil(count / rows),
/// ColumnTile::tiles).
template <int Width, int Total = Width> struct RowBlock {
  static constexpr int threads = 128, blocks = blocksOf<Row<Width, Total>>, rows = threads / 32;

  template <class Body> JEPA_DEVICE static void forRows(int count, Body body) {
    int row = blockX() * rows + warpIndex();
    if (row < count)
      body(row);
  }
};

/// `N` sums over the rows of a block, kept in shared memory: each warp's own, which meet at the end. Launch: grid
/// (ceil(count / each)), or with tiles (ceil(count / each), ColumnTile::tiles).
template <int Width, int N, int Total = Width> struct RowSums {
  using Sum = Row<Width, Total>;
  static constexpr int threads = 128, blocks = blocksOf<Sum>, warps = threads / 32;
  struct Shared {
    /// Where a lane's quads lie side by side, its neighbours' are in other banks.
    static constexpr int quad = Sum::vector < 4 ? Sum::vector : 4, quads = Sum::each * Sum::vector / quad;
    SharedArray<float, warps * N * quads * 32 * quad> sums;

    JEPA_DEVICE Vector<float, quad> &at(int warp, int n, int index) {
      auto *all = reinterpret_cast<Vector<float, quad> *>(&sums[0]);
      return all[((warp * N + n) * quads + index) * 32 + laneIndex()];
    }
  };

  JEPA_DEVICE RowSums() {
    auto &shared = sharedMemory<Shared>();
    JEPA_UNROLL
    for (int n = 0; n < N; ++n)
      for (int i = 0; i < Shared::quads; ++i)
        shared.at(warpIndex(), n, i) = {};
  }
  /// Calls body(row) for the warp's rows of [blockX each, (blockX + 1) each), as far as there are any. The shuffle says
  /// to the compiler that a warp's lanes leave the loop together: else each shuffle in the body is twice as long.
  template <class Body> JEPA_DEVICE static void forRows(int count, int each, Body body) {
    int end = smaller(count, (blockX() + 1) * each);
    JEPA_UNROLL_BY(1)
    for (int row = blockX() * each + shuffle(warpIndex(), 0); row < end; row += warps)
      body(row);
  }
  template <int I, class A> JEPA_DEVICE void add(const A &row) {
    auto &shared = sharedMemory<Shared>();
    Sum::forVectors([&](int i, int column) {
      float own[Sum::vector];
      row.read(own, i, column);
      JEPA_UNROLL
      for (int k = 0; k < Sum::vector / Shared::quad; ++k) {
        auto &sum = shared.at(warpIndex(), I, i * (Sum::vector / Shared::quad) + k);
        auto next = sum;
        JEPA_UNROLL
        for (int j = 0; j < Shared::quad; ++j)
          next.values[j] += own[k * Shared::quad + j];
        sum = next;
      }
    });
  }
  /// partial[blockX] is [N, Total], for SumRows.
  JEPA_DEVICE void store(float *partial) {
    auto &shared = sharedMemory<Shared>();
    partial += static_cast<long long>(blockX()) * N * Total + Sum::first();
    syncThreads();
    Sum::forVectors([&](int i, int column) {
      constexpr int parts = Sum::vector / Shared::quad;
      JEPA_UNROLL
      for (int n = 0; n < N; ++n) {
        JEPA_UNROLL
        for (int k = 0; k < parts; ++k) {
          int index = i * parts + k;
          if (index % warps != warpIndex())
            continue;
          float sum[Shared::quad] = {};
          JEPA_UNROLL
          for (int warp = 0; warp < warps; ++warp) {
            auto its = shared.at(warp, n, index);
            JEPA_UNROLL
            for (int j = 0; j < Shared::quad; ++j)
              sum[j] += its.values[j];
          }
          device::store(partial + n * Total + column + k * Shared::quad, sum);
        }
      }
    });
  }
};
/// The same over tiles of rows of `Width`.
template <int Width> using TileBlock = RowBlock<ColumnTile<Width>::width, Width>;
template <int Width, int N> using TileSums = RowSums<ColumnTile<Width>::width, N, Width>;

} // namespace jepa::device
