// Bicubic resizing: a = -0.5, the filter widened where the image shrinks, weights of 22 binary
// places, columns first, bytes in between. The weights are computed for no instruction set in
// particular: a fused multiply-add would round otherwise than Pillow does.
#include "views/box_resizing.h"

#include <algorithm>
#include <cmath>

#include "instruction_set.h"
#include "workspace.h"

namespace mindtune {
namespace {

constexpr double kCubic = -0.5;
constexpr double kCubicSupport = 2.0;

double cubic(double x) {
  x = std::fabs(x);
  if (x < 1.0) return ((kCubic + 2.0) * x - (kCubic + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * kCubic;
  return 0.0;
}

void fill_weights(int64_t in, int64_t out, const Weights& w, double* real) {
  const double scale = static_cast<double>(in) / out, wide = std::max(scale, 1.0);
  const double support = kCubicSupport * wide;
  for (int64_t i = 0; i < out; ++i) {
    const double centre = (i + 0.5) * scale;
    const int64_t first = std::max<int64_t>(0, static_cast<int64_t>(centre - support + 0.5));
    const int64_t end = std::min<int64_t>(in, static_cast<int64_t>(centre + support + 0.5));
    double total = 0.0;
    for (int64_t k = first; k < end; ++k) {
      real[k - first] = cubic((k - centre + 0.5) * (1.0 / wide));
      total += real[k - first];
    }
    w.first[i] = static_cast<int32_t>(first);
    w.count[i] = static_cast<int32_t>(end - first);
    for (int64_t k = 0; k < end - first; ++k) {
      const double scaled = (total != 0.0 ? real[k] / total : real[k]) * (1 << kWeightBits);
      w.value[i * w.room + k] = static_cast<int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    }
  }
}

// In the thread's working memory, until the next call.
Weights weights_of(int64_t in, int64_t out) {
  const double wide = std::max(static_cast<double>(in) / out, 1.0);
  const int64_t room = static_cast<int64_t>(std::ceil(kCubicSupport * wide)) * 2 + 1;
  int32_t* memory = workspace<int32_t>(0, out * (2 + room));
  const Weights w = {room, memory, memory + out, memory + 2 * out};
  fill_weights(in, out, w, workspace<double>(0, room));
  return w;
}

}  // namespace

TurnedImage turned(const Pixels& image) {
  const int64_t row = image.width * kChannels;
  uint8_t* memory = workspace<uint8_t>(0, image.height * row);
  instruction_set().transpose_bytes({image.data, row}, image.height, row, {memory, image.height});
  return {image.height, image.width, memory};
}

void resize_box(const TurnedImage& image, const Box& box, bool flipped, const Planes& out) {
  const InstructionSet& kernels = instruction_set();
  const int64_t rows = box.bottom - box.top, narrow_size = out.width * rows;
  uint8_t* narrow = workspace<uint8_t>(1, kChannels * narrow_size);
  const Weights across = weights_of(box.right - box.left, out.width);
  for (int64_t c = 0; c < kChannels; ++c) {
    const uint8_t* corner = image.data + (box.left * kChannels + c) * image.height + box.top;
    uint8_t* plane = narrow + c * narrow_size;
    const ByteRows<uint8_t> forwards = {plane, rows};
    const ByteRows<uint8_t> backwards = {plane + narrow_size - rows, -rows};
    kernels.mix_rows({corner, kChannels * image.height}, rows, across, out.width,
                     flipped ? backwards : forwards);
  }
  const int64_t row = kChannels * out.width;
  uint8_t* upright = workspace<uint8_t>(2, rows * row);
  kernels.transpose_bytes({narrow, rows}, row, rows, {upright, row});
  const Weights down = weights_of(rows, out.height);
  for (int64_t c = 0; c < kChannels; ++c)
    kernels.mix_rows({upright + c * out.width, row}, out.width, down, out.height,
                     {out.channel(c), out.width});
}

}  // namespace mindtune
