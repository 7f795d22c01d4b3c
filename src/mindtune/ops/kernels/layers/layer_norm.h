// LayerNorm over the last axis, and its backward pass, which reads the rows again rather than the
// normalised ones. A row is one thread's, so results do not depend on the number of threads.

void normalise_rows(const Rows& s, const NormedRows& io) {
  share_rows(s, [&](int64_t r) {
    const float* x = io.x + r * s.dim;
    Lanes total = {}, square = {};
    for (int64_t c = 0; c < s.dim; c += kLanes) total += load(x + c, s.dim - c);
    const float mean = total_of(total) / s.dim;
    Lanes rest = {};
    for (int64_t c = 0; c < s.dim; c += kLanes) {
      const Lanes off = first_of(load(x + c, s.dim - c) - mean, s.dim - c);
      rest += off;
      square += off * off;
    }
    const float lost = total_of(rest) / s.dim;  // what rounding took from the mean
    const float variance = total_of(square) / s.dim - lost * lost;
    const float inverse_std = 1 / std::sqrt(variance + io.eps);
    for (int64_t c = 0; c < s.dim; c += kLanes) {
      const Lanes normed = (load(x + c, s.dim - c) - mean - lost) * inverse_std;
      const Lanes weight = load(io.weight + c, s.dim - c), bias = load(io.bias + c, s.dim - c);
      store(io.y + r * s.dim + c, normed * weight + bias, s.dim - c);
    }
    io.statistics[2 * r] = mean;
    io.statistics[2 * r + 1] = inverse_std;
  });
}

void differentiate_rows(const Rows& s, const NormedRowsGradient& io) {
  share_rows(s, [&](int64_t r) {
    const float *x = io.x + r * s.dim, *dy = io.dy + r * s.dim;
    const float mean = io.statistics[2 * r], inverse_std = io.statistics[2 * r + 1];
    Lanes sum = {}, along = {};
    for (int64_t c = 0; c < s.dim; c += kLanes) {
      const Lanes slope = load(dy + c, s.dim - c) * load(io.weight + c, s.dim - c);
      sum += slope;
      along += slope * (load(x + c, s.dim - c) - mean);
    }
    const float off = total_of(sum) / s.dim;
    const float turn = total_of(along) * inverse_std * inverse_std / s.dim;
    for (int64_t c = 0; c < s.dim; c += kLanes) {
      const Lanes slope = load(dy + c, s.dim - c) * load(io.weight + c, s.dim - c);
      const Lanes centred = load(x + c, s.dim - c) - mean;
      store(io.dx + r * s.dim + c, inverse_std * (slope - off - turn * centred), s.dim - c);
    }
  });
}

// Rows `first` to `end` added up: dy times normalised x into `dweight`, dy into `dbias`.
inline void add_rows(const Rows& s, const NormParametersGradient& io, int64_t first, int64_t end,
                     float* dweight, float* dbias) {
  std::fill(dweight, dweight + s.dim, 0.0f);
  std::fill(dbias, dbias + s.dim, 0.0f);
  for (int64_t r = first; r < end; ++r) {
    const float *x = io.x + r * s.dim, *dy = io.dy + r * s.dim;
    const float mean = io.statistics[2 * r], inverse_std = io.statistics[2 * r + 1];
    for (int64_t c = 0; c < s.dim; c += kLanes) {
      const int64_t left = s.dim - c;
      const Lanes slope = load(dy + c, left);
      const Lanes normed = (load(x + c, left) - mean) * inverse_std;
      store(dweight + c, load(dweight + c, left) + slope * normed, left);
      store(dbias + c, load(dbias + c, left) + slope, left);
    }
  }
}

// Short runs of rows, then the runs in their order, whoever added them up.
void differentiate_norm_parameters(const Rows& s, const NormParametersGradient& io) {
  constexpr int64_t kRun = 64;
  const int64_t runs = (s.rows + kRun - 1) / kRun;
  float* partial = workspace<float>(0, runs * 2 * s.dim);
  share_turns(runs, s.rows * s.dim > kRowsWorthSharing, [&](int64_t run) {
    float* own = partial + run * 2 * s.dim;
    add_rows(s, io, run * kRun, std::min((run + 1) * kRun, s.rows), own, own + s.dim);
  });
  for (int64_t c = 0; c < s.dim; ++c) {
    double dweight = 0, dbias = 0;
    for (int64_t run = 0; run < runs; ++run) {
      dweight += partial[2 * run * s.dim + c];
      dbias += partial[(2 * run + 1) * s.dim + c];
    }
    io.dweight[c] = static_cast<float>(dweight);
    io.dbias[c] = static_cast<float>(dbias);
  }
}
