// The backward pass of map_shrinking.h, which makes the activations again.

// dweight[o][c] = correlation of in[c] with dout[o], whose padding is zero.
inline void weight_gradient(int64_t maps, const SplitLayout& from, const RowLayout& to,
                            const float* in, const float* dout, float* dweight) {
  for (int64_t o = 0; o < maps; ++o)
    for (int64_t c = 0; c < maps; ++c)
      for (int64_t i = 0; i < 3; ++i) {
        Lanes sum[3] = {};
        for (int64_t y = 0; y < to.side; ++y) {
          const Taps taps(from, in + c * from.size, 2 * y + i);
          for (int64_t x = 0; x < to.row; x += kLanes) {
            const Lanes g = load(dout + o * to.size + y * to.row + x);
            for (int j = 0; j < 3; ++j) sum[j] += g * load(taps.at[j] + x);
          }
        }
        for (int j = 0; j < 3; ++j) *dweight++ = total_of(sum[j]);
      }
}

// din[c] = sum over o of weight[o][c], turned round, * dout[o], as a split map.
inline void input_gradient(int64_t maps, const SplitLayout& from, const RowLayout& to,
                           const float* dout, const float* weight, float* din) {
  std::fill(din, din + maps * from.size, 0.0f);
  for (int64_t o = 0; o < maps; ++o)
    for (int64_t c = 0; c < maps; ++c)
      for (int64_t y = 0; y < to.side; ++y)
        for (int64_t i = 0; i < 3; ++i) {
          const float* w = weight + (o * maps + c) * kTaps + 3 * i;
          float* even = din + c * from.size + (2 * y + i) * 2 * from.half;
          float* odd = even + from.half;
          for (int64_t x = 0; x < to.row; x += kLanes) {
            const Lanes g = load(dout + o * to.size + y * to.row + x);
            store(even + x, load(even + x) + w[0] * g);
            store(odd + x, load(odd + x) + w[1] * g);
            store(even + x + 1, load(even + x + 1) + w[2] * g);
          }
        }
}

inline void join_row(const SplitLayout& layout, const float* from, float* to) {
#pragma omp simd
  for (int64_t x = 0; x < layout.side / 2; ++x) {
    to[2 * x] = from[x];
    to[2 * x + 1] = from[layout.half + x];
  }
  if (layout.side % 2 == 1) to[layout.side - 1] = from[layout.side / 2];
}

// Times the slope of the GELU at `middle`, which the gradient replaces.
inline void undo_gelu(const ShrinkLayout& layout, const float* dactivated, float* middle) {
  float* row = workspace<float>(1, layout.middle.row);
  std::fill(row, row + layout.middle.row, 0.0f);  // padding stays zero
  for (int64_t line = 0; line < layout.maps * layout.middle.side; ++line) {
    join_row(layout.middle_split, dactivated + line * 2 * layout.middle_split.half, row);
    for (int64_t x = 0; x < layout.middle.row; x += kLanes) {
      float* at = middle + line * layout.middle.row + x;
      const Lanes value = load(at);
      const Normal n = normal(value);
      store(at, load(row + x) * (n.cdf + value * n.density));
    }
  }
}

// Working memory of one thread: maps of one sample.
struct ShrinkScratch {
  float *input, *middle, *activated, *dactivated, *dout, *dinput;
};

// One sample; `dfirst` and `dsecond` take its part of the gradients of the weights.
inline void differentiate_sample(const ShrinkLayout& layout, const ShrinkGradient& io,
                                 int64_t sample, const ShrinkScratch& s, float* dfirst,
                                 float* dsecond) {
  const int64_t side = layout.input.side, small = layout.output.side;
  const int64_t at = sample * layout.maps * side * side;
  shrink_half(layout, io.maps + at, io.first, s.input, s.middle, s.activated);
  std::fill(s.dout, s.dout + layout.maps * layout.output.size, 0.0f);
  for (int64_t line = 0; line < layout.maps * small; ++line)
    std::copy_n(io.dout + (sample * layout.maps * small + line) * small, small,
                s.dout + line * layout.output.row);
  weight_gradient(layout.maps, layout.middle_split, layout.output, s.activated, s.dout, dsecond);
  input_gradient(layout.maps, layout.middle_split, layout.output, s.dout, io.second, s.dactivated);
  undo_gelu(layout, s.dactivated, s.middle);
  weight_gradient(layout.maps, layout.input, layout.middle, s.input, s.middle, dfirst);
  input_gradient(layout.maps, layout.input, layout.middle, s.middle, io.first, s.dinput);
  for (int64_t line = 0; line < layout.maps * side; ++line)
    join_row(layout.input, s.dinput + line * 2 * layout.input.half, io.dmaps + at + line * side);
}

// Sum over samples, in their order.
inline void add_samples(int64_t batch, int64_t stride, int64_t count, const float* partial,
                        float* total) {
  for (int64_t i = 0; i < count; ++i) {
    double sum = 0;
    for (int64_t sample = 0; sample < batch; ++sample) sum += partial[sample * stride + i];
    total[i] = static_cast<float>(sum);
  }
}

void differentiate_shrinking(const Shrinking& s, const ShrinkGradient& io) {
  const ShrinkLayout layout(s);
  const int threads = omp_get_max_threads();
  const int64_t weights = s.maps * s.maps * kTaps;
  const int64_t split = s.maps * layout.middle_split.size, input = s.maps * layout.input.size;
  const int64_t middle = s.maps * layout.middle.size, output = s.maps * layout.output.size;
  const int64_t size = 2 * input + middle + 2 * split + output;
  float* memory = workspace<float>(0, threads * size);
  float* partial = workspace<float>(2, s.batch * 2 * weights);
#pragma omp parallel for schedule(static) num_threads(threads) if (s.batch > 1)
  for (int64_t sample = 0; sample < s.batch; ++sample) {
    float* own = memory + omp_get_thread_num() * size;
    const ShrinkScratch scratch = {own,
                                   own + input,
                                   own + input + middle,
                                   own + input + middle + split,
                                   own + input + middle + 2 * split,
                                   own + input + middle + 2 * split + output};
    float* of_sample = partial + sample * 2 * weights;
    differentiate_sample(layout, io, sample, scratch, of_sample, of_sample + weights);
  }
  add_samples(s.batch, 2 * weights, weights, partial, io.dfirst);
  add_samples(s.batch, 2 * weights, weights, partial + weights, io.dsecond);
}
