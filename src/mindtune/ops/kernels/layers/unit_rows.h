// Rows brought to given lengths, y = length x / max(|x|, smallest), and the way back. A row is one
// thread's, so results do not depend on the number of threads.

constexpr float kSmallestLength = 1e-12f;

// 1 / max(|x|, smallest), and whether x is the longer one.
struct InverseLength {
  float value;
  bool moves;

  InverseLength(int64_t count, const float* x) {
    const float length = std::sqrt(inner_product(count, x, x));
    moves = length > kSmallestLength;
    value = 1 / std::max(length, kSmallestLength);
  }
};

void give_length(const Rows& s, const float* x, const float* lengths, float* y) {
  share_rows(s, [&](int64_t r) {
    const int64_t row = r * s.dim;
    const float factor = lengths[r] * InverseLength(s.dim, x + row).value;
    for (int64_t c = 0; c < s.dim; c += kLanes)
      store(y + row + c, load(x + row + c, s.dim - c) * factor, s.dim - c);
  });
}

void differentiate_unit_rows(const Rows& s, const UnitRowsGradient& io) {
  share_rows(s, [&](int64_t r) {
    const float *x = io.x + r * s.dim, *dy = io.dy + r * s.dim;
    const InverseLength inverse(s.dim, x);
    const float factor = io.lengths[r] * inverse.value;
    const float along =
        inverse.moves ? inner_product(s.dim, x, dy) * inverse.value * inverse.value : 0;
    for (int64_t c = 0; c < s.dim; c += kLanes) {
      const int64_t left = s.dim - c;
      store(io.dx + r * s.dim + c, (load(dy + c, left) - load(x + c, left) * along) * factor, left);
    }
  });
}

void differentiate_lengths(const Rows& s, const float* x, const float* dy, float* dlengths) {
  share_rows(s, [&](int64_t r) {
    const int64_t row = r * s.dim;
    dlengths[r] = inner_product(s.dim, x + row, dy + row) * InverseLength(s.dim, x + row).value;
  });
}
