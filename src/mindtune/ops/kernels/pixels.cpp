// Crops and colours of images of bytes, bit for bit Pillow's. The arithmetic on floats is compiled
// for no instruction set in particular: a fused multiply-add would round otherwise than Pillow
// does.
#include "pixels.h"

#include <algorithm>
#include <cmath>

#include "instruction_set.h"
#include "workspace.h"

// A second form for AVX2, which the processor's own loader chooses; AVX2 alone has no fused
// multiply-add.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MINDTUNE_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define MINDTUNE_WIDE
#endif

namespace mindtune {
namespace {

// Bicubic resizing of a part of an image: a = -0.5, the filter widened where the image shrinks,
// weights of 22 binary places, columns first, bytes in between.

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

Weights weights_in(int32_t* memory, int64_t in, int64_t out) {
  const double wide = std::max(static_cast<double>(in) / out, 1.0);
  const int64_t room = static_cast<int64_t>(std::ceil(kCubicSupport * wide)) * 2 + 1;
  return {room, memory, memory + out, memory + 2 * out};
}

int64_t weights_size(int64_t in, int64_t out) {
  return out * (2 + weights_in(nullptr, in, out).room);
}

void resize_box(const Pixels& image, const Box& box, const Pixels& out) {
  const InstructionSet& rows_of_bytes = instruction_set();
  const int64_t rows = box.bottom - box.top, columns = box.right - box.left;
  const uint8_t* corner = image.data + (box.top * image.width + box.left) * kChannels;
  const int64_t longest = std::max(rows, out.width) * kChannels;
  double* real = workspace<double>(0, std::max(rows, columns));
  int32_t* memory = workspace<int32_t>(
      1, longest + std::max(weights_size(columns, out.width), weights_size(rows, out.height)));
  int32_t* sums = memory;
  int32_t* tables = memory + longest;
  uint8_t* turned = workspace<uint8_t>(2, rows * columns * kChannels);
  uint8_t* narrow = workspace<uint8_t>(3, rows * out.width * kChannels);
  rows_of_bytes.transpose_pixels(corner, image.width * kChannels, rows, columns, turned);
  const Weights across = weights_in(tables, columns, out.width);
  fill_weights(columns, out.width, across, real);
  rows_of_bytes.mix_rows(turned, rows * kChannels, across, out.width, narrow, sums);
  uint8_t* upright = workspace<uint8_t>(2, rows * std::max(columns, out.width) * kChannels);
  rows_of_bytes.transpose_pixels(narrow, rows * kChannels, out.width, rows, upright);
  const Weights down = weights_in(tables, rows, out.height);
  fill_weights(rows, out.height, down, real);
  rows_of_bytes.mix_rows(upright, out.width * kChannels, down, out.height, out.data, sums);
}

// Changes of colour and sharpness, in place.

uint8_t byte_of(int level) { return static_cast<uint8_t>(std::min(std::max(level, 0), 255)); }

// `a` towards `b`, beyond it where `share` is above 1.
uint8_t blend(int a, int b, float share) { return byte_of(static_cast<int>(a + share * (b - a))); }

int luma(const uint8_t* pixel) {
  return (19595 * pixel[0] + 38470 * pixel[1] + 7471 * pixel[2] + 0x8000) >> 16;
}

// Every level looked up in `table`.
void map_levels(const Pixels& image, const uint8_t* table) {
  const int64_t bytes = image.height * image.width * kChannels;
  for (int64_t i = 0; i < bytes; ++i) image.data[i] = table[image.data[i]];
}

void blend_with_level(const Pixels& image, int level, float share) {
  uint8_t table[256];
  for (int value = 0; value < 256; ++value) table[value] = blend(level, value, share);
  map_levels(image, table);
}

MINDTUNE_WIDE int mean_luma(const Pixels& image) {
  const int64_t count = image.height * image.width;
  int64_t total = 0;
  for (int64_t i = 0; i < count; ++i) total += luma(image.data + i * kChannels);
  return static_cast<int>(static_cast<double>(total) / count + 0.5);
}

MINDTUNE_WIDE void saturate(const Pixels& image, float share) {
  const int64_t count = image.height * image.width;
  for (int64_t i = 0; i < count; ++i) {
    uint8_t* pixel = image.data + i * kChannels;
    const int grey = luma(pixel);
    for (int64_t c = 0; c < kChannels; ++c) pixel[c] = blend(grey, pixel[c], share);
  }
}

MINDTUNE_WIDE void remove_colour(const Pixels& image) {
  const int64_t count = image.height * image.width;
  for (int64_t i = 0; i < count; ++i) {
    uint8_t* pixel = image.data + i * kChannels;
    pixel[0] = pixel[1] = pixel[2] = static_cast<uint8_t>(luma(pixel));
  }
}

// Where a hue lies: between which channels, and how far.
struct Sector {
  float place;  // from 0 to 1 between two of the six pure colours
  double rest;  // 1 - place
  bool rising;  // the middle channel grows with the hue
  uint8_t most, least, middle;
};

Sector sector_of(int hue) {
  static const uint8_t kMost[6] = {0, 1, 1, 2, 2, 0}, kLeast[6] = {2, 2, 0, 0, 1, 1};
  const double sixths = hue * 6.0 / 255.0;
  const int number = static_cast<int>(sixths);
  const float place = static_cast<float>(sixths - number);
  const uint8_t most = kMost[number % 6], least = kLeast[number % 6];
  return {place, 1.0 - place, number % 2 == 0, most, least, static_cast<uint8_t>(3 - most - least)};
}

struct Sectors {
  Sector of[256];
  Sectors() {
    for (int hue = 0; hue < 256; ++hue) of[hue] = sector_of(hue);
  }
};

constexpr int64_t kPixelsAtOnce = 128;

// Hue, share of saturation, value and smallest channel of some pixels.
struct HsvBlock {
  int32_t hue[kPixelsAtOnce], value[kPixelsAtOnce], smallest[kPixelsAtOnce];
  float share[kPixelsAtOnce];
};

// Without branches, so that the compiler takes several pixels at once. Grey has a range of 0, with
// which its hue has no influence.
MINDTUNE_WIDE void split_hsv(const uint8_t* pixel, int64_t count, HsvBlock& block) {
  for (int64_t i = 0; i < count; ++i) {
    const int r = pixel[i * kChannels], g = pixel[i * kChannels + 1], b = pixel[i * kChannels + 2];
    const int value = std::max(r, std::max(g, b)), range = value - std::min(r, std::min(g, b));
    const float whole = static_cast<float>(std::max(range, 1));
    const float from_r = static_cast<float>(value - r) / whole;
    const float from_g = static_cast<float>(value - g) / whole;
    const float from_b = static_cast<float>(value - b) / whole;
    const float by_r = from_b - from_g;
    const float by_g = static_cast<float>(2.0 + from_r - from_b);
    const float by_b = static_cast<float>(4.0 + from_g - from_r);
    const float sixths = r == value ? by_r : g == value ? by_g : by_b;
    const double turn = sixths / 6.0 + 1.0;
    const float hue = static_cast<float>(turn >= 1.0 ? turn - 1.0 : turn);
    const float part = static_cast<float>(range) / static_cast<float>(std::max(value, 1));
    const int saturation = static_cast<int>(part * 255.0);
    const float share = static_cast<float>(saturation / 255.0);
    block.hue[i] = static_cast<int>(hue * 255.0);
    block.value[i] = value;
    block.share[i] = share;
    block.smallest[i] = static_cast<int>(value * (1.0 - share) + 0.5);
  }
}

// Saturation and value stay; the hue moves.
void turn_hue(const Pixels& image, float amount) {
  static const Sectors sectors;
  const int shift = static_cast<int>(amount);
  const int64_t count = image.height * image.width;
  HsvBlock block;
  for (int64_t first = 0; first < count; first += kPixelsAtOnce) {
    const int64_t some = std::min(kPixelsAtOnce, count - first);
    uint8_t* pixel = image.data + first * kChannels;
    split_hsv(pixel, some, block);
    for (int64_t i = 0; i < some; ++i, pixel += kChannels) {
      const Sector& sector = sectors.of[(block.hue[i] + shift) & 255];
      const float share = block.share[i], falling = share * sector.place;
      const double lost = sector.rising ? share * sector.rest : static_cast<double>(falling);
      pixel[sector.most] = static_cast<uint8_t>(block.value[i]);
      pixel[sector.least] = static_cast<uint8_t>(block.smallest[i]);
      pixel[sector.middle] = static_cast<uint8_t>(block.value[i] * (1.0 - lost) + 0.5);
    }
  }
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

void blur(const Pixels& image, float sigma) {
  const InstructionSet& rows_of_bytes = instruction_set();
  const BoxFilter f = box_filter(sigma);
  const int64_t size = image.height * image.width * kChannels;
  const int64_t longest = std::max(image.height, image.width) * kChannels;
  uint8_t* turned = workspace<uint8_t>(2, size);
  uint8_t* other = workspace<uint8_t>(3, size);
  uint32_t* sums = workspace<uint32_t>(1, longest);
  rows_of_bytes.transpose_pixels(image.data, image.width * kChannels, image.height, image.width,
                                 turned);
  rows_of_bytes.blur_rows(turned, other, image.height * kChannels, image.width, f, sums);
  rows_of_bytes.transpose_pixels(turned, image.height * kChannels, image.width, image.height,
                                 image.data);
  rows_of_bytes.blur_rows(image.data, other, image.width * kChannels, image.height, f, sums);
}

void solarise(const Pixels& image, float from) {
  uint8_t table[256];
  for (int value = 0; value < 256; ++value)
    table[value] = static_cast<uint8_t>(value < from ? value : 255 - value);
  map_levels(image, table);
}

void change_colours(const Pixels& image, const ColourPlan& plan) {
  for (int64_t i = 0; i < plan.count; ++i) {
    const float amount = plan.amounts[i];
    switch (static_cast<ColourStep>(plan.steps[i])) {
      case ColourStep::kBrightness:
        blend_with_level(image, 0, amount);
        break;
      case ColourStep::kContrast:
        blend_with_level(image, mean_luma(image), amount);
        break;
      case ColourStep::kSaturation:
        saturate(image, amount);
        break;
      case ColourStep::kHue:
        turn_hue(image, amount);
        break;
      case ColourStep::kGrey:
        remove_colour(image);
        break;
      case ColourStep::kBlur:
        blur(image, amount);
        break;
      case ColourStep::kSolarise:
        solarise(image, amount);
        break;
    }
  }
}

}  // namespace
}  // namespace mindtune

using namespace mindtune;

// uint8 (H, W, 3), box (4) -> uint8 (h, w, 3)
MINDTUNE_OPERATOR(ResizeBox) {
  const Arguments given("ResizeBox", 3, count, data, ranks, shapes, types);
  const Pixels image = pixels(given, 0);
  resize_box(image, box(given, 1, image), pixels(given, 2));
  return 0;
}

// steps (n), amounts (n) -> uint8 (H, W, 3), which the call changes
MINDTUNE_OPERATOR(ChangeColours) {
  const Arguments given("ChangeColours", 3, count, data, ranks, shapes, types);
  change_colours(pixels(given, 2), colour_plan(given, 0, 1));
  return 0;
}
