// Maps of head pairs: the product of two heads over their tokens, with columns of unit norm where
// the norms are asked for.
#pragma once

#include "heads.cuh"
#include "tile_product.cuh"

namespace mindtune {

// The two heads of a pair. A kernel cannot throw: it must not read heads that do not exist.
struct Pair {
  int left, right;
  bool known;
};

inline __device__ Pair read_pair(const int32_t* pair_heads, int pair, int heads) {
  const int left = pair_heads[2 * pair], right = pair_heads[2 * pair + 1];
  return {left, right, left >= 0 && left < heads && right >= 0 && right < heads};
}

// The norms of this thread's columns, from the sums of squares of its own entries.
inline __device__ void find_norms(const float (&square)[kPart], float floor, float (&norm)[kPart]) {
  __shared__ float partial[kParts][kTile];
  for (int c = 0; c < kPart; ++c) partial[threadIdx.x / kParts][first_column() + c] = square[c];
  __syncthreads();
  for (int c = 0; c < kPart; ++c) {
    float sum = 0;
    for (int part = 0; part < kParts; ++part) sum += partial[part][first_column() + c];
    norm[c] = sqrtf(sum < floor ? floor : sum);  // a NaN stays one
  }
}

// Columns blockIdx.y * kTile .. of map blockIdx.x. The map of a pair of unknown heads is NaN.
// `eps` holds the smallest norm that a column is divided by; it and `norms` are null for maps as
// they are.
template <typename Heads>
__global__ void __launch_bounds__(kThreads, 2)
    pool_maps(Heads heads, Extents e, const int32_t* pair_heads, const float* eps, float* maps,
              float* norms) {
  const int64_t index = blockIdx.x, sample = index / e.pairs;
  const int j0 = blockIdx.y * kTile;
  const Pair pair = read_pair(pair_heads, index % e.pairs, e.heads);
  const auto left = heads.of(sample * e.heads + (pair.known ? pair.left : 0));
  const auto right = heads.of(sample * e.heads + (pair.known ? pair.right : 0));
  float* map = maps + index * e.dim * e.dim;
  float square[kPart] = {}, norm[kPart];
  for (int i0 = 0; i0 < e.dim; i0 += kTile) {
    Tile tile;
    add_product(e.tokens, columns_from(i0, e.dim, left), columns_from(j0, e.dim, right), tile);
    for_entries(e.dim, i0, e.dim, j0, [&](int i, int j, int r, int c) {
      const float value = pair.known ? tile.sum[r][c] / e.tokens : NAN;
      square[c] += value * value;
      map[i * e.dim + j] = value;
    });
  }
  if (norms == nullptr) return;
  find_norms(square, *eps * *eps, norm);
  for (int c = 0; c < kPart; ++c)
    if (first_row() == 0 && j0 + first_column() + c < e.dim)
      norms[index * e.dim + j0 + first_column() + c] = norm[c];
  for (int i0 = 0; i0 < e.dim; i0 += kTile)
    for_entries(e.dim, i0, e.dim, j0, [&](int i, int j, int, int c) {
      map[i * e.dim + j] /= norm[c];  // which this thread has written itself
    });
}

template <typename Heads>
void find_maps(cudaStream_t stream, const Sizes& s, const Extents& e, const Heads& heads,
               const int32_t* pair_heads, const float* eps, float* maps, float* norms) {
  const dim3 blocks(cover(s.batch * s.pairs, 1), cover(s.dim, kTile));
  launch(stream, blocks, pool_maps<Heads>, heads, e, pair_heads, eps, maps, norms);
}

}  // namespace mindtune
