// What resizing and blurring do to whole rows of bytes: integers only, so that the compiler may use
// any vector instruction without changing a bit.

// Blocks at an edge are moved inwards rather than cut: they do some bytes again, to the same
// values.

constexpr int64_t kBlock = 4 * kLanes;  // bytes of one vector

typedef uint32_t Numbers __attribute__((vector_size(kBlock)));
typedef uint32_t LooseNumbers __attribute__((vector_size(kBlock), aligned(1), may_alias));
typedef int32_t Sums __attribute__((vector_size(kBlock)));

inline Numbers level_of(Sums sum) {
  sum >>= kWeightBits;
  sum = sum < 0 ? Sums{} : sum;
  return reinterpret_cast<Numbers>(sum > 255 ? Sums{} + 255 : sum);
}

// kBlock bytes: the weighted sum of as many bytes of `count` rows. Four bytes lie in a number; each
// has a vector of sums, so that bytes are widened and narrowed by shifts alone.
inline void mix_block(const ByteRows<const uint8_t>& from, const int32_t* weights, int64_t count,
                      uint8_t* to) {
  Sums first = Sums{} + (1 << (kWeightBits - 1)), second = first, third = first, fourth = first;
  for (int64_t k = 0; k < count; ++k) {
    const Numbers bytes = *reinterpret_cast<const LooseNumbers*>(from.row(k));
    const int32_t weight = weights[k];
    first += weight * reinterpret_cast<Sums>(bytes & 255);
    second += weight * reinterpret_cast<Sums>(bytes >> 8 & 255);
    third += weight * reinterpret_cast<Sums>(bytes >> 16 & 255);
    fourth += weight * reinterpret_cast<Sums>(bytes >> 24);
  }
  *reinterpret_cast<LooseNumbers*>(to) =
      level_of(first) | level_of(second) << 8 | level_of(third) << 16 | level_of(fourth) << 24;
}

// The same for fewer bytes.
inline void mix_few(const ByteRows<const uint8_t>& from, int64_t bytes, const int32_t* weights,
                    int64_t count, uint8_t* to) {
  int32_t sums[kBlock];
  std::fill(sums, sums + bytes, 1 << (kWeightBits - 1));
  for (int64_t k = 0; k < count; ++k) {
    const uint8_t* row = from.row(k);
    for (int64_t b = 0; b < bytes; ++b) sums[b] += weights[k] * row[b];
  }
  for (int64_t b = 0; b < bytes; ++b)
    to[b] = static_cast<uint8_t>(std::min(std::max(sums[b] >> kWeightBits, 0), 255));
}

// Row i of `to` is the weighted sum of rows of `from`, of `bytes` bytes each.
void mix_rows(const ByteRows<const uint8_t>& from, int64_t bytes, const Weights& w, int64_t out,
              const ByteRows<uint8_t>& to) {
  for (int64_t i = 0; i < out; ++i) {
    const ByteRows<const uint8_t> first = {from.row(w.first[i]), from.stride};
    const int32_t* weights = w.value + i * w.room;
    if (bytes < kBlock) mix_few(first, bytes, weights, w.count[i], to.row(i));
    for (int64_t b = 0; b < bytes && bytes >= kBlock; b += kBlock) {
      const int64_t begin = std::min(b, bytes - kBlock);
      mix_block({first.data + begin, first.stride}, weights, w.count[i], to.row(i) + begin);
    }
  }
}

constexpr int64_t kSquare = 8;  // bytes a side: a row of them is one 64-bit number
constexpr int kSquares = 2;     // side by side
constexpr int64_t kWide = kSquares * kSquare;

typedef uint64_t Words __attribute__((vector_size(8 * kSquares)));
typedef uint64_t LooseWords __attribute__((vector_size(8 * kSquares), aligned(1), may_alias));

// Exchanges the bits `mask` of `b` with those `shift` further up in `a`.
inline void exchange(Words& a, Words& b, int shift, uint64_t mask) {
  const Words changed = ((a >> shift) ^ b) & mask;
  b ^= changed;
  a ^= changed << shift;
}

// Squares of 8 x 8 bytes, side by side, become their transposes, one below the other. Within a
// number bytes lie from the lowest up.
inline void transpose_squares(const ByteRows<const uint8_t>& from, const ByteRows<uint8_t>& to) {
  Words rows[kSquare];
#pragma GCC unroll 8
  for (int r = 0; r < kSquare; ++r) rows[r] = *reinterpret_cast<const LooseWords*>(from.row(r));
#pragma GCC unroll 4
  for (int r = 0; r < 4; ++r) exchange(rows[r], rows[r + 4], 32, 0x00000000FFFFFFFFull);
#pragma GCC unroll 4
  for (int r = 0; r < 4; ++r)
    exchange(rows[r + r / 2 * 2], rows[r + r / 2 * 2 + 2], 16, 0x0000FFFF0000FFFFull);
#pragma GCC unroll 4
  for (int r = 0; r < 4; ++r) exchange(rows[2 * r], rows[2 * r + 1], 8, 0x00FF00FF00FF00FFull);
#pragma GCC unroll 8
  for (int r = 0; r < kSquare; ++r)
#pragma GCC unroll 4
    for (int square = 0; square < kSquares; ++square) {
      const uint64_t column = rows[r][square];
      std::memcpy(to.row(square * kSquare + r), &column, kSquare);
    }
}

// Bytes (rows, columns) become (columns, rows).
void transpose_bytes(const ByteRows<const uint8_t>& from, int64_t rows, int64_t columns,
                     const ByteRows<uint8_t>& to) {
  if (rows < kSquare || columns < kWide) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) to.row(c)[r] = from.row(r)[c];
    return;
  }
  for (int64_t c = 0; c < columns; c += kWide) {
    const int64_t left = std::min(c, columns - kWide);
    for (int64_t r = 0; r < rows; r += kSquare) {
      const int64_t top = std::min(r, rows - kSquare);
      transpose_squares({from.row(top) + left, from.stride}, {to.row(left) + top, to.stride});
    }
  }
}

// A box slid down `count` rows of `bytes` bytes; beyond the ends as there. `sums` holds what it
// covers.
inline void slide_box(const uint8_t* __restrict from, int64_t bytes, int64_t count,
                      const BoxFilter& f, uint32_t* __restrict sums, uint8_t* __restrict to) {
  const auto row = [&](int64_t place) {
    return from + std::min(std::max<int64_t>(place, 0), count - 1) * bytes;
  };
  std::fill(sums, sums + bytes, 0);
  for (int64_t k = -f.radius; k <= f.radius; ++k) {
    const uint8_t* near = row(k);
    for (int64_t b = 0; b < bytes; ++b) sums[b] += near[b];
  }
  for (int64_t at = 0; at < count; ++at, to += bytes) {
    const uint8_t *before = row(at - f.radius - 1), *leaving = row(at - f.radius);
    const uint8_t* after = row(at + f.radius + 1);
    for (int64_t b = 0; b < bytes; ++b) {
      const uint32_t ends = before[b] + after[b];
      to[b] = static_cast<uint8_t>((sums[b] * f.inner + ends * f.outer + (1u << 23)) >> 24);
      sums[b] += after[b] - leaving[b];
    }
  }
}

// Three boxes down the rows of `from`, which is overwritten; the result is in `to`.
void blur_rows(uint8_t* from, uint8_t* to, int64_t bytes, int64_t count, const BoxFilter& f,
               uint32_t* sums) {
  slide_box(from, bytes, count, f, sums, to);
  slide_box(to, bytes, count, f, sums, from);
  slide_box(from, bytes, count, f, sums, to);
}
