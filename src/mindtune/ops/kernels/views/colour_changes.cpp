// Changes of colour and sharpness in place. Loops have no branches, so that the compiler takes
// several pixels at once.
#include "views/colour_changes.h"

#include <algorithm>
#include <cmath>

#include "views/hue.h"
#include "instruction_set.h"
#include "workspace.h"

namespace mindtune {
namespace {

uint8_t byte_of(int level) { return static_cast<uint8_t>(std::min(std::max(level, 0), 255)); }

// `a` towards `b`, beyond it where `share` is above 1.
uint8_t blend(int a, int b, float share) { return byte_of(static_cast<int>(a + share * (b - a))); }

int luma(int r, int g, int b) { return (19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16; }

MINDTUNE_WIDE void blend_with_level(const Planes& image, int level, float share) {
  uint8_t* data = image.data;
  const int64_t bytes = kChannels * image.size();
  for (int64_t i = 0; i < bytes; ++i) data[i] = blend(level, data[i], share);
}

MINDTUNE_WIDE int mean_luma(const Planes& image) {
  const uint8_t *r = image.channel(0), *g = image.channel(1), *b = image.channel(2);
  const int64_t count = image.size();
  int64_t total = 0;
  for (int64_t y = 0; y < image.height; ++y, r += image.width, g += image.width, b += image.width) {
    int32_t row = 0;
    for (int64_t x = 0; x < image.width; ++x) row += luma(r[x], g[x], b[x]);
    total += row;
  }
  return static_cast<int>(static_cast<double>(total) / count + 0.5);
}

MINDTUNE_WIDE void saturate(const Planes& image, float share) {
  uint8_t* __restrict r = image.channel(0);
  uint8_t* __restrict g = image.channel(1);
  uint8_t* __restrict b = image.channel(2);
  const int64_t count = image.size();
  for (int64_t i = 0; i < count; ++i) {
    const int grey = luma(r[i], g[i], b[i]);
    r[i] = blend(grey, r[i], share);
    g[i] = blend(grey, g[i], share);
    b[i] = blend(grey, b[i], share);
  }
}

MINDTUNE_WIDE void remove_colour(const Planes& image) {
  uint8_t* __restrict r = image.channel(0);
  uint8_t* __restrict g = image.channel(1);
  uint8_t* __restrict b = image.channel(2);
  const int64_t count = image.size();
  for (int64_t i = 0; i < count; ++i)
    r[i] = g[i] = b[i] = static_cast<uint8_t>(luma(r[i], g[i], b[i]));
}

BoxFilter box_filter(float sigma) {
  const float part = sigma * sigma / kBoxes;
  const float length = static_cast<float>(std::sqrt(12.0 * part + 1.0));
  const float whole = std::floor((length - 1.0f) / 2.0f);
  const float rest = ((2 * whole + 1) * (whole * (whole + 1) - 3 * part)) /
                     (6 * (part - (whole + 1) * (whole + 1)));
  const float radius = whole + rest;
  BoxFilter filter{static_cast<int64_t>(radius), 0, 0};
  filter.inner = static_cast<uint32_t>((1 << 24) / (radius * 2 + 1));
  filter.outer = ((1 << 24) - (static_cast<uint32_t>(filter.radius) * 2 + 1) * filter.inner) / 2;
  return filter;
}

// Along the rows, then along the columns of each channel.
void blur(const Planes& image, float sigma) {
  const InstructionSet& kernels = instruction_set();
  const BoxFilter filter = box_filter(sigma);
  const int64_t height = image.height, width = image.width;
  uint8_t* turned = workspace<uint8_t>(1, image.size());
  uint8_t* spare = workspace<uint8_t>(2, image.size());
  uint32_t* sums = workspace<uint32_t>(0, std::max(height, width));
  for (int64_t c = 0; c < kChannels; ++c) {
    uint8_t* channel = image.channel(c);
    kernels.transpose_bytes({channel, width}, height, width, {turned, height});
    kernels.blur_rows(turned, spare, height, width, filter, sums);
    kernels.transpose_bytes({spare, height}, width, height, {turned, width});
    kernels.blur_rows(turned, channel, width, height, filter, sums);
  }
}

MINDTUNE_WIDE void solarise(const Planes& image, float from) {
  uint8_t* data = image.data;
  const int64_t bytes = kChannels * image.size();
  for (int64_t i = 0; i < bytes; ++i)
    data[i] = static_cast<uint8_t>(data[i] < from ? data[i] : 255 - data[i]);
}

void change(const Planes& image, ColourStep step, float amount) {
  switch (step) {
    case ColourStep::kBrightness:
      return blend_with_level(image, 0, amount);
    case ColourStep::kContrast:
      return blend_with_level(image, mean_luma(image), amount);
    case ColourStep::kSaturation:
      return saturate(image, amount);
    case ColourStep::kHue:
      return turn_hue(image, static_cast<int>(amount));
    case ColourStep::kGrey:
      return remove_colour(image);
    case ColourStep::kBlur:
      return blur(image, amount);
    case ColourStep::kSolarise:
      return solarise(image, amount);
  }
}

}  // namespace

void change_colours(const Planes& image, const ColourPlan& plan) {
  for (int64_t i = 0; i < plan.count; ++i)
    change(image, static_cast<ColourStep>(plan.steps[i]), plan.amounts[i]);
}

}  // namespace mindtune
