#include "copies/windows.h"

#include <cstring>

namespace mindtune {
namespace {

constexpr int64_t kWorthSharing = 32768;  // numbers

// The token of the windows that lies in row `y` and column `x` of the rolled map of `sample`.
int64_t token_of(const Windows& s, int64_t sample, int64_t y, int64_t x) {
  const int64_t row = sample * s.rows() + y / s.window_height;
  const int64_t window = row * s.columns() + x / s.window_width;
  return window * s.area() + y % s.window_height * s.window_width + x % s.window_width;
}

// Visits every token of the rolled and filled maps: its number in the windows, and in the maps or
// -1 where zeros were filled in.
template <typename Visit>
void visit_tokens(const Windows& s, Visit visit) {
  const int64_t high = s.rows() * s.window_height, wide = s.columns() * s.window_width;
#pragma omp parallel for schedule(static) if (s.batch * high * wide * s.channels > kWorthSharing)
  for (int64_t row = 0; row < s.batch * high; ++row) {
    const int64_t sample = row / high, y = row % high;
    const int64_t from = (sample * s.height + (y + s.shift_y) % s.height) * s.width;
    for (int64_t x = 0; x < wide; ++x) {
      const bool inside = y < s.height && x < s.width;
      visit(token_of(s, sample, y, x), inside ? from + (x + s.shift_x) % s.width : -1);
    }
  }
}

}  // namespace

void split_windows(const Windows& s, const float* tokens, float* windows) {
  const size_t bytes = s.channels * sizeof(float);
  visit_tokens(s, [&](int64_t to, int64_t from) {
    if (from < 0)
      std::memset(windows + to * s.channels, 0, bytes);
    else
      std::memcpy(windows + to * s.channels, tokens + from * s.channels, bytes);
  });
}

void join_windows(const Windows& s, const float* windows, float* tokens) {
  const size_t bytes = s.channels * sizeof(float);
  visit_tokens(s, [&](int64_t from, int64_t to) {
    if (to >= 0) std::memcpy(tokens + to * s.channels, windows + from * s.channels, bytes);
  });
}

}  // namespace mindtune
