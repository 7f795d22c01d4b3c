// The one inner loop that every matrix product here is made of: a block makes a tile of
// kTile x kTile entries, each of its threads a part of kPart x kPart.
#pragma once

#include "launch.cuh"

namespace mindtune {

constexpr int kTile = 64;
constexpr int kPart = 4;
constexpr int kParts = kTile / kPart;
constexpr int kDepth = 16;  // rows of the factors in shared memory at a time
static_assert(kParts * kParts == kThreads, "every thread has a part of the tile");

// This thread's part.
struct Tile {
  float sum[kPart][kPart] = {};
};

inline __device__ int first_row() { return threadIdx.x / kParts * kPart; }
inline __device__ int first_column() { return threadIdx.x % kParts * kPart; }

// A factor of a product is any type with value(row, column), and with kRowsAreDense where
// neighbours in memory are neighbours of one row, which neighbouring threads should then read.
// (_, dim).
struct DenseMatrix {
  static constexpr bool kRowsAreDense = true;
  const float* data;
  int dim;

  __device__ float value(int row, int column) const { return data[row * dim + column]; }
};

template <typename Matrix>
struct Transposed {
  static constexpr bool kRowsAreDense = !Matrix::kRowsAreDense;
  Matrix matrix;
  __device__ float value(int row, int column) const { return matrix.value(column, row); }
};

template <typename Matrix>
__device__ Transposed<Matrix> transposed(const Matrix& matrix) {
  return {matrix};
}

// Rows of four floats' alignment, a little longer than a tile against bank conflicts.
struct Slab {
  alignas(16) float row[kDepth][kTile + kPart];
};

// Rows k0 .. and columns i0 .. of a matrix of that many rows and columns, zero outside of it.
template <typename Matrix>
__device__ void load_slab(const Matrix& matrix, int rows, int k0, int columns, int i0, Slab& slab) {
#pragma unroll
  for (int at = 0; at < kDepth * kTile / kThreads; ++at) {
    const int entry = at * kThreads + threadIdx.x;
    const int k = Matrix::kRowsAreDense ? entry / kTile : entry % kDepth;
    const int i = Matrix::kRowsAreDense ? entry % kTile : entry / kDepth;
    const bool inside = k0 + k < rows && i0 + i < columns;
    slab.row[k][i] = inside ? matrix.value(k0 + k, i0 + i) : 0.0f;
  }
}

// A matrix of `columns` columns, of which the tile needs those from `first` on.
template <typename Matrix>
struct Factor {
  Matrix matrix;
  int columns, first;
};

template <typename Matrix>
__device__ Factor<Matrix> columns_from(int first, int columns, const Matrix& matrix) {
  return {matrix, columns, first};
}

// tile += left^T right for factors of `depth` rows. Each slab's sum is made apart, since the
// rounding errors of short sums grow less.
template <typename Left, typename Right>
__device__ void add_product(int depth, const Factor<Left>& left, const Factor<Right>& right,
                            Tile& tile) {
  __shared__ Slab left_slab, right_slab;
  for (int k0 = 0; k0 < depth; k0 += kDepth) {
    load_slab(left.matrix, depth, k0, left.columns, left.first, left_slab);
    load_slab(right.matrix, depth, k0, right.columns, right.first, right_slab);
    __syncthreads();
    Tile part;
#pragma unroll
    for (int k = 0; k < kDepth; ++k) {
      float a[kPart], b[kPart];
#pragma unroll
      for (int r = 0; r < kPart; ++r) a[r] = left_slab.row[k][first_row() + r];
#pragma unroll
      for (int c = 0; c < kPart; ++c) b[c] = right_slab.row[k][first_column() + c];
#pragma unroll
      for (int r = 0; r < kPart; ++r)
#pragma unroll
        for (int c = 0; c < kPart; ++c) part.sum[r][c] += a[r] * b[c];
    }
#pragma unroll
    for (int r = 0; r < kPart; ++r)
#pragma unroll
      for (int c = 0; c < kPart; ++c) tile.sum[r][c] += part.sum[r][c];
    __syncthreads();
  }
}

// Calls use(i, j, r, c) for this thread's entries (i, j) = sum[r][c] that are inside of the matrix
// of which the tile begins at (i0, j0).
template <typename Use>
__device__ void for_entries(int rows, int i0, int columns, int j0, Use use) {
#pragma unroll
  for (int r = 0; r < kPart; ++r) {
#pragma unroll
    for (int c = 0; c < kPart; ++c) {
      const int i = i0 + first_row() + r, j = j0 + first_column() + c;
      if (i < rows && j < columns) use(i, j, r, c);
    }
  }
}

}  // namespace mindtune
