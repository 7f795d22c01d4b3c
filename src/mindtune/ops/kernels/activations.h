// Activations, number by number, and their backward passes.

struct Gelu {
  static Lanes value(Lanes x) { return x * normal(x).cdf; }
  static Lanes slope(Lanes x) {
    const Normal n = normal(x);
    return n.cdf + x * n.density;
  }
};

// x sigmoid(1.702 x)
struct QuickGelu {
  static constexpr float kFactor = 1.702f;

  static Lanes value(Lanes x) { return x * share(x); }
  static Lanes slope(Lanes x) {
    const Lanes s = share(x);
    return s + kFactor * x * s * share(-x);  // 1 - s, with all its digits
  }

 private:
  static Lanes share(Lanes x) {
    const Lanes zero = {};
    const Lanes small = exponential(kFactor * (x < zero ? x : -x));
    return (x < zero ? small : zero + 1) / (1 + small);
  }
};

constexpr int64_t kActivatedAtOnce = 4096;  // floats of one turn of a thread

template <typename Activation>
void activate(int64_t count, const float* x, float* y) {
#pragma omp parallel for schedule(static) if (count > kActivatedAtOnce)
  for (int64_t first = 0; first < count; first += kActivatedAtOnce)
    for (int64_t i = first; i < std::min(first + kActivatedAtOnce, count); i += kLanes)
      store(y + i, Activation::value(load(x + i, count - i)), count - i);
}

template <typename Activation>
void differentiate_activation(int64_t count, const float* x, const float* dy, float* dx) {
#pragma omp parallel for schedule(static) if (count > kActivatedAtOnce)
  for (int64_t first = 0; first < count; first += kActivatedAtOnce)
    for (int64_t i = first; i < std::min(first + kActivatedAtOnce, count); i += kLanes)
      store(dx + i, load(dy + i, count - i) * Activation::slope(load(x + i, count - i)), count - i);
}
