// Softmax attention from packed queries, keys and values. A thread takes one head of one sample,
// whose keys and values it packs into its core's cache; of the scores it holds those of a tile of
// queries, with all keys, and of a row of them it keeps the logarithm of the sum for the backward
// pass.

constexpr int64_t kQueryTile = 64;

// Rows of working memory for one head: `keys` long for scores and what is transposed, `channels`
// long for tokens.
struct AttentionLayout {
  int64_t tokens, dim, tile, keys, channels;

  explicit AttentionLayout(const Attending& a)
      : tokens(a.tokens),
        dim(a.dim),
        tile(round_up(std::min(a.tokens, kQueryTile), kRows)),
        keys(row_length(a.tokens)),
        channels(row_length(a.dim)) {}

  int64_t token_rows() const { return round_up(tokens, kRows) * channels; }
  int64_t tile_rows() const { return tile * channels; }
  int64_t transposed() const { return dim * keys; }
  int64_t scores() const { return tile * keys; }
};

// The vectors of one head's tokens, `row` floats apart.
struct HeadRows {
  const float* data;
  int64_t row;

  const float* of(int64_t token) const { return data + token * row; }
};

// `part` 0 are queries, 1 keys, 2 values.
inline HeadRows head_of(const Attending& a, int part, int64_t sample, int64_t head) {
  return {a.qkv + sample * a.tokens * 3 * a.width() + part * a.width() + head * a.dim,
          3 * a.width()};
}

// to[i] = factor * from[i]
inline void scale_row(int64_t count, float factor, const float* from, float* to) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(to + i, factor * load(from + i));
  for (; i < count; ++i) to[i] = factor * from[i];
}

// to[i] += from[i]
inline void add_row(int64_t count, const float* from, float* to) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(to + i, load(to + i) + load(from + i));
  for (; i < count; ++i) to[i] += from[i];
}

// Set what lies between the end of a row and the end of its last vector.
inline void pad_row(int64_t count, float value, float* row) {
  for (int64_t i = count; i < round_up(count, kLanes); ++i) row[i] = value;
}

// Rows first to first + count times a factor, then zeros up to a whole tile.
inline void pack_rows(const AttentionLayout& layout, HeadRows from, int64_t first, int64_t count,
                      float factor, float* to) {
  for (int64_t i = 0; i < round_up(count, kRows); ++i, to += layout.channels) {
    const int64_t filled = i < count ? layout.dim : 0;
    scale_row(filled, factor, from.of(first + std::min(i, count - 1)), to);
    std::fill(to + filled, to + round_up(layout.dim, kLanes), 0.0f);
  }
}

// A square of tokens and channels, of which those there are become columns of rows of `to`.
inline void pack_square(const AttentionLayout& layout, HeadRows from, int64_t token,
                        int64_t channel, float* to) {
  const int64_t tokens = std::min<int64_t>(kLanes, layout.tokens - token);
  const int64_t channels = std::min<int64_t>(kLanes, layout.dim - channel);
  Lanes rows[kLanes] = {};
  for (int64_t i = 0; i < tokens; ++i) {
    const float* at = from.of(token + i) + channel;
    if (channels == kLanes) {
      rows[i] = load(at);
    } else {
      float part[kLanes] = {};
      std::copy_n(at, channels, part);
      rows[i] = load(part);
    }
  }
  transpose_lanes(rows);
  for (int64_t c = 0; c < channels; ++c) store(to + (channel + c) * layout.keys + token, rows[c]);
}

// All tokens, channel by channel, each padded with zeros.
inline void pack_transposed(const AttentionLayout& layout, HeadRows from, float* to) {
  for (int64_t token = 0; token < layout.tokens; token += kLanes)
    for (int64_t channel = 0; channel < layout.dim; channel += kLanes)
      pack_square(layout, from, token, channel, to);
}

