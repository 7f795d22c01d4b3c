// The sizes of one call, from the shapes of its arguments alone: what the kernels for the CPU and
// for CUDA, where the values lie in the GPU's memory, have in common.
#pragma once

#include "arguments.h"

namespace mindtune {

enum class Centering { kNone = 0, kScalar = 1, kChannel = 2 };

// `heads` heads of `dim` channels for each token, of which `pairs` pairs are multiplied.
struct Sizes {
  int64_t batch, tokens, heads, dim, pairs;
};

// Of a plan that holds two heads for each pair from entry `first` on.
inline int64_t pairs_of(const Arguments& given, int plan, int first) {
  given.integers(plan);
  const int64_t length = given.size(plan, 0) - first;
  given.require(length >= 2 && length % 2 == 0, "two heads a pair");
  return length / 2;
}

// Arguments 0 to 4: tokens (B, N, H d), weight (d), bias (d), plan, eps (2). The plan is split
// (0 contiguous, 1 strided) and centring, then the heads of each pair.
inline Sizes fused_sizes(const Arguments& given) {
  Sizes s{};
  given.require_rank(0, 3);
  given.floats(1, 1);
  s.dim = given.size(1, 0);
  given.floats(2, 1);
  given.require_shape(2, {s.dim});
  s.batch = given.size(0, 0);
  s.tokens = given.size(0, 1);
  given.require(s.batch > 0 && s.tokens > 0, "at least one sample and one token");
  const int64_t width = given.size(0, 2);
  given.require(s.dim > 0 && width % s.dim == 0, "a width that the channels of a head divide");
  s.heads = width / s.dim;
  s.pairs = pairs_of(given, 3, 2);
  given.floats(4, 1);
  given.require_shape(4, {2});
  return s;
}

// Arguments 0 and 1: heads (B, H, N, d), plan, which is the heads of each pair.
inline Sizes bare_sizes(const Arguments& given) {
  given.require_rank(0, 4);
  const Sizes s = {given.size(0, 0), given.size(0, 2), given.size(0, 1), given.size(0, 3),
                   pairs_of(given, 1, 0)};
  given.require(s.batch > 0 && s.tokens > 0 && s.dim > 0, "at least one sample, token and channel");
  return s;
}

// Argument 0: tokens (B, N, d), which are one head.
inline Sizes root_sizes(const Arguments& given) {
  given.require_rank(0, 3);
  const Sizes s = {given.size(0, 0), given.size(0, 1), 1, given.size(0, 2), 0};
  given.require(s.batch > 0 && s.tokens > 0 && s.dim > 0, "at least one sample, token and channel");
  return s;
}

inline float* maps(const Arguments& given, int index, const Sizes& s) {
  given.require_shape(index, {s.batch, s.pairs, s.dim, s.dim});
  return given.floats(index, 4);
}

inline float* norms(const Arguments& given, int index, const Sizes& s) {
  given.require_shape(index, {s.batch, s.pairs, s.dim});
  return given.floats(index, 3);
}

inline float* vector(const Arguments& given, int index, const Sizes& s) {
  given.require_shape(index, {s.dim});
  return given.floats(index, 1);
}

inline float* triangles(const Arguments& given, int index, const Sizes& s) {
  given.require_shape(index, {s.batch, s.dim * (s.dim + 1) / 2});
  return given.floats(index, 2);
}

// Newton-Schulz steps, of which each but the last left two iterates.
inline int64_t steps_of(const Arguments& given, int index, const Sizes& s) {
  given.floats(index, 4);
  const int64_t iterates = given.size(index, 1);
  given.require(iterates % 2 == 1, "iterates of whole steps");
  given.require_shape(index, {s.batch, iterates, s.dim, s.dim});
  return (iterates + 1) / 2;
}

}  // namespace mindtune
