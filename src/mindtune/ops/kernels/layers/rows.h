// The sizes and arrays of operators on rows of channels: norms, factors, linear layers.
#pragma once

#include "arguments.h"

namespace mindtune {

struct Rows {
  int64_t rows, dim;
};

// Fewer numbers are one thread's: the others would take longer to wake.
constexpr int64_t kRowsWorthSharing = 8192;

// `statistics`: mean and inverse standard deviation of each row.
struct NormedRows {
  const float *x, *weight, *bias;
  float eps;
  float *y, *statistics;
};

struct NormedRowsGradient {
  const float *x, *weight, *statistics, *dy;
  float* dx;
};

struct NormParametersGradient {
  const float *x, *statistics, *dy;
  float *dweight, *dbias;
};

// `shift` may be missing.
struct ChannelMap {
  const float *x, *scale, *shift;
  float* y;
};

struct UnitRowsGradient {
  const float *x, *lengths, *dy;
  float* dx;
};

// Argument 0: (..., D), of any number of axes.
inline Rows rows_of(const Arguments& given) {
  const int64_t total = given.total(0), axes = given.rank(0);
  given.require(axes > 0 && total > 0, "at least one row of one channel");
  const int64_t dim = given.size(0, static_cast<int>(axes) - 1);
  return {total / dim, dim};
}

inline float* like_rows(const Arguments& given, int index, const Rows& s) {
  given.require(given.total(index) == s.rows * s.dim,
                "another shape of argument " + std::to_string(index));
  return given.floats(index);
}

inline float* channel_vector(const Arguments& given, int index, const Rows& s) {
  given.require_shape(index, {s.dim});
  return given.floats(index, 1);
}

// Argument 0: (B, ...), a sample a row.
inline Rows samples_of(const Arguments& given) {
  const int64_t total = given.total(0);
  given.require(given.rank(0) > 0 && total > 0, "at least one sample of one number");
  return {given.size(0, 0), total / given.size(0, 0)};
}

inline float* row_statistics(const Arguments& given, int index, const Rows& s) {
  given.require_shape(index, {s.rows, 2});
  return given.floats(index, 2);
}

}  // namespace mindtune
