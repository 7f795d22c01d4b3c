// What the kernels of attention are told.
#pragma once

#include "arguments.h"

namespace mindtune {

// What is added to the scores: (G, 1 or H, N, N), rows of queries; sample b takes group b mod G.
struct ScoreTerm {
  float* data = nullptr;  // null where nothing is added
  int64_t groups = 1, heads = 1, tokens = 0;

  int64_t index(int64_t sample, int64_t head) const {
    return sample % groups * heads + (heads == 1 ? 0 : head);
  }
  const float* row(int64_t sample, int64_t head, int64_t query) const {
    return data + (index(sample, head) * tokens + query) * tokens;
  }
};

// Queries, keys and values (B, N, 3, H, d) of `heads` heads of `dim` channels, and the factor of
// each head's scores.
struct Attending {
  int64_t batch, tokens, heads, dim;
  const float *qkv, *scale;
  ScoreTerm bias, mask;

  int64_t width() const { return heads * dim; }
};

struct AttendingGradient {
  const float *out, *log_sums, *dout;
  float *dqkv, *dscale, *dbias;
};

// A term of rank 1, a single number, says that there is none.
inline ScoreTerm score_term(const Arguments& given, int index, const Attending& a) {
  if (given.rank(index) == 1) {
    given.require_shape(index, {1});
    given.floats(index, 1);
    return {};
  }
  const ScoreTerm term = {given.floats(index, 4), given.size(index, 0), given.size(index, 1),
                          a.tokens};
  given.require(term.groups > 0 && a.batch % term.groups == 0, "groups that divide the samples");
  const int64_t heads = term.heads == 1 ? 1 : a.heads;
  given.require_shape(index, {term.groups, heads, a.tokens, a.tokens});
  return term;
}

// Arguments 0 to 3: qkv (B, N, 3 H d), scale (H), bias, mask.
inline Attending attention(const Arguments& given) {
  Attending a{};
  a.qkv = given.floats(0, 3);
  a.scale = given.floats(1, 1);
  a.batch = given.size(0, 0);
  a.tokens = given.size(0, 1);
  a.heads = given.size(1, 0);
  const int64_t width = given.size(0, 2);
  given.require(a.batch > 0 && a.tokens > 0 && a.heads > 0, "at least one sample, token and head");
  given.require(width > 0 && width % (3 * a.heads) == 0,
                "a width that three times the heads divide");
  a.dim = width / (3 * a.heads);
  a.bias = score_term(given, 2, a);
  a.mask = score_term(given, 3, a);
  return a;
}

inline float* mixed(const Arguments& given, int index, const Attending& a) {
  given.require_shape(index, {a.batch, a.tokens, a.width()});
  return given.floats(index, 3);
}

inline float* log_sums(const Arguments& given, int index, const Attending& a) {
  given.require_shape(index, {a.batch, a.heads, a.tokens});
  return given.floats(index, 3);
}

}  // namespace mindtune
