// Rows times and plus something: a number a channel, or a number a row.

void map_channels(const Rows& s, const ChannelMap& io) {
  share_rows(s, [&](int64_t r) {
    const float* x = io.x + r * s.dim;
    for (int64_t c = 0; c < s.dim; c += kLanes) {
      const int64_t left = s.dim - c;
      Lanes y = load(x + c, left) * load(io.scale + c, left);
      if (io.shift) y += load(io.shift + c, left);
      store(io.y + r * s.dim + c, y, left);
    }
  });
}

void scale_rows(const Rows& s, const float* x, const float* factors, float* y) {
  share_rows(s, [&](int64_t r) {
    for (int64_t c = 0; c < s.dim; c += kLanes) {
      const int64_t i = r * s.dim + c;
      store(y + i, load(x + i, s.dim - c) * factors[r], s.dim - c);
    }
  });
}
