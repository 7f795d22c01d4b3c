// The heads that the fused operator multiplies: LayerNorm over channels, then centring.
#pragma once

#include "centering.cuh"

namespace mindtune {

// A warp a token of a head; `tokens_of_heads` of them.
template <typename T>
__global__ void measure_tokens(const T* data, Extents e, const int32_t* plan, const float* eps,
                               int64_t tokens_of_heads, TokenStatistics* statistics) {
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kWarps + warp_of_thread();
  if (index >= tokens_of_heads) return;
  const int token = index % e.tokens;
  const PlainHead<T> head = {packed_head(data, e, plan, index / e.tokens)};
  float total = 0, square = 0;
  for (int channel = lane_of_thread(); channel < e.dim; channel += kLanes)
    total += head.value(token, channel);
  const float mean = sum_lanes(total) / e.dim;
  for (int channel = lane_of_thread(); channel < e.dim; channel += kLanes) {
    const float off = head.value(token, channel) - mean;
    square += off * off;
  }
  const float inverse_std = 1 / sqrtf(sum_lanes(square) / e.dim + eps[0]);
  if (lane_of_thread() == 0) statistics[index] = {mean, inverse_std};
}

template <typename T>
using PreparedHeads = ShiftedHeads<NormalisedHeads<T>>;

// From arguments 0 to 4; see sizes.h.
template <typename T>
PreparedHeads<T> prepare_heads(cudaStream_t stream, const Arguments& given, const Sizes& s,
                               Scratch& scratch) {
  const Extents e = extents_of(given, s);
  const int64_t units = s.batch * s.heads;
  const T* tokens = elements<T>(given, 0, 3);
  const int32_t* plan = given.integers(3);
  auto* statistics = scratch.take<TokenStatistics>(units * s.tokens);
  auto* shift = scratch.take<float>(units * s.dim);
  launch(stream, cover(units * s.tokens, kWarps), measure_tokens<T>, tokens, e, plan,
         given.floats(4, 1), units * s.tokens, statistics);
  const NormalisedHeads<T> normalised = {
      tokens, e, plan, statistics, given.floats(1, 1), given.floats(2, 1)};
  find_shift(stream, s.batch, normalised, plan + 1, shift);
  return {normalised, shift, e};
}

}  // namespace mindtune
