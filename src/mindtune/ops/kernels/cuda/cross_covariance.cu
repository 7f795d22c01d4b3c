// The cross-covariance of head pairs and its gradient, for heads that are separate already.
#include "spread_maps.cuh"

using namespace mindtune;

// heads (B, H, N, d), plan -> maps (B, P, d, d)
MINDTUNE_OPERATOR(CrossCovariance) {
  const Arguments given("CrossCovariance", 3, count, data, ranks, shapes, types);
  with_element_type(given, [&](auto zero) {
    using T = decltype(zero);
    const Sizes s = bare_sizes(given);
    const Extents e = extents_of(given, s);
    const PlainHeads<T> heads = {elements<T>(given, 0, 4), e};
    find_maps(static_cast<cudaStream_t>(stream), s, e, heads, given.integers(1), nullptr,
              maps(given, 2, s), nullptr);
  });
  return 0;
}

// heads, plan, dmaps -> dheads
MINDTUNE_OPERATOR(CrossCovarianceGradient) {
  const Arguments given("CrossCovarianceGradient", 4, count, data, ranks, shapes, types);
  with_element_type(given, [&](auto zero) {
    using T = decltype(zero);
    const Sizes s = bare_sizes(given);
    const Extents e = extents_of(given, s);
    given.require_shape(3, {s.batch, s.heads, s.tokens, s.dim});
    const PlainHeads<T> heads = {elements<T>(given, 0, 4), e};
    const PlainMaps dmaps = {maps(given, 2, s), e.dim};
    find_head_gradients(static_cast<cudaStream_t>(stream), s, e, heads, given.integers(1), dmaps,
                        elements<T>(given, 3, 4));
  });
  return 0;
}
