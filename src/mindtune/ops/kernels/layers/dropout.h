// Dropout by hashes: number c of a row is kept where a hash of it and of the row's own is small
// enough, so that nothing has to be remembered for the way back. The same 32-bit arithmetic as
// layers/random.py.

inline uint32_t mixed(uint32_t x) {
  x = (x ^ x >> 16) * 2146121005u;
  x = (x ^ x >> 15) * 2221713035u;
  return x ^ x >> 16;
}

void drop_out(const Rows& s, const float* x, const int32_t* row_hashes, float keep, float* y) {
  constexpr uint32_t kGolden = 2654435769u;  // 2^32 / golden ratio
  constexpr float kUnit = 1.0f / (1 << 24);
  const float factor = 1 / keep;
  share_rows(s, [&](int64_t r) {
    const float* from = x + r * s.dim;
    float* to = y + r * s.dim;
    const uint32_t row = static_cast<uint32_t>(row_hashes[r]);
#pragma omp simd
    for (int64_t c = 0; c < s.dim; ++c) {
      const uint32_t hash = mixed(row + static_cast<uint32_t>(c) * kGolden) & 0xffffff;
      const bool kept = static_cast<float>(static_cast<int32_t>(hash)) * kUnit < keep;
      to[c] = kept ? from[c] * factor : 0.0f;
    }
  });
}
