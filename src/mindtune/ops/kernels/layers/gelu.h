// The exact GELU, x cdf(x) with the normal distribution's cdf, and its slope.
//
// erfc(z) = exp(-z^2) q(t) with t = 1 / (1 + 0.4 z) for z >= 0; q is our own fit of degree 9, whose
// relative error of 2.4e-8 is below float's, also in the tail where 1 + erf would lose all digits.

typedef int32_t Integers __attribute__((vector_size(4 * kLanes)));

// exp(x) for x <= 0; no smaller than about 1e-38.
inline Lanes exponential(Lanes x) {
  constexpr float kShift = 12582912;  // 1.5 * 2^23: adding it leaves an integer in the low bits
  const Lanes lowest = Lanes{} - 87.0f;
  x = x < lowest ? lowest : x;
  const Lanes shifted = x * 1.44269504f + kShift, power = shifted - kShift;
  const Lanes r = x - power * 0.693359375f + power * 2.12194440e-4f;
  Lanes sum = r * 0.0013751408f + 0.0083689163f;
  sum = sum * r + 0.0416695331f;
  sum = sum * r + 0.1666651846f;
  sum = sum * r + 0.4999998860f;
  sum = sum * r * r + r + 1;
  return sum * (Lanes)(((Integers)shifted << 23) + 0x3f800000);
}

struct Normal {
  Lanes cdf, density;
};

inline Normal normal(Lanes x) {
  constexpr float kFit[] = {0.2254554619f,  0.2291576784f,  0.1843851271f,
                            0.2560036012f,  -0.056273591f,  0.2719937055f,
                            -0.0676201299f, -0.0706751612f, 0.0275733318f};
  const Lanes zero = {};
  const Lanes size = x < zero ? -x : x;
  const Lanes bell = exponential(x * x * -0.5f);
  const Lanes t = 1 / (1 + 0.4f * 0.70710678f * size);
  Lanes sum = zero + kFit[8];
  for (int i = 7; i >= 0; --i) sum = sum * t + kFit[i];
  const Lanes tail = 0.5f * sum * t * bell;
  return {x < zero ? tail : 1 - tail, bell * 0.39894228f};
}
