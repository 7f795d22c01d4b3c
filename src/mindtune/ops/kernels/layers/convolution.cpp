#include "layers/convolution.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>
#include <stdexcept>

#include "matrix_product.h"
#include "workspace.h"

namespace mindtune {
namespace {

constexpr int kWindowsSlot = 0;
constexpr int64_t kMostPixels = 384;       // of one product
constexpr int64_t kMostNumbers = 1 << 19;  // of the windows that a thread holds: 2 MiB
constexpr int64_t kChannelPart = 384, kWindowPart = 192;

// Output pixels whose windows, cut to `columns` numbers each, are multiplied at once.
int64_t pixels_at_once(int64_t columns) {
  return std::clamp<int64_t>(kMostNumbers / columns, 16, kMostPixels);
}

// Columns [first, last) of the window of output pixel `pixel`, counted over the whole batch.
void copy_window(const Convolution& s, const float* maps, int64_t pixel, int64_t first,
                 int64_t last, float* out) {
  const int64_t sample = pixel / s.out_pixels(), place = pixel % s.out_pixels();
  const int64_t top = place / s.out_width * s.stride - s.padding;
  const int64_t left = place % s.out_width * s.stride - s.padding;
  const int64_t run = s.kernel * s.channels;  // a row of the window, one piece of the map
  for (int64_t i = first / run; i * run < last; ++i) {
    const int64_t y = top + i, begin = std::max<int64_t>(first - i * run, 0);
    const int64_t end = std::min(last - i * run, run);
    const bool inside = y >= 0 && y < s.height;
    const int64_t after = std::min(s.kernel, s.width - left) * s.channels;
    const int64_t to = inside ? std::clamp(after, begin, end) : begin;
    const int64_t from = std::clamp(std::max<int64_t>(-left, 0) * s.channels, begin, to);
    std::memset(out, 0, (from - begin) * sizeof(float));
    if (to > from) {
      const float* row = maps + ((sample * s.height + y) * s.width + left) * s.channels;
      std::memcpy(out + from - begin, row + from, (to - from) * sizeof(float));
    }
    std::memset(out + to - begin, 0, (end - to) * sizeof(float));
    out += end - begin;
  }
}

// Adds one number a channel to the pixel under tap (i, j) of each output pixel of a map.
void scatter(const Convolution& s, int64_t pixel, int64_t pixels, int64_t i, int64_t j,
             const float* values, int64_t channels, float* dmap) {
  for (int64_t p = pixel; p < pixel + pixels; ++p, values += channels) {
    const int64_t y = p / s.out_width * s.stride - s.padding + i;
    const int64_t x = p % s.out_width * s.stride - s.padding + j;
    if (y < 0 || y >= s.height || x < 0 || x >= s.width) continue;
    float* to = dmap + (y * s.width + x) * s.channels;
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c) to[c] += values[c];
  }
}

// Runs `work` and says whether it succeeded: no exception may leave a parallel region.
template <typename Work>
bool succeeds(Work work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void check(bool failed) {
  if (failed) throw std::runtime_error("convolution: oneDNN failed, or there is no memory");
}

// Channels [first, first + channels) of the gradient of one map.
bool gradient_of_map(const Convolution& s, const float* dy, const float* weight, int64_t first,
                     int64_t channels, float* dmap) {
  const int64_t most = pixels_at_once(channels);
  float* values = workspace<float>(kWindowsSlot, most * channels);
  for (int64_t p = 0; p < s.height * s.width; ++p)
    std::fill_n(dmap + p * s.channels + first, channels, 0.0f);
  for (int64_t pixel = 0; pixel < s.out_pixels(); pixel += most) {
    const int64_t pixels = std::min(most, s.out_pixels() - pixel);
    const Operand rows = {dy + pixel * s.out_channels, s.out_channels, false};
    for (int64_t tap = 0; tap < s.kernel * s.kernel; ++tap) {
      const Operand part = {weight + tap * s.channels + first, s.window(), false};
      if (!multiply_here(pixels, channels, s.out_channels, rows, part, {values, channels, false}))
        return false;
      scatter(s, pixel, pixels, tap / s.kernel, tap % s.kernel, values, channels, dmap + first);
    }
  }
  return true;
}

// Columns [first, first + columns) of the gradient of the weight (O, k * k * C).
bool gradient_of_columns(const Convolution& s, const float* dy, const float* maps, int64_t first,
                         int64_t columns, float* dweight) {
  const int64_t all = s.batch * s.out_pixels(), most = pixels_at_once(columns);
  float* windows = workspace<float>(kWindowsSlot, most * columns);
  for (int64_t pixel = 0; pixel < all; pixel += most) {
    const int64_t pixels = std::min(most, all - pixel);
    for (int64_t p = 0; p < pixels; ++p)
      copy_window(s, maps, pixel + p, first, first + columns, windows + p * columns);
    const Operand rows = {dy + pixel * s.out_channels, s.out_channels, true};
    const Result sum = {dweight + first, s.window(), pixel > 0};
    if (!multiply_here(s.out_channels, columns, pixels, rows, {windows, columns, false}, sum))
      return false;
  }
  return true;
}

}  // namespace

void convolve(const Convolution& s, const float* maps, const float* weight, float* y) {
  const auto claimed = claim_cores();
  const int64_t all = s.batch * s.out_pixels(), size = s.window(), most = pixels_at_once(size);
  std::atomic<bool> failed{false};
#pragma omp parallel for schedule(dynamic)
  for (int64_t pixel = 0; pixel < all; pixel += most) {
    const bool done = succeeds([&] {
      const int64_t pixels = std::min(most, all - pixel);
      float* windows = workspace<float>(kWindowsSlot, most * size);
      for (int64_t p = 0; p < pixels; ++p)
        copy_window(s, maps, pixel + p, 0, size, windows + p * size);
      return multiply_here(pixels, s.out_channels, size, {windows, size, false},
                           {weight, size, true},
                           {y + pixel * s.out_channels, s.out_channels, false});
    });
    if (!done) failed = true;
  }
  check(failed);
}

void convolution_input_gradient(const Convolution& s, const float* dy, const float* weight,
                                float* dmaps) {
  const auto claimed = claim_cores();
  const int64_t part = part_of(s.channels, kChannelPart);
  std::atomic<bool> failed{false};
#pragma omp parallel for collapse(2) schedule(dynamic)
  for (int64_t sample = 0; sample < s.batch; ++sample)
    for (int64_t first = 0; first < s.channels; first += part) {
      const bool done = succeeds([&] {
        return gradient_of_map(s, dy + sample * s.out_pixels() * s.out_channels, weight, first,
                               std::min(part, s.channels - first),
                               dmaps + sample * s.height * s.width * s.channels);
      });
      if (!done) failed = true;
    }
  check(failed);
}

void convolution_weight_gradient(const Convolution& s, const float* dy, const float* maps,
                                 float* dweight) {
  const auto claimed = claim_cores();
  const int64_t size = s.window(), part = part_of(size, kWindowPart);
  std::atomic<bool> failed{false};
#pragma omp parallel for schedule(dynamic)
  for (int64_t first = 0; first < size; first += part) {
    const bool done = succeeds([&] {
      return gradient_of_columns(s, dy, maps, first, std::min(part, size - first), dweight);
    });
    if (!done) failed = true;
  }
  check(failed);
}

}  // namespace mindtune
