// Turning the hue of an image, bit for bit as by way of Pillow's HSV.
#pragma once

#include "views/pixels.h"

namespace mindtune {

// Saturation and value stay; levels of hue, of which 256 are a circle, move by `shift`.
void turn_hue(const Planes& image, int shift);

}  // namespace mindtune
