// The backward pass of moment_pooling.cu. Tokens are normalised again rather than kept: of the
// forward pass only its inputs, its maps and their column norms are needed.
#include "prepared_heads.cuh"
#include "spread_maps.cuh"

namespace mindtune {
namespace {

// The gradient of a covariance, from that of the map of its unit columns.
struct UnitColumnMap {
  static constexpr bool kRowsAreDense = true;
  const float *dmap, *map, *norms, *along;
  int dim;

  __device__ float value(int row, int column) const {
    const int at = row * dim + column;
    return (dmap[at] - map[at] * along[column]) / norms[column];
  }
};

// Of maps (B, P, d, d) and norms (B, P, d).
struct UnitColumnMaps {
  const float *dmaps, *maps, *norms;
  const float* along;  // (B, P, d): how far each column's gradient points along the column
  int dim;

  __device__ UnitColumnMap of(int64_t map) const {
    const int64_t area = map * dim * dim;
    return {dmaps + area, maps + area, norms + map * dim, along + map * dim, dim};
  }
};

// Columns blockIdx.y * kLanes .. of map blockIdx.x.
__global__ void measure_columns(UnitColumnMaps maps, const float* eps, float* along) {
  const UnitColumnMap map = maps.of(blockIdx.x);
  const int column = blockIdx.y * kLanes + lane_of_thread();
  const bool inside = column < map.dim;
  const double sum = sum_rows(map.dim, [&](int row) {
    const int at = row * map.dim + column;
    return inside ? map.dmap[at] * map.map[at] : 0.0f;
  });
  if (!inside || warp_of_thread() > 0) return;
  const bool clamped = map.norms[column] <= eps[1];  // such a column was divided by a constant
  along[static_cast<int64_t>(blockIdx.x) * map.dim + column] =
      clamped ? 0.0f : static_cast<float>(sum);
}

// The gradients of LayerNorm's weight and bias that come from one head of one sample.
template <typename T>
__global__ void sum_norm_gradients(NormalisedHeads<T> heads,
                                   ShiftedHeads<PlainHeads<float>> gradients, float* partial) {
  const Extents e = heads.extents;
  const int64_t unit = blockIdx.x;
  const auto head = heads.of(unit);
  const auto gradient = gradients.of(unit);
  float *dweight = partial + 2 * unit * e.dim, *dbias = dweight + e.dim;
  for (int first = 0; first < e.dim; first += kLanes) {
    const int channel = first + lane_of_thread();
    const bool inside = channel < e.dim;
    const double weight = sum_rows(e.tokens, [&](int token) {
      return inside ? gradient.value(token, channel) * head.standardised(token, channel) : 0.0f;
    });
    const double bias = sum_rows(
        e.tokens, [&](int token) { return inside ? gradient.value(token, channel) : 0.0f; });
    if (!inside || warp_of_thread() > 0) continue;
    dweight[channel] = static_cast<float>(weight);
    dbias[channel] = static_cast<float>(bias);
  }
}

// Channels blockIdx.x * kLanes .. of the sum over heads and samples.
__global__ void add_norm_gradients(const float* partial, int units, int dim, float* dweight,
                                   float* dbias) {
  const int channel = blockIdx.x * kLanes + lane_of_thread();
  const bool inside = channel < dim;
  const auto sum_of = [&](int which) {
    return sum_rows(units, [&](int unit) {
      return inside ? partial[(2 * static_cast<int64_t>(unit) + which) * dim + channel] : 0.0f;
    });
  };
  const double weight = sum_of(0), bias = sum_of(1);
  if (!inside || warp_of_thread() > 0) return;
  dweight[channel] = static_cast<float>(weight);
  dbias[channel] = static_cast<float>(bias);
}

// From the gradient of normalised tokens to that of the tokens as they came in: a warp a token of
// a head.
template <typename T>
__global__ void undo_normalisation(NormalisedHeads<T> heads,
                                   ShiftedHeads<PlainHeads<float>> gradients,
                                   int64_t tokens_of_heads, T* dtokens) {
  const Extents e = heads.extents;
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kWarps + warp_of_thread();
  if (index >= tokens_of_heads) return;
  const int64_t unit = index / e.tokens;
  const int token = index % e.tokens;
  const auto head = heads.of(unit);
  const auto gradient = gradients.of(unit);
  float total = 0, along = 0;
  for (int channel = lane_of_thread(); channel < e.dim; channel += kLanes) {
    const float slope = gradient.value(token, channel) * head.weight[channel];
    total += slope;
    along += slope * head.standardised(token, channel);
  }
  const float mean = sum_lanes(total) / e.dim, mean_along = sum_lanes(along) / e.dim;
  const HeadTokens<T> to = packed_head(dtokens, e, heads.plan, unit);
  for (int channel = lane_of_thread(); channel < e.dim; channel += kLanes) {
    const float slope = gradient.value(token, channel) * head.weight[channel];
    const float off = slope - mean - head.standardised(token, channel) * mean_along;
    assign(to.at(token, channel), off * head.statistics[token].inverse_std);
  }
}

template <typename T>
void differentiate(cudaStream_t stream, const Arguments& given) {
  const Sizes s = fused_sizes(given);
  const int64_t units = s.batch * s.heads;
  given.require_shape(8, {s.batch, s.tokens, s.heads * s.dim});
  T* dtokens = elements<T>(given, 8, 3);
  float *dweight = vector(given, 9, s), *dbias = vector(given, 10, s);
  Scratch scratch(stream);
  const auto* eps = given.floats(4, 1);
  auto* along = scratch.take<float>(s.batch * s.pairs * s.dim);
  const UnitColumnMaps dmaps = {maps(given, 7, s), maps(given, 5, s), norms(given, 6, s), along,
                                static_cast<int>(s.dim)};
  const auto heads = prepare_heads<T>(stream, given, s, scratch);
  const Extents e = heads.extents;
  launch(stream, dim3(cover(s.batch * s.pairs, 1), cover(s.dim, kLanes)), measure_columns, dmaps,
         eps, along);

  auto* dheads = scratch.take<float>(units * s.tokens * s.dim);
  auto* shift = scratch.take<float>(units * s.dim);
  const int32_t* plan = given.integers(3);
  find_head_gradients(stream, s, e, heads, plan + 2, dmaps, dheads);
  const PlainHeads<float> uncentred = {dheads, e};
  find_shift(stream, s.batch, uncentred, plan + 1, shift);
  const ShiftedHeads<PlainHeads<float>> gradients = {uncentred, shift, e};

  auto* partial = scratch.take<float>(units * 2 * s.dim);
  launch(stream, cover(units, 1), sum_norm_gradients<T>, heads.heads, gradients, partial);
  launch(stream, cover(s.dim, kLanes), add_norm_gradients, partial, static_cast<int>(units), e.dim,
         dweight, dbias);
  launch(stream, cover(units * s.tokens, kWarps), undo_normalisation<T>, heads.heads, gradients,
         units * s.tokens, dtokens);
}

}  // namespace
}  // namespace mindtune

using namespace mindtune;

// tokens, weight, bias, plan, eps, maps, norms, dmaps -> dtokens, dweight, dbias
MINDTUNE_OPERATOR(MomentPoolingGradient) {
  const Arguments given("MomentPoolingGradient", 11, count, data, ranks, shapes, types);
  with_element_type(given, [&](auto zero) {
    differentiate<decltype(zero)>(static_cast<cudaStream_t>(stream), given);
  });
  return 0;
}
