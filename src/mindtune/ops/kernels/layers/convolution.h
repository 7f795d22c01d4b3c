// Convolutions of maps whose channels come last, by matrix products on a few windows at a time.
#pragma once

#include <cstdint>

namespace mindtune {

// Maps (B, H, W, C), weight (O, k, k, C), results (B, H', W', O). A window holds, row by row, the
// k * k * C numbers that an output pixel sees; outside the map they are zeros.
struct Convolution {
  int64_t batch, height, width, channels;
  int64_t kernel, stride, padding;
  int64_t out_height, out_width, out_channels;

  int64_t window() const { return kernel * kernel * channels; }
  int64_t out_pixels() const { return out_height * out_width; }  // of one map
};

// All share their work among the threads in parts that depend on the sizes alone. They throw where
// the library of the products is missing or fails.
void convolve(const Convolution& s, const float* maps, const float* weight, float* y);
void convolution_input_gradient(const Convolution& s, const float* dy, const float* weight,
                                float* dmaps);
void convolution_weight_gradient(const Convolution& s, const float* dy, const float* maps,
                                 float* dweight);

}  // namespace mindtune
