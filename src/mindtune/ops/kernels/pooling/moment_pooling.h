// Moment pooling: LayerNorm over channels, centring, cross-covariance of head pairs, unit columns.
// The forward pass, for one instruction set (see lanes.h). The bare cross-covariance is the same
// walk without LayerNorm, centring and column norms.
//
// Each thread takes whole samples, which then stay in its core's cache; where there are fewer
// samples than threads and each is a lot of work, the threads share the heads and the maps of one
// sample after the other.
// No sum is split between threads: results do not depend on their number.

// How a head's tokens lie in working memory: rows of whole vectors, rows and columns padded with
// zeros to whole tiles.
struct HeadLayout {
  int64_t row, rows, size;
  int64_t used;  // channels up to the end of the last vector

  explicit HeadLayout(const Moments& m)
      : row(row_length(m.dim)),
        rows(round_up(m.tokens, kRows)),
        size(row * rows),
        used(round_up(m.dim, kLanes)) {}
};

// LayerNorm's parameters in whole vectors, and 1 for each channel that there is.
struct NormVectors {
  float *weight, *bias, *inside;

  NormVectors(const Moments& m, const HeadLayout& layout, float* memory)
      : weight(memory), bias(memory + layout.row), inside(memory + 2 * layout.row) {
    std::fill(memory, memory + 3 * layout.row, 0.0f);
    if (m.weight == nullptr) return;
    std::copy(m.weight, m.weight + m.dim, weight);
    std::copy(m.bias, m.bias + m.dim, bias);
    std::fill(inside, inside + m.dim, 1.0f);
  }
};

struct TokenStatistics {
  float mean, inverse_std;
};

inline int64_t head_at(const Moments& m, int64_t sample, int64_t head) {
  return sample * m.by_sample + head * m.by_head;
}

// A head's part of a token is too short for the processor to foresee where the next one starts.
inline void fetch_ahead(const Moments& m, const float* token) {
  constexpr int64_t kAhead = 6, kCacheLine = 16;
  for (int64_t c = 0; c < m.dim; c += kCacheLine)
    __builtin_prefetch(token + kAhead * m.by_token + c * m.by_channel);
}

inline void read_token(const Moments& m, const HeadLayout& layout, const float* from, float* to) {
  fetch_ahead(m, from);
  if (m.by_channel == 1) {
    std::memcpy(to, from, m.dim * sizeof(float));
  } else {
    for (int64_t c = 0; c < m.dim; ++c) to[c] = from[c * m.by_channel];
  }
  std::fill(to + m.dim, to + layout.row, 0.0f);
}

inline TokenStatistics normalise_token(const Moments& m, const HeadLayout& layout,
                                       const NormVectors& norm, float* token) {
  Lanes total = {}, square = {};
  for (int64_t c = 0; c < layout.used; c += kLanes) total += load(token + c);
  const float mean = total_of(total) / m.dim;
  for (int64_t c = 0; c < layout.used; c += kLanes) {
    const Lanes off = (load(token + c) - mean) * load(norm.inside + c);
    square += off * off;
  }
  const float inverse_std = 1 / std::sqrt(total_of(square) / m.dim + m.norm_eps);
  for (int64_t c = 0; c < layout.used; c += kLanes)
    store(token + c,
          (load(token + c) - mean) * inverse_std * load(norm.weight + c) + load(norm.bias + c));
  return {mean, inverse_std};
}

// Sums over tokens, in double precision between short runs of tokens.
inline void sum_tokens(const Moments& m, const HeadLayout& layout, const float* a, double* sums) {
  constexpr int64_t kRun = 32;
  std::fill(sums, sums + layout.used, 0.0);
  for (int64_t c = 0; c < layout.used; c += kLanes) {
    for (int64_t first = 0; first < m.tokens; first += kRun) {
      Lanes run = {};
      for (int64_t n = first; n < std::min(first + kRun, m.tokens); ++n)
        run += load(a + n * layout.row + c);
      for (int lane = 0; lane < kLanes; ++lane) sums[c + lane] += run[lane];
    }
  }
}

// Subtract from (tokens, row) its mean over tokens, or over tokens and channels. The same function
// is its own adjoint, so the backward pass calls it on gradients.
inline void centre(const Moments& m, const HeadLayout& layout, double* sums, float* a) {
  if (m.centering == Centering::kNone) return;
  sum_tokens(m, layout, a, sums);
  if (m.centering == Centering::kScalar)
    std::fill(sums, sums + m.dim, std::accumulate(sums, sums + m.dim, 0.0) / m.dim);
  for (int64_t c = 0; c < layout.used; c += kLanes) {
    Lanes mean;
    for (int lane = 0; lane < kLanes; ++lane)
      mean[lane] = static_cast<float>(sums[c + lane] / m.tokens);
    for (int64_t n = 0; n < m.tokens; ++n) {
      float* at = a + n * layout.row + c;
      store(at, load(at) - mean);
    }
  }
}

