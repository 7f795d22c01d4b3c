// The backward pass of attention.h, which makes the weights again from the logarithms of the sums.

// Working memory of one thread; all but `weights` and `dweights`, the tiles of scores, hold tokens.
struct AttentionGradientScratch {
  float *transposed_keys, *transposed_values, *keys, *dkeys, *dvalues;
  float *queries, *dout, *dqueries, *weights, *dweights;

  AttentionGradientScratch(const AttentionLayout& layout, float* memory)
      : transposed_keys(memory),
        transposed_values(transposed_keys + layout.transposed()),
        keys(transposed_values + layout.transposed()),
        dkeys(keys + layout.token_rows()),
        dvalues(dkeys + layout.token_rows()),
        queries(dvalues + layout.token_rows()),
        dout(queries + layout.tile_rows()),
        dqueries(dout + layout.tile_rows()),
        weights(dqueries + layout.tile_rows()),
        dweights(weights + layout.scores()) {}

  static int64_t size(const AttentionLayout& layout) {
    return 2 * layout.transposed() + 3 * layout.token_rows() + 3 * layout.tile_rows() +
           2 * layout.scores();
  }
};

// Scores and gradients of weights of one query -> its weights and gradients of scores.
inline void differentiate_row(int64_t count, float log_sum, float mean, float* weights,
                              float* dweights) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const Lanes weight = weight_of(load(weights + i) - log_sum);
    store(weights + i, weight);
    store(dweights + i, weight * (load(dweights + i) - mean));
  }
}

// One head of one sample: rows of a tensor of the shape of `out`, or of `qkv`.
struct HeadGradient {
  const Attending& a;
  const AttendingGradient& io;
  const AttentionLayout& layout;
  const AttentionGradientScratch& s;
  int64_t sample, head;

  HeadRows of_output(const float* data) const {
    return {data + sample * a.tokens * a.width() + head * a.dim, a.width()};
  }

  // Weights and gradients of scores of `rows` queries from `first` on; the latter are added to
  // `dbias` where there is one.
  void make_weights(int64_t first, int64_t rows, float* dbias) const {
    multiply<false>(rows, a.dim, {s.queries, 1, layout.channels},
                    {s.transposed_keys, layout.keys, a.tokens}, s.weights, layout.keys);
    multiply<false>(rows, a.dim, {s.dout, 1, layout.channels},
                    {s.transposed_values, layout.keys, a.tokens}, s.dweights, layout.keys);
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t query = first + i;
      float *weights = s.weights + i * layout.keys, *dweights = s.dweights + i * layout.keys;
      finish_scores(a, sample, head, query, weights);
      const float mean =
          inner_product(a.dim, of_output(io.out).of(query), s.dout + i * layout.channels);
      differentiate_row(a.tokens, io.log_sums[(sample * a.heads + head) * a.tokens + query], mean,
                        weights, dweights);
      if (dbias != nullptr) add_row(a.tokens, dweights, dbias + query * a.tokens);
    }
  }

  float* gradient_row(int part, int64_t token) const {
    return io.dqkv + (head_of(a, part, sample, head).of(token) - a.qkv);
  }

  // Returns what the queries of a tile add to the gradient of the scale.
  double store_queries(int64_t first, int64_t rows) const {
    double dscale = 0;
    for (int64_t i = 0; i < rows; ++i) {
      const float* dquery = s.dqueries + i * layout.channels;
      dscale += inner_product(a.dim, dquery, head_of(a, 0, sample, head).of(first + i));
      scale_row(a.dim, a.scale[head], dquery, gradient_row(0, first + i));
    }
    return dscale;
  }

  // All of the head; returns the gradient of the scale, which has no part of other heads.
  double run(float* dbias) const {
    pack_transposed(layout, head_of(a, 1, sample, head), s.transposed_keys);
    pack_transposed(layout, head_of(a, 2, sample, head), s.transposed_values);
    pack_rows(layout, head_of(a, 1, sample, head), 0, a.tokens, 1, s.keys);
    std::fill(s.dkeys, s.dkeys + 2 * layout.token_rows(), 0.0f);
    double dscale = 0;
    for (int64_t first = 0; first < a.tokens; first += layout.tile) {
      const int64_t rows = std::min(layout.tile, a.tokens - first);
      pack_rows(layout, head_of(a, 0, sample, head), first, rows, a.scale[head], s.queries);
      pack_rows(layout, of_output(io.dout), first, rows, 1, s.dout);
      make_weights(first, rows, dbias);
      const Strided by_key = {s.weights, layout.keys, 1}, dby_key = {s.dweights, layout.keys, 1};
      multiply<true>(a.tokens, rows, by_key, {s.dout, layout.channels, a.dim}, s.dvalues,
                     layout.channels);
      multiply<true>(a.tokens, rows, dby_key, {s.queries, layout.channels, a.dim}, s.dkeys,
                     layout.channels);
      multiply<false>(rows, a.tokens, {s.dweights, 1, layout.keys},
                      {s.keys, layout.channels, a.dim}, s.dqueries, layout.channels);
      dscale += store_queries(first, rows);
    }
    for (int64_t n = 0; n < a.tokens; ++n) {
      std::copy_n(s.dkeys + n * layout.channels, a.dim, gradient_row(1, n));
      std::copy_n(s.dvalues + n * layout.channels, a.dim, gradient_row(2, n));
    }
    return dscale;
  }
};

