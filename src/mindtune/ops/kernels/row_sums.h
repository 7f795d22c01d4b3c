// The sum of all rows: short runs of rows, then the runs in their order, whoever added them up.

void add_up_rows(const Rows& s, const float* x, float* sums) {
  constexpr int64_t kRun = 64;
  const int64_t runs = (s.rows + kRun - 1) / kRun;
  float* partial = workspace<float>(0, runs * s.dim);
#pragma omp parallel for schedule(static) if (s.rows * s.dim > kRowsWorthSharing)
  for (int64_t run = 0; run < runs; ++run) {
    float* own = partial + run * s.dim;
    std::fill(own, own + s.dim, 0.0f);
    for (int64_t r = run * kRun; r < std::min((run + 1) * kRun, s.rows); ++r)
      for (int64_t c = 0; c < s.dim; c += kLanes)
        store(own + c, load(own + c, s.dim - c) + load(x + r * s.dim + c, s.dim - c), s.dim - c);
  }
  for (int64_t c = 0; c < s.dim; ++c) {
    double sum = 0;
    for (int64_t run = 0; run < runs; ++run) sum += partial[run * s.dim + c];
    sums[c] = static_cast<float>(sum);
  }
}
