// What both passes of the covariance's square root need of the tokens (B, N, d) themselves.
#pragma once

#include "centering.cuh"
#include "symmetric.cuh"

namespace mindtune {

// Centred twice: what rounding leaves of their mean would stand in every token's gradient.
template <typename T>
using CentredTokens = ShiftedHeads<ShiftedHeads<PlainHeads<T>>>;

// Traces of the covariances: a block a sample.
template <typename T>
__global__ void measure_traces(CentredTokens<T> tokens, float* traces) {
  const Extents e = tokens.extents;
  const auto of_sample = tokens.of(blockIdx.x);
  double square = 0;
  for (int at = threadIdx.x; at < e.tokens * e.dim; at += kThreads) {
    const float value = of_sample.value(at / e.dim, at % e.dim);
    square += static_cast<double>(value) * value;
  }
  square = sum_threads(square);
  if (threadIdx.x == 0) traces[blockIdx.x] = static_cast<float>(square / e.tokens);
}

template <typename T>
struct TokenCovariance {
  CentredTokens<T> tokens;
  float* traces;  // (B)
};

template <typename T>
TokenCovariance<T> centre_tokens(cudaStream_t stream, const Arguments& given, const Sizes& s,
                                 Scratch& scratch) {
  const Extents e = extents_of(given, s);
  const PlainHeads<T> uncentred = {elements<T>(given, 0, 3), e};
  auto* shift = scratch.take<float>(s.batch * s.dim);
  auto* rest = scratch.take<float>(s.batch * s.dim);
  auto* traces = scratch.take<float>(s.batch);
  find_shift(stream, s.batch, uncentred, nullptr, shift);
  const ShiftedHeads<PlainHeads<T>> nearly = {uncentred, shift, e};
  find_shift(stream, s.batch, nearly, nullptr, rest);
  const CentredTokens<T> tokens = {nearly, rest, e};
  launch(stream, cover(s.batch, 1), measure_traces<T>, tokens, traces);
  return {tokens, traces};
}

// The Newton-Schulz iterates that the forward pass leaves, (B, 2 steps - 1, d, d): the covariance
// over its trace, then Y and Z of each step but the last.
struct Iterates {
  float* data;
  int64_t steps, area;

  Matrices y(int64_t step) const { return at(step == 0 ? 0 : 2 * step - 1); }
  Matrices z(int64_t step) const { return at(2 * step); }  // step >= 1

 private:
  Matrices at(int64_t index) const { return {data + index * area, (2 * steps - 1) * area}; }
};

}  // namespace mindtune
