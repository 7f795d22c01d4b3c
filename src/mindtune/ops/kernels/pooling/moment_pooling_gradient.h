// The backward pass of moment_pooling.h. Tokens are normalised again rather than kept: of the
// forward pass only its inputs, its maps and their column norms are needed.

// A (dim, dim) map into rows of the padded length.
inline void read_map(const Moments& m, const HeadLayout& layout, const float* map, float* g) {
  for (int64_t i = 0; i < m.dim; ++i) {
    std::memcpy(g + i * layout.row, map + i * m.dim, m.dim * sizeof(float));
    std::fill(g + i * layout.row + m.dim, g + (i + 1) * layout.row, 0.0f);
  }
}

// From the gradient of one pair's map to that of its covariance, in place in `g`.
inline void undo_column_norms(const Moments& m, const HeadLayout& layout, const float* map,
                              const float* norms, float* along, float* g) {
  std::fill(along, along + m.dim, 0.0f);
  for (int64_t i = 0; i < m.dim; ++i) {
    const float *y = map + i * m.dim, *row = g + i * layout.row;
#pragma omp simd
    for (int64_t j = 0; j < m.dim; ++j) along[j] += row[j] * y[j];
  }
  for (int64_t j = 0; j < m.dim; ++j)
    if (norms[j] <= m.column_eps) along[j] = 0;  // such a column was divided by a constant
  for (int64_t i = 0; i < m.dim; ++i) {
    const float* y = map + i * m.dim;
    float* row = g + i * layout.row;
#pragma omp simd
    for (int64_t j = 0; j < m.dim; ++j) row[j] = (row[j] - y[j] * along[j]) / norms[j];
  }
}

// da += partner g / tokens, over the padded tokens and channels of a head.
inline void add_product(const Moments& m, const HeadLayout& layout, const float* partner,
                        const float* g, float* da) {
  const float scale = 1.0f / m.tokens;
  for (int64_t c0 = 0; c0 < m.dim; c0 += kColumns) {
    for (int64_t n0 = 0; n0 < m.tokens; n0 += kRows) {
      const Tile tile =
          product_tile(m.dim, {partner + n0 * layout.row, 1, layout.row}, g + c0, layout.row);
      for (int r = 0; r < kRows; ++r) {
        float* to = da + (n0 + r) * layout.row + c0;
        store(to, load(to) + scale * tile.sum[r][0]);
        store(to + kLanes, load(to + kLanes) + scale * tile.sum[r][1]);
      }
    }
  }
}

// Sums over tokens of one head, in whole vectors.
struct NormGradient {
  float *weight, *bias;
};

inline void write_token(const Moments& m, const float* from, float* to) {
  if (m.by_channel == 1) {
    std::memcpy(to, from, m.dim * sizeof(float));
  } else {
    for (int64_t c = 0; c < m.dim; ++c) to[c * m.by_channel] = from[c];
  }
}

// From the gradient of one normalised token to that of the token as it came in, in place in `x`.
inline void undo_normalise_token(const Moments& m, const HeadLayout& layout,
                                 const NormVectors& norm, TokenStatistics token, const float* da,
                                 float* x, const NormGradient& gradient) {
  Lanes total = {}, along = {};
  for (int64_t c = 0; c < layout.used; c += kLanes) {
    const Lanes hat = (load(x + c) - token.mean) * token.inverse_std, g = load(da + c);
    const Lanes dhat = g * load(norm.weight + c);
    store(gradient.weight + c, load(gradient.weight + c) + g * hat);
    store(gradient.bias + c, load(gradient.bias + c) + g);
    total += dhat;
    along += dhat * hat;
  }
  const float mean = total_of(total) / m.dim, slope = total_of(along) / m.dim;
  for (int64_t c = 0; c < layout.used; c += kLanes) {
    const Lanes hat = (load(x + c) - token.mean) * token.inverse_std;
    const Lanes dhat = load(da + c) * load(norm.weight + c);
    store(x + c, (dhat - mean - hat * slope) * token.inverse_std);
  }
}

// Working memory of one thread.
struct HeadScratch {
  double* sums;
  float *covariance, *da, *along, *token;
};

