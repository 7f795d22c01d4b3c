// Products of matrices in working memory, made of tiles that stay in registers.

// A matrix of `columns` columns in rows of `row` floats, of which whole vectors may be read.
struct Panel {
  const float* data;
  int64_t row, columns;
};

template <int kVectors>
inline void multiply_run(int64_t depth, Strided left, const float* right, int64_t right_row,
                         bool add_to, float* out, int64_t out_row) {
  Lanes sum[kRows][kVectors] = {};
  for (int64_t k = 0; k < depth; ++k) {
    Lanes factors[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) factors[v] = load(right + k * right_row + v * kLanes);
    const float* entry = left.data + k * left.by_depth;
#pragma GCC unroll 16
    for (int m = 0; m < kRows; ++m) {
      const float factor = entry[m * left.by_row];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sum[m][v] += factor * factors[v];
    }
  }
#pragma GCC unroll 16
  for (int m = 0; m < kRows; ++m)
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      float* to = out + m * out_row + v * kLanes;
      store(to, add_to ? load(to) + sum[m][v] : sum[m][v]);
    }
}

// As `product_tile`, and to memory: long sums are made of short ones.
template <int kVectors>
inline void multiply_tile(int64_t depth, Strided left, const float* right, int64_t right_row,
                          bool add_to, float* out, int64_t out_row) {
  constexpr int64_t kRun = 256;
  for (int64_t k = 0; k < depth; k += kRun)
    multiply_run<kVectors>(std::min(depth - k, kRun),
                           {left.data + k * left.by_depth, left.by_depth, left.by_row},
                           right + k * right_row, right_row, add_to || k > 0, out, out_row);
}

// out[m][:] = or += sum over k of left(k, m) * right[k][:], for `rows` rows rounded up to whole
// tiles; right's columns and out's are rounded up to whole vectors.
template <bool kAdd>
inline void multiply(int64_t rows, int64_t depth, Strided left, Panel right, float* out,
                     int64_t out_row) {
  for (int64_t j = 0; j < right.columns; j += kColumns)
    for (int64_t i = 0; i < rows; i += kRows) {
      const Strided from = {left.data + i * left.by_row, left.by_depth, left.by_row};
      float* to = out + i * out_row + j;
      if (right.columns - j > kLanes)
        multiply_tile<2>(depth, from, right.data + j, right.row, kAdd, to, out_row);
      else
        multiply_tile<1>(depth, from, right.data + j, right.row, kAdd, to, out_row);
    }
}
