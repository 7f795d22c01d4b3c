// The gradient of heads from that of their maps: each head collects what the maps of its pairs say.
#pragma once

#include "pool_maps.cuh"

namespace mindtune {

// Gradients (B, P, d, d) of maps as they are.
struct PlainMaps {
  const float* data;
  int dim;

  __device__ DenseMatrix of(int64_t map) const { return {data + map * dim * dim, dim}; }
};

// Channels blockIdx.z * kTile .. of tokens blockIdx.y * kTile .. of unit blockIdx.x. `dheads` is
// (B, H, N, d). Pairs of unknown heads are left out.
template <typename Heads, typename Maps, typename T>
__global__ void __launch_bounds__(kThreads, 2)
    spread_maps(Heads heads, Extents e, const int32_t* pair_heads, Maps dmaps, T* dheads) {
  const int64_t unit = blockIdx.x, sample = unit / e.heads;
  const int head = unit % e.heads, n0 = blockIdx.y * kTile, c0 = blockIdx.z * kTile;
  Tile tile;
  for (int index = 0; index < e.pairs; ++index) {
    const Pair pair = read_pair(pair_heads, index, e.heads);
    if (!pair.known || (pair.left != head && pair.right != head)) continue;
    const auto dmap = dmaps.of(sample * e.pairs + index);
    if (pair.left == head) {
      const auto partner = transposed(heads.of(sample * e.heads + pair.right));
      add_product(e.dim, columns_from(n0, e.tokens, partner),
                  columns_from(c0, e.dim, transposed(dmap)), tile);
    }
    if (pair.right == head) {
      const auto partner = transposed(heads.of(sample * e.heads + pair.left));
      add_product(e.dim, columns_from(n0, e.tokens, partner), columns_from(c0, e.dim, dmap), tile);
    }
  }
  const HeadTokens<T> to = separate_head(dheads, e, unit);
  for_entries(e.tokens, n0, e.dim, c0, [&](int token, int channel, int r, int c) {
    assign(to.at(token, channel), tile.sum[r][c] / e.tokens);
  });
}

template <typename Heads, typename Maps, typename T>
void find_head_gradients(cudaStream_t stream, const Sizes& s, const Extents& e, const Heads& heads,
                         const int32_t* pair_heads, const Maps& dmaps, T* dheads) {
  const dim3 blocks(cover(s.batch * s.heads, 1), cover(s.tokens, kTile), cover(s.dim, kTile));
  launch(stream, blocks, spread_maps<Heads, Maps, T>, heads, e, pair_heads, dmaps, dheads);
}

}  // namespace mindtune
