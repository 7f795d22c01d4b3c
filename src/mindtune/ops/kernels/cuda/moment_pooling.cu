// Moment pooling: LayerNorm over channels, centring, cross-covariance of head pairs, unit columns.
// A block makes some columns of one map and so knows their norms. Tokens are read once for each
// map that they enter; the normalised tokens are never written.
#include "pool_maps.cuh"
#include "prepared_heads.cuh"

using namespace mindtune;

// tokens, weight, bias, plan, eps -> maps (B, P, d, d), norms (B, P, d)
MINDTUNE_OPERATOR(MomentPooling) {
  const Arguments given("MomentPooling", 7, count, data, ranks, shapes, types);
  with_element_type(given, [&](auto zero) {
    const auto on = static_cast<cudaStream_t>(stream);
    const Sizes s = fused_sizes(given);
    Scratch scratch(on);
    float *to = maps(given, 5, s), *column_norms = norms(given, 6, s);
    const auto heads = prepare_heads<decltype(zero)>(on, given, s, scratch);
    find_maps(on, s, heads.extents, heads, given.integers(3) + 2, given.floats(4, 1) + 1, to,
              column_norms);
  });
  return 0;
}
