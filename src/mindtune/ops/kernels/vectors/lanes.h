// Vector lanes and the one inner loop that every product here is made of. Included once for each
// instruction set, inside a namespace of its own, with MINDTUNE_LANES floats in a vector and tiles
// of MINDTUNE_ROWS rows; the code is the same for all of them.

constexpr int kLanes = MINDTUNE_LANES;
constexpr int kRows = MINDTUNE_ROWS;
constexpr int kColumns = 2 * kLanes;

typedef float Lanes __attribute__((vector_size(4 * kLanes)));
typedef float LooseLanes __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));

inline Lanes load(const float* from) { return *reinterpret_cast<const LooseLanes*>(from); }
inline void store(float* to, Lanes lanes) { *reinterpret_cast<LooseLanes*>(to) = lanes; }

// The first `left` lanes, or all of them; what lies beyond in memory is neither read nor written.
inline Lanes load(const float* from, int64_t left) {
  if (left >= kLanes) return load(from);
  Lanes lanes = {};
  std::memcpy(&lanes, from, left * sizeof(float));
  return lanes;
}
inline void store(float* to, Lanes lanes, int64_t left) {
  if (left >= kLanes)
    store(to, lanes);
  else
    std::memcpy(to, &lanes, left * sizeof(float));
}
inline Lanes first_of(Lanes lanes, int64_t left) {
  return left >= kLanes ? lanes : load(reinterpret_cast<const float*>(&lanes), left);
}

inline int64_t round_up(int64_t size, int64_t unit) { return (size + unit - 1) / unit * unit; }

// Row length in memory of `size` channels: whole tiles, and then some, because rows a power of two
// apart fall into the same few cache sets.
inline int64_t row_length(int64_t size) { return round_up(size, kColumns) + 16; }

inline float total_of(Lanes lanes) {
  float parts[kLanes];
  store(parts, lanes);
  for (int half = kLanes / 2; half > 0; half /= 2)
    for (int lane = 0; lane < half; ++lane) parts[lane] += parts[lane + half];
  return parts[0];
}

// A matrix read entry by entry: entry (k, m) is at data[k * by_depth + m * by_row].
struct Strided {
  const float* data;
  int64_t by_depth;
  int64_t by_row;
};

struct Tile {
  Lanes sum[kRows][2];
};

inline void add(Tile& total, const Tile& part) {
  for (int m = 0; m < kRows; ++m)
    for (int half = 0; half < 2; ++half) total.sum[m][half] += part.sum[m][half];
}

inline Tile short_product(int64_t depth, Strided left, const float* right, int64_t right_row) {
  Tile tile = {};
  for (int64_t k = 0; k < depth; ++k) {
    const Lanes low = load(right + k * right_row);
    const Lanes high = load(right + k * right_row + kLanes);
    const float* entry = left.data + k * left.by_depth;
#pragma GCC unroll 16
    for (int m = 0; m < kRows; ++m) {
      const float factor = entry[m * left.by_row];
      tile.sum[m][0] += factor * low;
      tile.sum[m][1] += factor * high;
    }
  }
  return tile;
}

// sum[m][:] = over k of left(k, m) * right[k][:], for kRows rows and kColumns columns. Long sums
// are made of short ones, whose rounding errors grow less.
inline Tile product_tile(int64_t depth, Strided left, const float* right, int64_t right_row) {
  constexpr int64_t kRun = 256;
  Tile tile = short_product(std::min(depth, kRun), left, right, right_row);
  for (int64_t k = kRun; k < depth; k += kRun)
    add(tile, short_product(std::min(depth - k, kRun),
                            {left.data + k * left.by_depth, left.by_depth, left.by_row},
                            right + k * right_row, right_row));
  return tile;
}
