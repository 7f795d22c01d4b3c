// The shift that centres heads, before they are multiplied or, being its own adjoint, after.
#pragma once

#include "heads.cuh"
#include "sums.cuh"

namespace mindtune {

// `centering` is an entry of the plan; where there is none, each channel is centred. A block a
// unit.
template <typename Heads>
__global__ void measure_shift(Heads heads, const int32_t* centering, float* shift) {
  const Extents e = heads.extents;
  const int64_t unit = blockIdx.x;
  const auto way = centering == nullptr ? Centering::kChannel : static_cast<Centering>(*centering);
  const auto head = heads.of(unit);
  float* of_unit = shift + unit * e.dim;
  double total = 0;
  for (int first = 0; first < e.dim; first += kLanes) {
    const int channel = first + lane_of_thread();
    const bool inside = channel < e.dim, shared = warp_of_thread() > 0;
    const int rows = way == Centering::kNone ? 0 : e.tokens;
    const double sum =
        sum_rows(rows, [&](int token) { return inside ? head.value(token, channel) : 0.0f; });
    if (!inside || shared) continue;
    total += sum;
    if (way != Centering::kScalar) of_unit[channel] = static_cast<float>(-sum / e.tokens);
  }
  if (way != Centering::kScalar) return;
  const double mean = sum_threads(total) / (static_cast<double>(e.tokens) * e.dim);
  for (int channel = threadIdx.x; channel < e.dim; channel += kThreads)
    of_unit[channel] = static_cast<float>(-mean);
}

// `extents` of the heads; the shift is (B, H, d).
template <typename Heads>
void find_shift(cudaStream_t stream, int64_t batch, const Heads& heads, const int32_t* centering,
                float* shift) {
  launch(stream, cover(batch * heads.extents.heads, 1), measure_shift<Heads>, heads, centering,
         shift);
}

}  // namespace mindtune
