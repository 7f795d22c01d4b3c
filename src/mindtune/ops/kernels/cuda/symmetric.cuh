// Symmetric matrices (d, d), one for each sample: only the upper half of each product is computed.
#pragma once

#include "heads.cuh"
#include "tile_product.cuh"

namespace mindtune {

// Those of consecutive samples are `by_sample` floats apart.
struct Matrices {
  float* data;
  int64_t by_sample;

  __device__ float* of(int64_t sample) const { return data + sample * by_sample; }
};

// Half of the tiles of a symmetric matrix need no work.
inline __device__ bool is_below_diagonal(int i0, int j0) { return i0 > j0; }

// entry(i, j, r, c) to (i, j) and to (j, i).
template <typename Entry>
__device__ void store_symmetric(int dim, int i0, int j0, float* out, Entry entry) {
  for_entries(dim, i0, dim, j0, [&](int i, int j, int r, int c) {
    if (i > j) return;
    const float value = entry(i, j, r, c);
    out[i * dim + j] = value;
    out[j * dim + i] = value;
  });
}

// Of the upper triangle of a matrix, row by row, and where in it (i, j) is, for i <= j.
inline __device__ int64_t triangle_size(int64_t dim) { return dim * (dim + 1) / 2; }
inline __device__ int64_t triangle_index(int64_t dim, int64_t i, int64_t j) {
  return i * dim - i * (i - 1) / 2 + j - i;
}

// scale * (the sum of up to four products) + diagonal * I, which is known to be symmetric.
struct ProductSum {
  Matrices left[4], right[4];
  int products;
  float scale, diagonal;
};

// A block makes the tile (blockIdx.y, blockIdx.z) of sample blockIdx.x.
static __global__ void __launch_bounds__(kThreads, 2)
    add_products(ProductSum sum, int dim, Matrices out) {
  const int64_t sample = blockIdx.x;
  const int i0 = blockIdx.y * kTile, j0 = blockIdx.z * kTile;
  if (is_below_diagonal(i0, j0)) return;
  Tile tile;
  for (int index = 0; index < sum.products; ++index) {
    const DenseMatrix left = {sum.left[index].of(sample), dim};
    const DenseMatrix right = {sum.right[index].of(sample), dim};
    add_product(dim, columns_from(i0, dim, left), columns_from(j0, dim, right), tile);
  }
  store_symmetric(dim, i0, j0, out.of(sample), [&](int i, int j, int r, int c) {
    return sum.scale * tile.sum[r][c] + (i == j ? sum.diagonal : 0.0f);
  });
}

// left right, for factors that commute, as polynomials in one matrix do.
inline ProductSum commuting_product(Matrices left, Matrices right, float scale, float diagonal) {
  return {{left}, {right}, 1, scale, diagonal};
}

// scale * the symmetric part of left right.
inline ProductSum symmetric_part(Matrices left, Matrices right, float scale) {
  return {{left, right}, {right, left}, 2, scale / 2, 0};
}

// scale * the symmetric part of (left right + left2 right2).
inline ProductSum symmetric_part(Matrices left, Matrices right, Matrices left2, Matrices right2,
                                 float scale) {
  return {{left, right, left2, right2}, {right, left, right2, left2}, 4, scale / 2, 0};
}

// One problem of all samples: where it runs, and the size of its matrices.
struct Batch {
  cudaStream_t stream;
  int64_t samples;
  int dim;

  int64_t area() const { return static_cast<int64_t>(dim) * dim; }
  dim3 tiles() const { return {cover(samples, 1), cover(dim, kTile), cover(dim, kTile)}; }
  Matrices take_matrices(Scratch& scratch) const {
    return {scratch.take<float>(samples * area()), area()};
  }
};

inline void find_products(const Batch& batch, const ProductSum& sum, Matrices out) {
  launch(batch.stream, batch.tiles(), add_products, sum, batch.dim, out);
}

// 3/2 I - Z Y / 2
inline void find_correction(const Batch& batch, Matrices y, Matrices z, Matrices out) {
  find_products(batch, commuting_product(z, y, -0.5f, 1.5f), out);
}

}  // namespace mindtune