// Gradient of one head of one sample: `prepared` holds all heads of the sample.
inline void differentiate_head(const Moments& m, const HeadLayout& layout, const MomentGradient& io,
                               int64_t sample, int64_t head, const NormVectors& norm,
                               const float* prepared, const TokenStatistics* statistics,
                               const NormGradient& norm_gradient, const HeadScratch& scratch) {
  std::fill(scratch.da, scratch.da + layout.size, 0.0f);
  for (int64_t pair = 0; pair < m.pairs; ++pair) {
    const int64_t map = sample * m.pairs + pair, area = m.dim * m.dim;
    for (const bool is_left : {true, false}) {
      if ((is_left ? m.left(pair) : m.right(pair)) != head) continue;
      const int64_t partner = is_left ? m.right(pair) : m.left(pair);
      read_map(m, layout, io.dmaps + map * area, scratch.covariance);
      if (io.norms != nullptr)
        undo_column_norms(m, layout, io.maps + map * area, io.norms + map * m.dim, scratch.along,
                          scratch.covariance);
      if (is_left) transpose(m.dim, layout.row, scratch.covariance);
      add_product(m, layout, prepared + partner * layout.size, scratch.covariance, scratch.da);
    }
  }
  centre(m, layout, scratch.sums, scratch.da);
  for (int64_t n = 0; n < m.tokens; ++n) {
    const int64_t at = head_at(m, sample, head) + n * m.by_token;
    const float *da = scratch.da + n * layout.row, *gradient = da;
    if (m.weight != nullptr) {
      read_token(m, layout, io.z + at, scratch.token);
      undo_normalise_token(m, layout, norm, statistics[n], da, scratch.token, norm_gradient);
      gradient = scratch.token;
    }
    fetch_ahead(m, io.dz + at);
    write_token(m, gradient, io.dz + at);
  }
}

// Sums over samples and heads, in their order.
inline void add_norm_gradients(const Moments& m, const HeadLayout& layout, const float* partial,
                               float* dweight, float* dbias) {
  for (int64_t c = 0; c < m.dim; ++c) {
    double weight = 0, bias = 0;
    for (int64_t unit = 0; unit < m.batch * m.heads; ++unit) {
      weight += partial[2 * unit * layout.row + c];
      bias += partial[(2 * unit + 1) * layout.row + c];
    }
    dweight[c] = static_cast<float>(weight);
    dbias[c] = static_cast<float>(bias);
  }
}

void differentiate_moments(const Moments& m, const MomentGradient& io) {
  const HeadLayout layout(m);
  const int threads = omp_get_max_threads();
  const bool whole_samples = takes_whole_samples(m, threads), fused = m.weight != nullptr;
  const int64_t square = m.dim * layout.row;
  const int64_t partials = fused ? m.batch * m.heads * 2 * layout.row : 0;
  float* heads = workspace<float>(0, threads * m.heads * layout.size);
  float* covariances = workspace<float>(1, threads * square);
  double* sums = workspace<double>(2, threads * layout.row);
  const NormVectors norm(m, layout, workspace<float>(3, 3 * layout.row));
  float* das = workspace<float>(4, threads * layout.size);
  auto* statistics = workspace<TokenStatistics>(5, threads * m.heads * m.tokens);
  float* partial = workspace<float>(6, partials);
  float* vectors = workspace<float>(7, threads * 2 * layout.row);
  std::fill(partial, partial + partials, 0.0f);
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (whole_samples && m.batch > 1)
  for (int64_t sample = 0; sample < m.batch; ++sample) {
    const int outer = omp_get_thread_num();
    float* prepared = heads + outer * m.heads * layout.size;
    TokenStatistics* of_sample = statistics + outer * m.heads * m.tokens;
#pragma omp parallel for schedule(static) num_threads(threads) if (!whole_samples)
    for (int64_t head = 0; head < m.heads; ++head)
      prepare_head(m, layout, norm, io.z + head_at(m, sample, head),
                   sums + (outer + omp_get_thread_num()) * layout.row,
                   prepared + head * layout.size, of_sample + head * m.tokens);
#pragma omp parallel for schedule(static) num_threads(threads) if (!whole_samples)
    for (int64_t head = 0; head < m.heads; ++head) {
      const int thread = outer + omp_get_thread_num();
      float* own = vectors + thread * 2 * layout.row;
      NormGradient of_head = {};
      if (fused) {
        of_head.weight = partial + (sample * m.heads + head) * 2 * layout.row;
        of_head.bias = of_head.weight + layout.row;
      }
      differentiate_head(m, layout, io, sample, head, norm, prepared, of_sample + head * m.tokens,
                         of_head,
                         {sums + thread * layout.row, covariances + thread * square,
                          das + thread * layout.size, own, own + layout.row});
    }
  }
  if (fused) add_norm_gradients(m, layout, partial, io.dweight, io.dbias);
}
