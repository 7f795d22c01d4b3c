// The backward pass of square_root.cu. The gradient of a symmetric matrix may itself be taken as
// symmetric; the correction T is made again.
#include <utility>

#include "centred_tokens.cuh"

namespace mindtune {
namespace {

// The symmetric gradient of the last Y from that of the triangle. A thread an entry.
__global__ void spread_triangle(const float* dtriangles, const float* traces, int64_t samples,
                                int dim, Matrices dy) {
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  const int64_t area = static_cast<int64_t>(dim) * dim, sample = index / area, at = index % area;
  if (sample >= samples) return;
  const int64_t i = at / dim, j = at % dim;
  const int64_t entry = i < j ? triangle_index(dim, i, j) : triangle_index(dim, j, i);
  const float gradient = sqrtf(traces[sample]) * dtriangles[triangle_size(dim) * sample + entry];
  dy.of(sample)[at] = i == j ? gradient : gradient / 2;
}

// Gradients on their way back through the steps; `spare` are overwritten.
struct RootGradients {
  Matrices dy, dz, correction, dproduct, spare;
};

// From the gradients of step + 1 to those of a step >= 1: T = (3 I - Z Y) / 2, Y T, T Z. The last
// step makes no Z.
void retrace_step(const Batch& batch, const Iterates& iterates, int64_t step, RootGradients& g) {
  const Matrices y = iterates.y(step), z = iterates.z(step), t = g.correction;
  const bool is_last = step + 1 == iterates.steps;
  find_correction(batch, y, z, t);
  find_products(batch,
                is_last ? symmetric_part(y, g.dy, -0.5f) : symmetric_part(y, g.dy, g.dz, z, -0.5f),
                g.dproduct);
  find_products(batch, symmetric_part(g.dy, t, z, g.dproduct, 1), g.spare);
  std::swap(g.dy, g.spare);
  find_products(
      batch, is_last ? symmetric_part(g.dproduct, y, 1) : symmetric_part(g.dproduct, y, t, g.dz, 1),
      g.spare);
  std::swap(g.dz, g.spare);
}

// What the first step gives back: dA = 3/2 dY - (the symmetric part of A dY) - dZ / 2, as there
// T = (3 I - A) / 2, Y = A T and Z = T. `dz` has no data where there is no Z.
struct FirstStep {
  Matrices a, dy, product, dz;
};

// In place of dY, the gradient dA, and what reaches the trace: a block a sample.
__global__ void finish_root_gradient(FirstStep step, const float* triangles,
                                     const float* dtriangles, const float* traces, int dim,
                                     float* dtraces) {
  const int64_t sample = blockIdx.x, entries = triangle_size(dim);
  const float *a = step.a.of(sample), *product = step.product.of(sample);
  const float* dz = step.dz.data == nullptr ? nullptr : step.dz.of(sample);
  float* dy = step.dy.of(sample);
  double along = 0, through_root = 0;
  for (int at = threadIdx.x; at < dim * dim; at += kThreads) {
    dy[at] = 1.5f * dy[at] - product[at] - (dz == nullptr ? 0.0f : 0.5f * dz[at]);
    along += static_cast<double>(dy[at]) * a[at];
  }
  for (int64_t at = sample * entries + threadIdx.x; at < (sample + 1) * entries; at += kThreads)
    through_root += static_cast<double>(triangles[at]) * dtriangles[at];
  along = sum_threads(along);
  through_root = sum_threads(through_root);
  const double trace = traces[sample];
  if (threadIdx.x == 0)
    dtraces[sample] = static_cast<float>(through_root / (2 * trace) - along / trace);
}

// dtokens = 2 / N tokens (dA / trace + dtrace I); the gradient needs no centring, since the tokens
// are centred. Channels blockIdx.z * kTile .. of tokens blockIdx.y * kTile .. of sample blockIdx.x.
template <typename T>
__global__ void __launch_bounds__(kThreads, 2)
    spread_to_tokens(TokenCovariance<T> covariance, Matrices da, const float* dtraces, T* dtokens) {
  const Extents e = covariance.tokens.extents;
  const int64_t sample = blockIdx.x;
  const int n0 = blockIdx.y * kTile, c0 = blockIdx.z * kTile;
  const auto tokens = covariance.tokens.of(sample);
  const DenseMatrix gradient = {da.of(sample), e.dim};
  const float trace = covariance.traces[sample], dtrace = dtraces[sample];
  Tile tile;
  add_product(e.dim, columns_from(n0, e.tokens, transposed(tokens)),
              columns_from(c0, e.dim, gradient), tile);
  const HeadTokens<T> to = separate_head(dtokens, e, sample);
  for_entries(e.tokens, n0, e.dim, c0, [&](int token, int channel, int r, int c) {
    const float value = tile.sum[r][c] / trace + dtrace * tokens.value(token, channel);
    assign(to.at(token, channel), 2 * value / e.tokens);
  });
}

template <typename T>
void differentiate(cudaStream_t stream, const Arguments& given) {
  const Sizes s = root_sizes(given);
  given.require_shape(4, {s.batch, s.tokens, s.dim});
  const Batch batch = {stream, s.batch, extents_of(given, s).dim};
  const Iterates iterates = {given.floats(2, 4), steps_of(given, 2, s), batch.area()};
  const float *roots = triangles(given, 1, s), *droots = triangles(given, 3, s);
  T* dtokens = elements<T>(given, 4, 3);
  Scratch scratch(stream);
  const auto covariance = centre_tokens<T>(stream, given, s, scratch);
  const auto matrices = [&] { return batch.take_matrices(scratch); };
  RootGradients g = {matrices(), matrices(), matrices(), matrices(), matrices()};
  auto* dtraces = scratch.take<float>(s.batch);

  launch(stream, cover(s.batch * batch.area(), kThreads), spread_triangle, droots,
         covariance.traces, s.batch, batch.dim, g.dy);
  for (int64_t step = iterates.steps - 1; step > 0; --step) retrace_step(batch, iterates, step, g);
  const Matrices a = iterates.y(0), none = {nullptr, 0};
  find_products(batch, symmetric_part(a, g.dy, 1), g.dproduct);
  const FirstStep first = {a, g.dy, g.dproduct, iterates.steps > 1 ? g.dz : none};
  launch(stream, cover(s.batch, 1), finish_root_gradient, first, roots, droots, covariance.traces,
         batch.dim, dtraces);
  launch(stream, dim3(cover(s.batch, 1), cover(s.tokens, kTile), cover(s.dim, kTile)),
         spread_to_tokens<T>, covariance, g.dy, dtraces, dtokens);
}

}  // namespace
}  // namespace mindtune

using namespace mindtune;

// tokens, triangles, iterates, dtriangles -> dtokens
MINDTUNE_OPERATOR(SquareRootCovarianceGradient) {
  const Arguments given("SquareRootCovarianceGradient", 5, count, data, ranks, shapes, types);
  with_element_type(given, [&](auto zero) {
    differentiate<decltype(zero)>(static_cast<cudaStream_t>(stream), given);
  });
  return 0;
}