// Scores of one query with bias and mask; what lies behind the last key weighs nothing.
inline void finish_scores(const Attending& a, int64_t sample, int64_t head, int64_t query,
                          float* row) {
  for (const ScoreTerm& term : {a.bias, a.mask})
    if (term.data != nullptr) add_row(a.tokens, term.row(sample, head, query), row);
  pad_row(a.tokens, -INFINITY, row);
}

// exp(x), and nothing at all where it would be less than about 1e-38.
inline Lanes weight_of(Lanes x) {
  const Lanes zero = {};
  return x < zero - 87.0f ? zero : exponential(x);
}

struct RowSum {
  float largest, sum;
};

// Replace scores by the exponentials of what they are below the largest.
inline RowSum exponentiate(int64_t count, float* row) {
  Lanes most = load(row);
  for (int64_t i = kLanes; i < count; i += kLanes) most = Larger::of(most, load(row + i));
  const float largest = folded<Larger>(most)[0];
  Lanes sum = {};
  for (int64_t i = 0; i < count; i += kLanes) {
    const Lanes value = weight_of(load(row + i) - largest);
    store(row + i, value);
    sum += value;
  }
  return {largest, folded<Sum>(sum)[0]};
}

// Working memory of one thread in the forward pass.
struct AttentionScratch {
  float *keys, *values, *queries, *scores, *mixed;

  AttentionScratch(const AttentionLayout& layout, float* memory)
      : keys(memory),
        values(keys + layout.transposed()),
        queries(values + layout.token_rows()),
        scores(queries + layout.tile_rows()),
        mixed(scores + layout.scores()) {}

  static int64_t size(const AttentionLayout& layout) {
    return layout.transposed() + layout.token_rows() + 2 * layout.tile_rows() + layout.scores();
  }
};

inline void attend_head(const Attending& a, const AttentionLayout& layout,
                        const AttentionScratch& s, int64_t sample, int64_t head, float* out,
                        float* log_sums) {
  pack_transposed(layout, head_of(a, 1, sample, head), s.keys);
  pack_rows(layout, head_of(a, 2, sample, head), 0, a.tokens, 1, s.values);
  for (int64_t first = 0; first < a.tokens; first += layout.tile) {
    const int64_t rows = std::min(layout.tile, a.tokens - first);
    pack_rows(layout, head_of(a, 0, sample, head), first, rows, a.scale[head], s.queries);
    multiply<false>(rows, a.dim, {s.queries, 1, layout.channels}, {s.keys, layout.keys, a.tokens},
                    s.scores, layout.keys);
    float sums[kQueryTile];
    for (int64_t i = 0; i < rows; ++i) {
      float* row = s.scores + i * layout.keys;
      finish_scores(a, sample, head, first + i, row);
      const RowSum total = exponentiate(a.tokens, row);
      sums[i] = total.sum;
      log_sums[(sample * a.heads + head) * a.tokens + first + i] =
          total.largest + std::log(total.sum);
    }
    multiply<false>(rows, a.tokens, {s.scores, 1, layout.keys}, {s.values, layout.channels, a.dim},
                    s.mixed, layout.channels);
    for (int64_t i = 0; i < rows; ++i)
      scale_row(a.dim, 1 / sums[i], s.mixed + i * layout.channels,
                out + (sample * a.tokens + first + i) * a.width() + head * a.dim);
  }
}

void attend(const Attending& a, float* out, float* log_sums) {
  const AttentionLayout layout(a);
  const int threads = omp_get_max_threads();
  const int64_t size = AttentionScratch::size(layout);
  float* memory = workspace<float>(0, threads * size);
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (a.batch * a.heads > 1)
  for (int64_t unit = 0; unit < a.batch * a.heads; ++unit) {
    const AttentionScratch scratch(layout, memory + omp_get_thread_num() * size);
    attend_head(a, layout, scratch, unit / a.heads, unit % a.heads, out, log_sums);
  }
}
