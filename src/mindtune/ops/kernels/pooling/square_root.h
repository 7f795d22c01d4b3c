// iSQRT-COV: the square root of the tokens' covariance by coupled Newton-Schulz iterations, and its
// upper triangle. With A = covariance / trace, Y = A and Z = I, each of n steps sets
// T = (3 I - Z Y) / 2, Y = Y T, Z = T Z; the root is sqrt(trace) Y. All of these are polynomials in
// A, hence symmetric, so only the upper half of each product is computed.

// A symmetric matrix in working memory: rows of whole tiles, padded with zeros.
struct MatrixLayout {
  int64_t dim, row, rows, size;

  explicit MatrixLayout(int64_t dim)
      : dim(dim), row(row_length(dim)), rows(round_up(dim, kRows)), size(row * rows) {}
};

// Threads that share one product: all where there are fewer samples than threads, else one.
struct Team {
  int threads;

  // Products of smaller matrices are done before threads have met.
  Team(int threads, bool whole_samples, int64_t dim)
      : threads(whole_samples || dim < 512 ? 1 : threads) {}
};

// Two matrices of equally many rows, whose product left^T right is wanted; left^T is left itself
// where it is symmetric.
struct Factors {
  const float *left, *right;
};

inline Tile factors_tile(const MatrixLayout& layout, const Factors& factors, int64_t depth,
                         int64_t i0, int64_t j0) {
  return product_tile(depth, {factors.left + i0, layout.row, 1}, factors.right + j0, layout.row);
}

inline void store_tile(const MatrixLayout& layout, const Tile& tile, float scale, int64_t i0,
                       int64_t j0, float* out) {
  for (int r = 0; r < kRows; ++r) {
    store(out + (i0 + r) * layout.row + j0, scale * tile.sum[r][0]);
    store(out + (i0 + r) * layout.row + j0 + kLanes, scale * tile.sum[r][1]);
  }
}

// out = scale * left^T right + diagonal * I, which is known to be symmetric; `depth` rows each.
inline void symmetric_product(const MatrixLayout& layout, Team team, const Factors& factors,
                              int64_t depth, float scale, float diagonal, float* out) {
#pragma omp parallel for schedule(dynamic) num_threads(team.threads) if (team.threads > 1)
  for (int64_t j0 = 0; j0 < layout.dim; j0 += kColumns)
    for (int64_t i0 = 0; i0 < std::min(j0 + kColumns, layout.dim); i0 += kRows)
      store_tile(layout, factors_tile(layout, factors, depth, i0, j0), scale, i0, j0, out);
  mirror(layout.dim, layout.row, out);
  for (int64_t i = 0; i < layout.dim; ++i) out[i * layout.row + i] += diagonal;
}

// 3/2 I - Z Y / 2
inline void correction(const MatrixLayout& layout, Team team, const float* y, const float* z,
                       float* out) {
  symmetric_product(layout, team, {z, y}, layout.dim, -0.5f, 1.5f, out);
}

// 3/2 I - A / 2, where Z is still I.
inline void first_correction(const MatrixLayout& layout, const float* a, float* out) {
  for (int64_t i = 0; i < layout.size; ++i) out[i] = -0.5f * a[i];
  for (int64_t i = 0; i < layout.dim; ++i) out[i * layout.row + i] += 1.5f;
}

inline void copy_out(const MatrixLayout& layout, const float* matrix, float* to) {
  for (int64_t i = 0; i < layout.dim; ++i)
    std::copy_n(matrix + i * layout.row, layout.dim, to + i * layout.dim);
}

inline void copy_in(const MatrixLayout& layout, const float* from, float* matrix) {
  std::fill(matrix, matrix + layout.size, 0.0f);
  for (int64_t i = 0; i < layout.dim; ++i)
    std::copy_n(from + i * layout.dim, layout.dim, matrix + i * layout.row);
}

inline double trace_of(const MatrixLayout& layout, const float* matrix) {
  double trace = 0;
  for (int64_t i = 0; i < layout.dim; ++i) trace += matrix[i * layout.row + i];
  return trace;
}

