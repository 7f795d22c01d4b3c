// Second-order pooling on the CPU: check the arguments, then run.
#include "arguments.h"
#include "instruction_set.h"
#include "pooling/sizes.h"

namespace mindtune {
namespace {

// The heads of each pair, from entry `first` of the plan on.
void read_pairs(const Arguments& given, int plan, int first, Moments& m) {
  m.pair_heads = given.integers(plan) + first;
  for (int64_t i = 0; i < 2 * m.pairs; ++i)
    given.require(m.pair_heads[i] >= 0 && m.pair_heads[i] < m.heads, "pairs of known heads");
}

Moments fused_moments(const Arguments& given) {
  given.floats(0, 3);
  Moments m{fused_sizes(given)};
  m.weight = given.floats(1, 1);
  m.bias = given.floats(2, 1);
  read_pairs(given, 3, 2, m);
  const int32_t* options = given.integers(3);
  given.require(options[1] >= 0 && options[1] <= 2, "centring 0, 1 or 2");
  m.centering = static_cast<Centering>(options[1]);
  m.by_token = m.heads * m.dim;
  m.by_sample = m.tokens * m.by_token;
  m.by_head = options[0] == 0 ? m.dim : 1;
  m.by_channel = options[0] == 0 ? 1 : m.heads;
  const float* eps = given.floats(4, 1);
  m.norm_eps = eps[0];
  m.column_eps = eps[1];
  return m;
}

Moments bare_moments(const Arguments& given) {
  given.floats(0, 4);
  Moments m{bare_sizes(given)};
  read_pairs(given, 1, 0, m);
  m.by_channel = 1;
  m.by_token = m.dim;
  m.by_head = m.tokens * m.dim;
  m.by_sample = m.heads * m.by_head;
  return m;
}

Moments root_moments(const Arguments& given) {
  given.floats(0, 3);
  Moments m{root_sizes(given)};
  m.centering = Centering::kChannel;
  m.by_channel = 1;
  m.by_token = m.dim;
  m.by_sample = m.tokens * m.dim;
  return m;
}

}  // namespace
}  // namespace mindtune

using namespace mindtune;

// tokens, weight, bias, plan, eps -> maps (B, P, d, d), norms (B, P, d)
MINDTUNE_OPERATOR(MomentPooling) {
  const Arguments given("MomentPooling", 7, count, data, ranks, shapes, types);
  const Moments m = fused_moments(given);
  instruction_set().pool_moments(m, given.floats(0, 3), maps(given, 5, m), norms(given, 6, m));
  return 0;
}

// tokens, weight, bias, plan, eps, maps, norms, dmaps -> dtokens, dweight, dbias
MINDTUNE_OPERATOR(MomentPoolingGradient) {
  const Arguments given("MomentPoolingGradient", 11, count, data, ranks, shapes, types);
  const Moments m = fused_moments(given);
  given.require_shape(8, {m.batch, m.tokens, m.heads * m.dim});
  instruction_set().differentiate_moments(
      m, {given.floats(0, 3), maps(given, 5, m), norms(given, 6, m), maps(given, 7, m),
          given.floats(8, 3), vector(given, 9, m), vector(given, 10, m)});
  return 0;
}

// heads (B, H, N, d), plan -> maps (B, P, d, d)
MINDTUNE_OPERATOR(CrossCovariance) {
  const Arguments given("CrossCovariance", 3, count, data, ranks, shapes, types);
  const Moments m = bare_moments(given);
  instruction_set().pool_moments(m, given.floats(0, 4), maps(given, 2, m), nullptr);
  return 0;
}

// heads, plan, dmaps -> dheads
MINDTUNE_OPERATOR(CrossCovarianceGradient) {
  const Arguments given("CrossCovarianceGradient", 4, count, data, ranks, shapes, types);
  const Moments m = bare_moments(given);
  given.require_shape(3, {m.batch, m.heads, m.tokens, m.dim});
  instruction_set().differentiate_moments(
      m, {given.floats(0, 4), nullptr, nullptr, maps(given, 2, m), given.floats(3, 4), nullptr,
          nullptr});
  return 0;
}

// tokens (B, N, d), plan (2 steps - 1), of which only the length counts -> triangles
// (B, d (d + 1) / 2), iterates (B, 2 steps - 1, d, d)
MINDTUNE_OPERATOR(SquareRootCovariance) {
  const Arguments given("SquareRootCovariance", 4, count, data, ranks, shapes, types);
  const Moments m = root_moments(given);
  instruction_set().pool_square_root(m, steps_of(given, 3, m), given.floats(0, 3),
                                     triangles(given, 2, m), given.floats(3, 4));
  return 0;
}

// tokens, triangles, iterates, dtriangles -> dtokens
MINDTUNE_OPERATOR(SquareRootCovarianceGradient) {
  const Arguments given("SquareRootCovarianceGradient", 5, count, data, ranks, shapes, types);
  const Moments m = root_moments(given);
  given.require_shape(4, {m.batch, m.tokens, m.dim});
  instruction_set().differentiate_square_root(
      m, steps_of(given, 2, m),
      {given.floats(0, 3), triangles(given, 1, m), given.floats(2, 4), triangles(given, 3, m),
       given.floats(4, 3)});
  return 0;
}

// maps (B, P, d, d), first and second weight (P, P, 3, 3) -> maps (B, P, s, s)
MINDTUNE_OPERATOR(ShrinkMaps) {
  const Arguments given("ShrinkMaps", 4, count, data, ranks, shapes, types);
  const Shrinking s = shrinking(given);
  instruction_set().shrink_maps(s, given.floats(0, 4), given.floats(1, 4), given.floats(2, 4),
                                shrunk_maps(given, 3, s));
  return 0;
}

// maps, first, second, dout -> dmaps, dfirst, dsecond
MINDTUNE_OPERATOR(ShrinkMapsGradient) {
  const Arguments given("ShrinkMapsGradient", 7, count, data, ranks, shapes, types);
  const Shrinking s = shrinking(given);
  given.require_shape(4, {s.batch, s.maps, s.side, s.side});
  for (const int weight : {5, 6}) given.require_shape(weight, {s.maps, s.maps, 3, 3});
  instruction_set().differentiate_shrinking(
      s, {given.floats(0, 4), given.floats(1, 4), given.floats(2, 4), shrunk_maps(given, 3, s),
          given.floats(4, 4), given.floats(5, 4), given.floats(6, 4)});
  return 0;
}
