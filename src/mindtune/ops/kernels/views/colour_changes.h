// Changes of colour and sharpness, bit for bit Pillow's.
#pragma once

#include "views/pixels.h"

namespace mindtune {

// In the order of their codes.
enum class ColourStep { kBrightness, kContrast, kSaturation, kHue, kGrey, kBlur, kSolarise };
constexpr int kColourSteps = 7;

struct ColourPlan {
  int64_t count;
  const int32_t* steps;
  const float* amounts;
};

// One step after the other, in place.
void change_colours(const Planes& image, const ColourPlan& plan);

}  // namespace mindtune
