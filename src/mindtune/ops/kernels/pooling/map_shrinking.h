// Two convolutions that shrink the maps of a moment head: 3 x 3, stride 2, no padding, P -> P maps,
// GELU between. So few channels leave nothing for a library's convolution to block over; here each
// row is split into its even and its odd columns, and every tap is then a plain run of vectors.

constexpr int64_t kTaps = 9;

// Rows of one map: even columns, then odd ones, each padded with zeros to whole vectors and one
// vector more, since the third tap reads one column further.
struct SplitLayout {
  int64_t side, half, size;

  explicit SplitLayout(int64_t side)
      : side(side), half(round_up(side / 2 + 2, kLanes)), size(side * 2 * half) {}
};

// Rows of one map in their natural order, padded to whole vectors.
struct RowLayout {
  int64_t side, row, size;

  explicit RowLayout(int64_t side) : side(side), row(round_up(side, kLanes)), size(side * row) {}
};

// Maps of one sample before, between and after the two convolutions.
struct ShrinkLayout {
  int64_t maps;
  SplitLayout input, middle_split;
  RowLayout middle, output;

  explicit ShrinkLayout(const Shrinking& s)
      : maps(s.maps),
        input(s.side),
        middle_split(shrunk(s.side)),
        middle(shrunk(s.side)),
        output(shrunk(shrunk(s.side))) {}
};

inline void split_row(const SplitLayout& layout, const float* from, float* to) {
  std::fill(to, to + 2 * layout.half, 0.0f);
#pragma omp simd
  for (int64_t x = 0; x < layout.side / 2; ++x) {
    to[x] = from[2 * x];
    to[layout.half + x] = from[2 * x + 1];
  }
  if (layout.side % 2 == 1) to[layout.side / 2] = from[layout.side - 1];
}

inline void split_map(const SplitLayout& layout, const float* from, int64_t row, float* to) {
  for (int64_t y = 0; y < layout.side; ++y)
    split_row(layout, from + y * row, to + y * 2 * layout.half);
}

// Where the three taps of row `y` of a split map start.
struct Taps {
  const float* at[3];

  Taps(const SplitLayout& layout, const float* map, int64_t y)
      : at{map + y * 2 * layout.half, map + y * 2 * layout.half + layout.half,
           map + y * 2 * layout.half + 1} {}
};

// out[o] = sum over c of weight[o][c] * in[c]
inline void convolve(int64_t maps, const SplitLayout& from, const RowLayout& to, const float* in,
                     const float* weight, float* out) {
  for (int64_t o = 0; o < maps; ++o)
    for (int64_t y = 0; y < to.side; ++y)
      for (int64_t x = 0; x < to.row; x += kLanes) {
        Lanes sum = {};
        for (int64_t c = 0; c < maps; ++c)
          for (int64_t i = 0; i < 3; ++i) {
            const Taps taps(from, in + c * from.size, 2 * y + i);
            const float* w = weight + (o * maps + c) * kTaps + 3 * i;
            for (int j = 0; j < 3; ++j) sum += w[j] * load(taps.at[j] + x);
          }
        store(out + o * to.size + y * to.row + x, sum);
      }
}

// One sample up to and including the GELU: split input, first convolution, split activations.
inline void shrink_half(const ShrinkLayout& layout, const float* maps, const float* weight,
                        float* input, float* middle, float* activated) {
  const int64_t side = layout.input.side;
  for (int64_t c = 0; c < layout.maps; ++c)
    split_map(layout.input, maps + c * side * side, side, input + c * layout.input.size);
  convolve(layout.maps, layout.input, layout.middle, input, weight, middle);
  float* row = workspace<float>(1, layout.middle.row);
  for (int64_t line = 0; line < layout.maps * layout.middle.side; ++line) {
    for (int64_t x = 0; x < layout.middle.row; x += kLanes) {
      const Lanes value = load(middle + line * layout.middle.row + x);
      store(row + x, value * normal(value).cdf);
    }
    split_row(layout.middle_split, row, activated + line * 2 * layout.middle_split.half);
  }
}

void shrink_maps(const Shrinking& s, const float* maps, const float* first, const float* second,
                 float* out) {
  const ShrinkLayout layout(s);
  const int threads = omp_get_max_threads();
  const int64_t sizes[] = {s.maps * layout.input.size, s.maps * layout.middle.size,
                           s.maps * layout.middle_split.size, s.maps * layout.output.size};
  const int64_t size = std::accumulate(sizes, sizes + 4, int64_t{0});
  float* memory = workspace<float>(0, threads * size);
#pragma omp parallel for schedule(static) num_threads(threads) if (s.batch > 1)
  for (int64_t sample = 0; sample < s.batch; ++sample) {
    float* input = memory + omp_get_thread_num() * size;
    float *middle = input + sizes[0], *activated = middle + sizes[1], *rows = activated + sizes[2];
    shrink_half(layout, maps + sample * s.maps * s.side * s.side, first, input, middle, activated);
    convolve(s.maps, layout.middle_split, layout.output, activated, second, rows);
    const int64_t side = layout.output.side;
    for (int64_t line = 0; line < s.maps * side; ++line)
      std::copy_n(rows + line * layout.output.row, side,
                  out + (sample * s.maps * side + line) * side);
  }
}
