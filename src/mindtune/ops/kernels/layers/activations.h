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

// Calls visit(i, left) with the first place of every vector, and how many numbers are left there.
template <typename Visit>
inline void visit_vectors(int64_t count, const Visit& visit) {
  const int64_t turns = (count + kActivatedAtOnce - 1) / kActivatedAtOnce;
  share_turns(turns, turns > 1, [&](int64_t turn) {
    const int64_t first = turn * kActivatedAtOnce;
    for (int64_t i = first; i < std::min(first + kActivatedAtOnce, count); i += kLanes)
      visit(i, count - i);
  });
}

template <typename Activation>
void activate(int64_t count, const float* x, float* y) {
  visit_vectors(count, [=](int64_t i, int64_t left) {
    store(y + i, Activation::value(load(x + i, left)), left);
  });
}

template <typename Activation>
void differentiate_activation(int64_t count, const float* x, const float* dy, float* dx) {
  visit_vectors(count, [=](int64_t i, int64_t left) {
    store(dx + i, load(dy + i, left) * Activation::slope(load(x + i, left)), left);
  });
}
