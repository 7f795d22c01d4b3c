// Lanes moved about: transposed blocks, sums and maxima of the lanes of one vector, inner products.

typedef int32_t LaneIndices __attribute__((vector_size(4 * kLanes)));

#if defined(__clang__)
template <typename Order, size_t... kLane>
inline Lanes pick(Lanes a, Lanes b, std::index_sequence<kLane...>) {
  return __builtin_shufflevector(a, b, Order::of(kLane)...);
}
#endif

// Lane i is lane Order::of(i) of `a` and `b` side by side.
template <typename Order>
inline Lanes shuffled(Lanes a, Lanes b) {
#if defined(__clang__)
  return pick<Order>(a, b, std::make_index_sequence<kLanes>());
#else
  LaneIndices order;
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) order[i] = Order::of(i);
  return __builtin_shuffle(a, b, order);
#endif
}

// The first and the second halves of two vectors, lane by lane.
struct FirstHalves {
  static constexpr int of(int i) { return i / 2 + i % 2 * kLanes; }
};
struct SecondHalves {
  static constexpr int of(int i) { return (kLanes + i) / 2 + i % 2 * kLanes; }
};
template <int kStep>
struct Turned {
  static constexpr int of(int i) { return (i + kStep) % kLanes; }
};

// A square of kLanes rows becomes its transpose.
inline void transpose_lanes(Lanes* rows) {
#pragma GCC unroll 4
  for (int round = 1; round < kLanes; round *= 2) {
    Lanes next[kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < kLanes / 2; ++i) {
      next[2 * i] = shuffled<FirstHalves>(rows[i], rows[i + kLanes / 2]);
      next[2 * i + 1] = shuffled<SecondHalves>(rows[i], rows[i + kLanes / 2]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) rows[i] = next[i];
  }
}

struct Sum {
  static Lanes of(Lanes a, Lanes b) { return a + b; }
};
struct Larger {
  static Lanes of(Lanes a, Lanes b) { return a > b ? a : b; }
};

// All lanes combined, in every lane.
template <typename Combined, int kStep = kLanes / 2>
inline Lanes folded(Lanes lanes) {
  lanes = Combined::of(lanes, shuffled<Turned<kStep>>(lanes, lanes));
  if constexpr (kStep > 1) return folded<Combined, kStep / 2>(lanes);
  return lanes;
}

inline float inner_product(int64_t count, const float* left, const float* right) {
  Lanes sum = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) sum += load(left + i) * load(right + i);
  float total = folded<Sum>(sum)[0];
  for (; i < count; ++i) total += left[i] * right[i];
  return total;
}
