// Rows times and plus something: a number a channel, or a number a row.

void map_channels(const Rows& s, const ChannelMap& io) {
#pragma omp parallel for schedule(static) if (s.rows * s.dim > kRowsWorthSharing)
  for (int64_t r = 0; r < s.rows; ++r) {
    const float* x = io.x + r * s.dim;
    for (int64_t c = 0; c < s.dim; c += kLanes) {
      const int64_t left = s.dim - c;
      Lanes y = load(x + c, left) * load(io.scale + c, left);
      if (io.shift) y += load(io.shift + c, left);
      store(io.y + r * s.dim + c, y, left);
    }
  }
}

void scale_rows(const Rows& s, const float* x, const float* factors, float* y) {
#pragma omp parallel for schedule(static) if (s.rows * s.dim > kRowsWorthSharing)
  for (int64_t r = 0; r < s.rows; ++r)
    for (int64_t c = 0; c < s.dim; c += kLanes) {
      const int64_t i = r * s.dim + c;
      store(y + i, load(x + i, s.dim - c) * factors[r], s.dim - c);
    }
}
