// iSQRT-COV: the square root of the tokens' covariance by coupled Newton-Schulz iterations, and its
// upper triangle. With A = covariance / trace, Y = A and Z = I, each of n steps sets
// T = (3 I - Z Y) / 2, Y = Y T, Z = T Z; the root is sqrt(trace) Y. All of these are polynomials in
// A, hence symmetric, and commute.
#include "centred_tokens.cuh"

namespace mindtune {
namespace {

// covariance / trace: a block makes the tile (blockIdx.y, blockIdx.z) of sample blockIdx.x.
template <typename T>
__global__ void __launch_bounds__(kThreads, 2)
    pool_covariance(TokenCovariance<T> covariance, Matrices out) {
  const Extents e = covariance.tokens.extents;
  const int64_t sample = blockIdx.x;
  const int i0 = blockIdx.y * kTile, j0 = blockIdx.z * kTile;
  if (is_below_diagonal(i0, j0)) return;
  const auto tokens = covariance.tokens.of(sample);
  const float trace = covariance.traces[sample];
  Tile tile;
  add_product(e.tokens, columns_from(i0, e.dim, tokens), columns_from(j0, e.dim, tokens), tile);
  store_symmetric(e.dim, i0, j0, out.of(sample),
                  [&](int, int, int r, int c) { return tile.sum[r][c] / e.tokens / trace; });
}

// 3/2 I - A / 2, where Z is still I. A thread an entry.
__global__ void find_first_correction(Matrices a, int64_t samples, int dim, Matrices out) {
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  const int64_t area = static_cast<int64_t>(dim) * dim, sample = index / area, at = index % area;
  if (sample >= samples) return;
  out.of(sample)[at] = (at / dim == at % dim ? 1.5f : 0.0f) - 0.5f * a.of(sample)[at];
}

// The upper triangle of sqrt(trace) Y, row by row. A thread an entry of Y.
__global__ void take_triangle(Matrices y, const float* traces, int64_t samples, int dim,
                              float* triangles) {
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  const int64_t area = static_cast<int64_t>(dim) * dim, sample = index / area, at = index % area;
  const int64_t i = at / dim, j = at % dim;
  if (sample >= samples || i > j) return;
  triangles[triangle_size(dim) * sample + triangle_index(dim, i, j)] =
      sqrtf(traces[sample]) * y.of(sample)[at];
}

// The last Y, with all before in `iterates`, where that of step 0 is already.
Matrices iterate(const Batch& batch, const Iterates& iterates, Scratch& scratch) {
  const Matrices correction = batch.take_matrices(scratch), last = batch.take_matrices(scratch);
  for (int64_t step = 0; step < iterates.steps; ++step) {
    const bool is_last = step + 1 == iterates.steps;
    const Matrices y = iterates.y(step);
    // The first correction is the first Z.
    const Matrices t = step == 0 && !is_last ? iterates.z(1) : correction;
    if (step == 0)
      launch(batch.stream, cover(batch.samples * batch.area(), kThreads), find_first_correction, y,
             batch.samples, batch.dim, t);
    else
      find_correction(batch, y, iterates.z(step), t);
    find_products(batch, commuting_product(y, t, 1, 0), is_last ? last : iterates.y(step + 1));
    if (step > 0 && !is_last)
      find_products(batch, commuting_product(t, iterates.z(step), 1, 0), iterates.z(step + 1));
  }
  return last;
}

template <typename T>
void pool(cudaStream_t stream, const Arguments& given) {
  const Sizes s = root_sizes(given);
  const Batch batch = {stream, s.batch, extents_of(given, s).dim};
  const Iterates iterates = {given.floats(3, 4), steps_of(given, 3, s), batch.area()};
  float* to = triangles(given, 2, s);
  Scratch scratch(stream);
  const auto covariance = centre_tokens<T>(stream, given, s, scratch);
  launch(stream, batch.tiles(), pool_covariance<T>, covariance, iterates.y(0));
  const Matrices root = iterate(batch, iterates, scratch);
  launch(stream, cover(s.batch * batch.area(), kThreads), take_triangle, root, covariance.traces,
         s.batch, batch.dim, to);
}

}  // namespace
}  // namespace mindtune

using namespace mindtune;

// tokens (B, N, d), plan (2 steps - 1), of which only the length counts -> triangles
// (B, d (d + 1) / 2), iterates (B, 2 steps - 1, d, d)
MINDTUNE_OPERATOR(SquareRootCovariance) {
  const Arguments given("SquareRootCovariance", 4, count, data, ranks, shapes, types);
  with_element_type(
      given, [&](auto zero) { pool<decltype(zero)>(static_cast<cudaStream_t>(stream), given); });
  return 0;
}
