// The backward pass of square_root.h. The gradient of a symmetric matrix may itself be taken as
// symmetric, which leaves six products a step, and the correction T to be made again.

// out = scale * the symmetric part of (first + second); `second` may be left out.
inline void symmetric_part(const MatrixLayout& layout, Team team, const Factors& first,
                           const Factors* second, float scale, float* out) {
#pragma omp parallel for schedule(dynamic) num_threads(team.threads) if (team.threads > 1)
  for (int64_t j0 = 0; j0 < layout.dim; j0 += kColumns)
    for (int64_t i0 = 0; i0 < layout.dim; i0 += kRows) {
      Tile tile = factors_tile(layout, first, layout.dim, i0, j0);
      if (second != nullptr) add(tile, factors_tile(layout, *second, layout.dim, i0, j0));
      store_tile(layout, tile, scale, i0, j0, out);
    }
  symmetrise(layout.dim, layout.row, out);
}

inline double inner_product(const MatrixLayout& layout, const float* a, const float* b) {
  double sum = 0;
  for (int64_t i = 0; i < layout.dim; ++i) {
    float row = 0;
#pragma omp simd reduction(+ : row)
    for (int64_t j = 0; j < layout.dim; ++j) row += a[i * layout.row + j] * b[i * layout.row + j];
    sum += row;
  }
  return sum;
}

// Working memory of one sample: iterates, the gradients dy and dz, and what they are made from.
struct RootGradientScratch {
  float *tokens, *y, *z, *t, *dy, *dz, *dm, *next;
};

// Gradient of the normalised covariance A, in `s.dy`, which holds that of the last Y at first.
// Leaves A itself in `s.y`.
inline void retrace_root(const MatrixLayout& layout, int64_t steps, Team team,
                         RootGradientScratch& s, const float* iterates) {
  const int64_t area = layout.dim * layout.dim;
  for (int64_t step = steps - 1; step > 0; --step) {
    copy_in(layout, iterates + (2 * step - 1) * area, s.y);
    copy_in(layout, iterates + 2 * step * area, s.z);
    correction(layout, team, s.y, s.z, s.t);
    const bool last = step == steps - 1;  // makes no Z
    const Factors through_z = {s.dz, s.z}, from_z = {s.t, s.dz};
    symmetric_part(layout, team, {s.y, s.dy}, last ? nullptr : &through_z, -0.5f, s.dm);
    const Factors through_m = {s.z, s.dm};
    symmetric_part(layout, team, {s.dy, s.t}, &through_m, 1, s.next);
    std::swap(s.dy, s.next);
    symmetric_part(layout, team, {s.dm, s.y}, last ? nullptr : &from_z, 1, s.next);
    std::swap(s.dz, s.next);
  }
  // Y1 = (3 A - A^2) / 2 and, where there are more steps, Z1 = (3 I - A) / 2.
  copy_in(layout, iterates, s.y);
  symmetric_part(layout, team, {s.y, s.dy}, nullptr, -1, s.next);
  const float through_z = steps > 1 ? 0.5f : 0;
  for (int64_t i = 0; i < layout.size; ++i)
    s.dy[i] = 1.5f * s.dy[i] + s.next[i] - through_z * s.dz[i];
}

// The symmetric gradient of a matrix from that of its upper triangle, times `scale`.
inline void spread_triangle(const MatrixLayout& layout, const float* triangle, float scale,
                            float* out) {
  for (int64_t i = 0; i < layout.dim; ++i) {
    out[i * layout.row + i] = scale * *triangle++;
    for (int64_t j = i + 1; j < layout.dim; ++j)
      out[i * layout.row + j] = out[j * layout.row + i] = scale / 2 * *triangle++;
  }
}

// dz = 2 / N tokens dcovariance; the gradient needs no centring, since the tokens are centred:
// twice, as what rounding leaves of their mean would stand in every token's gradient.
inline void spread_to_tokens(const Moments& m, const MatrixLayout& layout, Team team,
                             const float* tokens, const float* dcovariance, float* dz) {
  const float scale = 2.0f / m.tokens;
#pragma omp parallel for schedule(static) num_threads(team.threads) if (team.threads > 1)
  for (int64_t n0 = 0; n0 < m.tokens; n0 += kRows)
    for (int64_t c0 = 0; c0 < m.dim; c0 += kColumns) {
      const Tile tile = product_tile(m.dim, {tokens + n0 * layout.row, 1, layout.row},
                                     dcovariance + c0, layout.row);
      for (int r = 0; r < std::min<int64_t>(kRows, m.tokens - n0); ++r)
        for (int64_t c = 0; c < std::min<int64_t>(kColumns, m.dim - c0); ++c)
          dz[(n0 + r) * m.dim + c0 + c] = scale * tile.sum[r][c / kLanes][c % kLanes];
    }
}

inline void differentiate_root(const Moments& m, const MatrixLayout& layout, int64_t steps,
                               Team team, RootGradientScratch& s, const RootGradient& io,
                               int64_t sample) {
  const int64_t entries = m.dim * (m.dim + 1) / 2;
  const float *root = io.triangles + sample * entries, *droot = io.dtriangles + sample * entries;
  double trace = 0, through_scale = 0;
  for (int64_t n = 0; n < m.tokens; ++n)
    for (int64_t c = 0; c < m.dim; ++c)
      trace += static_cast<double>(s.tokens[n * layout.row + c]) * s.tokens[n * layout.row + c];
  trace /= m.tokens;
  for (int64_t i = 0; i < entries; ++i) through_scale += static_cast<double>(root[i]) * droot[i];
  spread_triangle(layout, droot, static_cast<float>(std::sqrt(trace)), s.dy);
  retrace_root(layout, steps, team, s, io.iterates + sample * (2 * steps - 1) * m.dim * m.dim);
  const double dtrace = through_scale / (2 * trace) - inner_product(layout, s.dy, s.y) / trace;
  for (int64_t i = 0; i < layout.size; ++i) s.dy[i] /= static_cast<float>(trace);
  for (int64_t i = 0; i < m.dim; ++i) s.dy[i * layout.row + i] += static_cast<float>(dtrace);
  spread_to_tokens(m, layout, team, s.tokens, s.dy, io.dz + sample * m.by_sample);
}

void differentiate_square_root(const Moments& m, int64_t steps, const RootGradient& io) {
  const RootMemory memory(m, 7);
#pragma omp parallel for schedule(dynamic) num_threads(memory.samples) if (memory.samples > 1)
  for (int64_t sample = 0; sample < m.batch; ++sample) {
    const int thread = omp_get_thread_num();
    const auto matrix = [&](int index) { return memory.matrix(thread, index); };
    RootGradientScratch s = {memory.read_tokens(m, thread, io.z + sample * m.by_sample),
                             matrix(0),
                             matrix(1),
                             matrix(2),
                             matrix(3),
                             matrix(4),
                             matrix(5),
                             matrix(6)};
    centre(m, memory.tokens, memory.sums_of(thread), s.tokens);
    differentiate_root(m, memory.layout, steps, memory.team, s, io, sample);
  }
}
