// Images of bytes, and what is done to them.
#pragma once

#include "arguments.h"

namespace mindtune {

constexpr int64_t kChannels = 3;

constexpr int kWeightBits = 22;  // binary places of the weights of resizing
constexpr int kBoxes = 3;        // boxes that stand for a Gaussian

// Output place i is the sum of `count[i]` inputs from `first[i]` on, weights at i * `room`.
struct Weights {
  int64_t room;
  int32_t *first, *count, *value;
};

// A box of a fractional radius: whole pixels weigh `inner`, the two at the ends `outer`, of 2^24.
struct BoxFilter {
  int64_t radius;
  uint32_t inner, outer;
};

// Rows of pixels of three bytes.
struct Pixels {
  int64_t height, width;
  uint8_t* data;
};

// Part of an image: rows `top` to `bottom` and columns `left` to `right`, the ends exclusive.
struct Box {
  int64_t left, top, right, bottom;
};

// The operations of ChangeColours, in the order of their codes.
enum class ColourStep { kBrightness, kContrast, kSaturation, kHue, kGrey, kBlur, kSolarise };
constexpr int kColourSteps = 7;

struct ColourPlan {
  int64_t count;
  const int32_t* steps;
  const float* amounts;
};

// uint8 (H, W, 3)
inline Pixels pixels(const Arguments& given, int index) {
  const Pixels image = {given.size(index, 0), given.size(index, 1), given.bytes(index, 3)};
  given.require(image.height > 0 && image.width > 0, "an image with pixels");
  given.require_shape(index, {image.height, image.width, kChannels});
  return image;
}

// int32 (4): left, top, right, bottom, inside the image.
inline Box box(const Arguments& given, int index, const Pixels& image) {
  given.require_shape(index, {4});
  const int32_t* side = given.integers(index);
  const Box box = {side[0], side[1], side[2], side[3]};
  given.require(0 <= box.left && box.left < box.right && box.right <= image.width && 0 <= box.top &&
                    box.top < box.bottom && box.bottom <= image.height,
                "a box inside the image");
  return box;
}

// int32 codes (n) and float32 amounts (n)
inline ColourPlan colour_plan(const Arguments& given, int steps, int amounts) {
  const ColourPlan plan = {given.size(steps, 0), given.integers(steps), given.floats(amounts, 1)};
  given.require_shape(amounts, {plan.count});
  for (int64_t i = 0; i < plan.count; ++i)
    given.require(plan.steps[i] >= 0 && plan.steps[i] < kColourSteps, "known steps");
  return plan;
}

}  // namespace mindtune
