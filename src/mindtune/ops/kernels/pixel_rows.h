// What resizing and blurring do to whole rows of bytes: integers only, so that the compiler may use
// any vector instruction without changing a bit.

constexpr int64_t kTransposed = 16;  // pixels of a block that is transposed in the cache

// Row i of `to` is the weighted sum of rows of `from`, of `bytes` bytes each.
void mix_rows(const uint8_t* from, int64_t bytes, const Weights& w, int64_t out, uint8_t* to,
              int32_t* sums) {
  for (int64_t i = 0; i < out; ++i) {
    std::fill(sums, sums + bytes, 1 << (kWeightBits - 1));
    for (int64_t k = 0; k < w.count[i]; ++k) {
      const int32_t weight = w.value[i * w.room + k];
      const uint8_t* row = from + (w.first[i] + k) * bytes;
      for (int64_t b = 0; b < bytes; ++b) sums[b] += weight * row[b];
    }
    uint8_t* row = to + i * bytes;
    for (int64_t b = 0; b < bytes; ++b) {
      const int32_t level = sums[b] >> kWeightBits;
      row[b] = static_cast<uint8_t>(std::min(std::max(level, 0), 255));
    }
  }
}

// Pixels (rows, columns) at `row_bytes` a row become (columns, rows).
void transpose_pixels(const uint8_t* from, int64_t row_bytes, int64_t rows, int64_t columns,
                      uint8_t* to) {
  for (int64_t top = 0; top < rows; top += kTransposed)
    for (int64_t left = 0; left < columns; left += kTransposed)
      for (int64_t c = left; c < std::min(left + kTransposed, columns); ++c)
        for (int64_t r = top; r < std::min(top + kTransposed, rows); ++r)
          for (int64_t channel = 0; channel < kChannels; ++channel)
            to[(c * rows + r) * kChannels + channel] =
                from[r * row_bytes + c * kChannels + channel];
}

// out[b] = box around place `at` of `count`, over rows of `bytes` bytes; beyond the ends as there.
inline void blur_row(const uint8_t* from, int64_t bytes, int64_t at, int64_t count,
                     const BoxFilter& f, uint32_t* sums, uint8_t* to) {
  const auto row = [&](int64_t place) {
    return from + std::min(std::max<int64_t>(place, 0), count - 1) * bytes;
  };
  std::fill(sums, sums + bytes, 0);
  for (int64_t k = -f.radius; k <= f.radius; ++k) {
    const uint8_t* near = row(at + k);
    for (int64_t b = 0; b < bytes; ++b) sums[b] += near[b];
  }
  const uint8_t *before = row(at - f.radius - 1), *after = row(at + f.radius + 1);
  for (int64_t b = 0; b < bytes; ++b)
    to[b] = static_cast<uint8_t>(
        (sums[b] * f.inner + (before[b] + after[b]) * f.outer + (1u << 23)) >> 24);
}

// Three boxes down the rows; the result is in `a`.
void blur_rows(uint8_t* a, uint8_t* b, int64_t bytes, int64_t count, const BoxFilter& f,
               uint32_t* sums) {
  for (int pass = 0; pass < kBoxes; ++pass) {
    for (int64_t at = 0; at < count; ++at) blur_row(a, bytes, at, count, f, sums, b + at * bytes);
    std::copy(b, b + count * bytes, a);
  }
}
