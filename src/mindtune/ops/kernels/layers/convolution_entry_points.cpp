// Convolutions on the CPU: check the arguments, then compute.
#include "arguments.h"
#include "layers/convolution.h"

using namespace mindtune;

namespace {

// Sizes of maps (B, H, W, C), weight (O, k, k, C), geometry (stride, padding + 1, k), which speaks
// by its shape, and results (B, H', W', O), given by the numbers of their arguments.
Convolution sizes_of(const Arguments& given, int maps, int weight, int geometry, int y) {
  for (const int four : {maps, weight, y}) given.require_rank(four, 4);
  given.require_rank(geometry, 3);
  Convolution s;
  s.batch = given.size(maps, 0), s.height = given.size(maps, 1), s.width = given.size(maps, 2);
  s.channels = given.size(maps, 3);
  s.out_channels = given.size(weight, 0), s.kernel = given.size(geometry, 2);
  s.stride = given.size(geometry, 0), s.padding = given.size(geometry, 1) - 1;
  given.require(s.stride > 0 && s.padding >= 0, "a stride, and padding of 0 at least");
  given.require(s.kernel > 0 && s.out_channels > 0, "at least one tap and channel");
  given.require(given.total(maps) > 0, "at least one pixel of one channel");
  const int64_t high = s.height + 2 * s.padding - s.kernel;
  const int64_t wide = s.width + 2 * s.padding - s.kernel;
  given.require(high >= 0 && wide >= 0, "maps no smaller than a window");
  s.out_height = high / s.stride + 1, s.out_width = wide / s.stride + 1;
  given.require_shape(weight, {s.out_channels, s.kernel, s.kernel, s.channels});
  given.require_shape(y, {s.batch, s.out_height, s.out_width, s.out_channels});
  return s;
}

}  // namespace

// maps, weight, geometry -> y
MINDTUNE_OPERATOR(Convolution) {
  const Arguments given("Convolution", 4, count, data, ranks, shapes, types);
  const auto s = sizes_of(given, 0, 1, 2, 3);
  convolve(s, given.floats(0), given.floats(1), given.floats(3));
  return 0;
}

// dy, weight, geometry, maps (their shape alone counts) -> dmaps
MINDTUNE_OPERATOR(ConvolutionInputGradient) {
  const Arguments given("ConvolutionInputGradient", 5, count, data, ranks, shapes, types);
  const auto s = sizes_of(given, 3, 1, 2, 0);
  given.require_shape(4, {s.batch, s.height, s.width, s.channels});
  convolution_input_gradient(s, given.floats(0), given.floats(1), given.floats(4));
  return 0;
}

// dy, maps, geometry -> dweight
MINDTUNE_OPERATOR(ConvolutionWeightGradient) {
  const Arguments given("ConvolutionWeightGradient", 4, count, data, ranks, shapes, types);
  const auto s = sizes_of(given, 1, 3, 2, 0);
  convolution_weight_gradient(s, given.floats(0), given.floats(1), given.floats(3));
  return 0;
}