// How samples and heads are shared out. Those which share a bias (a group) are cut into runs, of
// which each adds up its own gradient of the bias, in order; how many depends on sizes alone.
struct Runs {
  int64_t groups, heads, samples, members, runs, length;

  explicit Runs(const Attending& a) {
    constexpr int64_t kEnough = 64;
    const bool shared = a.bias.data != nullptr;
    groups = shared ? a.bias.groups : a.batch;
    heads = shared ? a.bias.heads : a.heads;
    samples = a.batch / groups;
    members = samples * (a.heads / heads);
    const int64_t wanted = std::min(members, (kEnough - 1) / (groups * heads) + 1);
    length = (members + wanted - 1) / wanted;
    runs = (members + length - 1) / length;
  }

  int64_t count() const { return groups * heads * runs; }

  // Calls visit(sample, head) for the members of a run.
  template <typename Visit>
  void visit(int64_t run, Visit visit) const {
    const int64_t shared = run / runs, first = run % runs * length;
    for (int64_t i = first; i < std::min(first + length, members); ++i)
      visit(i % samples * groups + shared / heads, shared % heads + i / samples);
  }
};

// Sum the gradients of the runs of each group, in their order.
inline void add_runs(const Runs& runs, int64_t size, const float* partial, float* total) {
#pragma omp parallel for schedule(static)
  for (int64_t shared = 0; shared < runs.groups * runs.heads; ++shared) {
    const float* from = partial + shared * runs.runs * size;
    std::copy_n(from, size, total + shared * size);
    for (int64_t run = 1; run < runs.runs; ++run)
      add_row(size, from + run * size, total + shared * size);
  }
}

inline void add_scales(const Attending& a, const double* by_head, float* dscale) {
  for (int64_t head = 0; head < a.heads; ++head) {
    double sum = 0;
    for (int64_t sample = 0; sample < a.batch; ++sample) sum += by_head[sample * a.heads + head];
    dscale[head] = static_cast<float>(sum);
  }
}

void differentiate_attention(const Attending& a, const AttendingGradient& io) {
  const AttentionLayout layout(a);
  const Runs runs(a);
  const int threads = omp_get_max_threads();
  const int64_t size = AttentionGradientScratch::size(layout);
  const int64_t bias_size = io.dbias == nullptr ? 0 : a.tokens * a.tokens;
  float* memory = workspace<float>(0, threads * size);
  float* partial = io.dbias == nullptr || runs.runs == 1
                       ? io.dbias
                       : workspace<float>(1, runs.count() * bias_size);
  double* dscale = workspace<double>(2, a.batch * a.heads);
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (runs.count() > 1)
  for (int64_t run = 0; run < runs.count(); ++run) {
    const AttentionGradientScratch scratch(layout, memory + omp_get_thread_num() * size);
    float* dbias = bias_size == 0 ? nullptr : partial + run * bias_size;
    if (dbias != nullptr) std::fill(dbias, dbias + bias_size, 0.0f);
    runs.visit(run, [&](int64_t sample, int64_t head) {
      dscale[sample * a.heads + head] =
          HeadGradient{a, io, layout, scratch, sample, head}.run(dbias);
    });
  }
  if (partial != io.dbias) add_runs(runs, bias_size, partial, io.dbias);
  add_scales(a, dscale, io.dscale);
}