// Tokens of one head, normalised and centred, into `a`; their statistics too where asked for.
inline void prepare_head(const Moments& m, const HeadLayout& layout, const NormVectors& norm,
                         const float* z, double* sums, float* a, TokenStatistics* statistics) {
  for (int64_t n = 0; n < m.tokens; ++n) {
    float* row = a + n * layout.row;
    read_token(m, layout, z + n * m.by_token, row);
    if (m.weight == nullptr) continue;
    const TokenStatistics token = normalise_token(m, layout, norm, row);
    if (statistics != nullptr) statistics[n] = token;
  }
  std::fill(a + m.tokens * layout.row, a + layout.size, 0.0f);
  centre(m, layout, sums, a);
}

// Columns j0 .. j0 + kColumns of one pair's map, divided by their norms where `norms` is given.
inline void pool_columns(const Moments& m, const HeadLayout& layout, const float* left,
                         const float* right, int64_t j0, float* scratch, float* map, float* norms) {
  const float scale = 1.0f / m.tokens;
  Lanes square[2] = {};
  for (int64_t i0 = 0; i0 < m.dim; i0 += kRows) {
    const Tile tile = product_tile(m.tokens, {left + i0, layout.row, 1}, right + j0, layout.row);
    for (int r = 0; r < kRows; ++r) {
      for (int half = 0; half < 2; ++half) {
        const Lanes value = tile.sum[r][half] * scale;
        square[half] += value * value;
        store(scratch + (i0 + r) * kColumns + half * kLanes, value);
      }
    }
  }
  const int64_t width = std::min<int64_t>(kColumns, m.dim - j0);
  float factor[kColumns];
  for (int64_t j = 0; j < width; ++j) {
    if (norms == nullptr) {
      factor[j] = 1;
      continue;
    }
    const float sum = square[j / kLanes][j % kLanes];
    const float floor = m.column_eps * m.column_eps;
    norms[j0 + j] = std::sqrt(sum < floor ? floor : sum);  // a NaN stays one
    factor[j] = 1 / norms[j0 + j];
  }
  for (int64_t i = 0; i < m.dim; ++i) {
    float* to = map + i * m.dim + j0;
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) to[j] = scratch[i * kColumns + j] * factor[j];
  }
}

// Whether a thread takes whole samples: less than about a millisecond of work is done before
// threads have met, should the cores be busy.
inline bool takes_whole_samples(const Moments& m, int threads) {
  constexpr int64_t kWorthMeeting = 100'000'000;  // multiplications
  return m.batch >= threads || m.pairs * m.tokens * m.dim * m.dim < kWorthMeeting;
}

void pool_moments(const Moments& m, const float* z, float* maps, float* norms) {
  const HeadLayout layout(m);
  const int threads = omp_get_max_threads();
  const bool whole_samples = takes_whole_samples(m, threads);
  const int64_t blocks = (m.dim + kColumns - 1) / kColumns;
  const int64_t scratch_size = round_up(m.dim, kRows) * kColumns;
  float* heads = workspace<float>(0, threads * m.heads * layout.size);
  float* scratch = workspace<float>(1, threads * scratch_size);
  double* sums = workspace<double>(2, threads * layout.row);
  const NormVectors norm(m, layout, workspace<float>(3, 3 * layout.row));
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (whole_samples && m.batch > 1)
  for (int64_t sample = 0; sample < m.batch; ++sample) {
    const int outer = omp_get_thread_num();
    float* prepared = heads + outer * m.heads * layout.size;
#pragma omp parallel for schedule(static) num_threads(threads) if (!whole_samples)
    for (int64_t head = 0; head < m.heads; ++head)
      prepare_head(m, layout, norm, z + head_at(m, sample, head),
                   sums + (outer + omp_get_thread_num()) * layout.row,
                   prepared + head * layout.size, nullptr);
#pragma omp parallel for schedule(static) num_threads(threads) if (!whole_samples)
    for (int64_t unit = 0; unit < m.pairs * blocks; ++unit) {
      const int64_t pair = unit / blocks, map = sample * m.pairs + pair;
      pool_columns(m, layout, prepared + m.left(pair) * layout.size,
                   prepared + m.right(pair) * layout.size, unit % blocks * kColumns,
                   scratch + (outer + omp_get_thread_num()) * scratch_size,
                   maps + map * m.dim * m.dim, norms == nullptr ? nullptr : norms + map * m.dim);
    }
  }
}
