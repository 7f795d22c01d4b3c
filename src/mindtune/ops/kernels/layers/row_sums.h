// The sum of all rows: short runs of rows, then the runs in their order, whoever added them up.

// `term_of(i, left)`: the numbers from place i of all rows on, of which `left` count.
template <typename Term>
inline void add_up(const Rows& s, const Term& term_of, float* sums) {
  constexpr int64_t kRun = 64;
  const int64_t runs = (s.rows + kRun - 1) / kRun;
  float* partial = workspace<float>(0, runs * s.dim);
  share_turns(runs, s.rows * s.dim > kRowsWorthSharing, [&](int64_t run) {
    float* own = partial + run * s.dim;
    std::fill(own, own + s.dim, 0.0f);
    for (int64_t r = run * kRun; r < std::min((run + 1) * kRun, s.rows); ++r)
      for (int64_t c = 0; c < s.dim; c += kLanes) {
        const int64_t left = s.dim - c;
        store(own + c, load(own + c, left) + term_of(r * s.dim + c, left), left);
      }
  });
  for (int64_t c = 0; c < s.dim; ++c) {
    double sum = 0;
    for (int64_t run = 0; run < runs; ++run) sum += partial[run * s.dim + c];
    sums[c] = static_cast<float>(sum);
  }
}

void add_up_rows(const Rows& s, const float* x, float* sums) {
  add_up(s, [=](int64_t i, int64_t left) { return load(x + i, left); }, sums);
}

void add_up_products(const Rows& s, const float* x, const float* y, float* sums) {
  add_up(s, [=](int64_t i, int64_t left) { return load(x + i, left) * load(y + i, left); }, sums);
}
