// Token maps cut into shifted windows, and put together again.
#pragma once

#include <cstdint>

namespace mindtune {

// Maps (B, H W, C); windows (B rows columns, h w, C), which follow each other row by row. The map
// is rolled up by shift_y and left by shift_x, then filled up with zeros below and on the right.
struct Windows {
  int64_t batch, height, width, channels;
  int64_t window_height, window_width, shift_y, shift_x;

  int64_t rows() const { return (height + window_height - 1) / window_height; }
  int64_t columns() const { return (width + window_width - 1) / window_width; }
  int64_t area() const { return window_height * window_width; }
};

// Each is the other's gradient. Threads share the rows of maps; every number has one writer.
void split_windows(const Windows& s, const float* tokens, float* windows);
void join_windows(const Windows& s, const float* windows, float* tokens);

}  // namespace mindtune