// Working memory of one sample.
struct RootScratch {
  float *tokens, *y, *z, *t, *next;
};

// One sample: its root into `s.y`. `iterates` takes Y0, Y1, Z1, Y2, Z2, .. for the backward pass.
inline float take_root(const Moments& m, const MatrixLayout& layout, int64_t steps, Team team,
                       RootScratch& s, float* iterates) {
  const int64_t area = m.dim * m.dim;
  symmetric_product(layout, team, {s.tokens, s.tokens}, m.tokens, 1.0f / m.tokens, 0, s.y);
  const float trace = static_cast<float>(trace_of(layout, s.y));
  for (int64_t i = 0; i < layout.size; ++i) s.y[i] /= trace;
  copy_out(layout, s.y, iterates);
  for (int64_t step = 0; step < steps; ++step) {
    if (step == 0)
      first_correction(layout, s.y, s.t);
    else
      correction(layout, team, s.y, s.z, s.t);
    symmetric_product(layout, team, {s.y, s.t}, m.dim, 1, 0, s.next);
    std::swap(s.y, s.next);
    if (step + 1 == steps) break;
    if (step == 0) {
      std::swap(s.z, s.t);
    } else {
      symmetric_product(layout, team, {s.t, s.z}, m.dim, 1, 0, s.next);
      std::swap(s.z, s.next);
    }
    copy_out(layout, s.y, iterates + (2 * step + 1) * area);
    copy_out(layout, s.z, iterates + (2 * step + 2) * area);
  }
  return trace;
}

// Working memory of the samples that are taken at once: tokens and `matrices` square matrices each,
// the latter zero at first.
struct RootMemory {
  HeadLayout tokens;
  MatrixLayout layout;
  int threads, samples, matrices;
  Team team;
  float *centred, *squares;
  double* sums;
  NormVectors none;

  RootMemory(const Moments& m, int matrices)
      : tokens(m),
        layout(m.dim),
        threads(omp_get_max_threads()),
        samples(m.batch >= threads ? threads : 1),
        matrices(matrices),
        team(threads, samples > 1, m.dim),
        centred(workspace<float>(0, samples * tokens.size)),
        squares(workspace<float>(1, samples * matrices * layout.size)),
        sums(workspace<double>(2, samples * tokens.row)),
        none(m, tokens, workspace<float>(3, 3 * tokens.row)) {
    std::fill(squares, squares + samples * matrices * layout.size, 0.0f);
  }

  float* matrix(int thread, int index) const {
    return squares + (thread * matrices + index) * layout.size;
  }

  double* sums_of(int thread) const { return sums + thread * tokens.row; }

  // A sample's tokens, centred.
  float* read_tokens(const Moments& m, int thread, const float* z) const {
    float* to = centred + thread * tokens.size;
    prepare_head(m, tokens, none, z, sums_of(thread), to, nullptr);
    return to;
  }
};

void pool_square_root(const Moments& m, int64_t steps, const float* z, float* triangles,
                      float* iterates) {
  const RootMemory memory(m, 4);
  const MatrixLayout& layout = memory.layout;
  const int64_t area = m.dim * m.dim, entries = m.dim * (m.dim + 1) / 2;
#pragma omp parallel for schedule(dynamic) num_threads(memory.samples) if (memory.samples > 1)
  for (int64_t sample = 0; sample < m.batch; ++sample) {
    const int thread = omp_get_thread_num();
    const auto matrix = [&](int index) { return memory.matrix(thread, index); };
    RootScratch s = {memory.read_tokens(m, thread, z + sample * m.by_sample), matrix(0), matrix(1),
                     matrix(2), matrix(3)};
    const float trace =
        take_root(m, layout, steps, memory.team, s, iterates + sample * (2 * steps - 1) * area);
    float* to = triangles + sample * entries;
    for (int64_t i = 0; i < m.dim; ++i)
      for (int64_t j = i; j < m.dim; ++j) *to++ = std::sqrt(trace) * s.y[i * layout.row + j];
  }
}
