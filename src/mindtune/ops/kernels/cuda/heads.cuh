// How kernels read the tokens of a head: as they are, normalised, or centred on the way. Nothing of
// that is written to memory. A `unit` is a head of a sample, counted over all samples.
#pragma once

#include "pooling/sizes.h"
#include "element.cuh"

namespace mindtune {

// Sizes within a sample, small enough for 32-bit arithmetic.
struct Extents {
  int tokens, heads, dim, pairs;
};

inline Extents extents_of(const Arguments& given, const Sizes& s) {
  constexpr int64_t kMost = INT32_MAX;
  given.require(s.tokens * s.heads * s.dim <= kMost && s.dim * s.dim <= kMost && s.pairs <= kMost,
                "fewer than 2^31 values a sample and a map");
  return {static_cast<int>(s.tokens), static_cast<int>(s.heads), static_cast<int>(s.dim),
          static_cast<int>(s.pairs)};
}

// Tokens of one head; the channels of a token may lie apart.
template <typename T>
struct HeadTokens {
  T* data;
  int by_token, by_channel;

  __device__ T& at(int token, int channel) const {
    return data[token * by_token + channel * by_channel];
  }
};

// Of (B, H, N, d).
template <typename T>
__device__ HeadTokens<T> separate_head(T* heads, const Extents& e, int64_t unit) {
  return {heads + unit * e.tokens * e.dim, e.dim, 1};
}

// Of (B, N, H d), split into heads as the plan says.
template <typename T>
__device__ HeadTokens<T> packed_head(T* tokens, const Extents& e, const int32_t* plan,
                                     int64_t unit) {
  const int head = unit % e.heads, width = e.heads * e.dim;
  T* sample = tokens + unit / e.heads * e.tokens * width;
  if (plan[0] == 0) return {sample + head * e.dim, width, 1};
  return {sample + head, width, e.heads};
}

template <typename T>
struct PlainHead {
  static constexpr bool kRowsAreDense = true;
  HeadTokens<const T> tokens;

  __device__ float value(int token, int channel) const {
    return to_float(tokens.at(token, channel));
  }
};

// (B, H, N, d) as it is.
template <typename T>
struct PlainHeads {
  const T* data;
  Extents extents;

  __device__ PlainHead<T> of(int64_t unit) const { return {separate_head(data, extents, unit)}; }
};

struct TokenStatistics {
  float mean, inverse_std;
};

template <typename T>
struct NormalisedHead {
  static constexpr bool kRowsAreDense = true;
  HeadTokens<const T> tokens;
  const TokenStatistics* statistics;
  const float *weight, *bias;

  __device__ float standardised(int token, int channel) const {
    const TokenStatistics of_token = statistics[token];
    return (to_float(tokens.at(token, channel)) - of_token.mean) * of_token.inverse_std;
  }
  __device__ float value(int token, int channel) const {
    return standardised(token, channel) * weight[channel] + bias[channel];
  }
};

// (B, N, H d) after LayerNorm over the channels of each head.
template <typename T>
struct NormalisedHeads {
  const T* data;
  Extents extents;
  const int32_t* plan;
  const TokenStatistics* statistics;  // (B, H, N)
  const float *weight, *bias;

  __device__ NormalisedHead<T> of(int64_t unit) const {
    return {packed_head(data, extents, plan, unit), statistics + unit * extents.tokens, weight,
            bias};
  }
};

template <typename Head>
struct ShiftedHead {
  static constexpr bool kRowsAreDense = Head::kRowsAreDense;
  Head head;
  const float* shift;

  __device__ float value(int token, int channel) const {
    return head.value(token, channel) + shift[channel];
  }
};

// Other heads, to which a shift for each channel is added: minus the mean, to centre them.
template <typename Heads>
struct ShiftedHeads {
  Heads heads;
  const float* shift;  // (B, H, d)
  Extents extents;

  __device__ auto of(int64_t unit) const {
    const auto head = heads.of(unit);
    return ShiftedHead<std::remove_const_t<decltype(head)>>{head, shift + unit * extents.dim};
  }
};

}  // namespace mindtune
