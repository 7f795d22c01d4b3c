// Bicubic resizing of parts of an image, bit for bit Pillow's.
#pragma once

#include "views/pixels.h"

namespace mindtune {

// Columns as rows: channel c of column x is row 3 x + c, of `height` bytes.
struct TurnedImage {
  int64_t height, width;
  const uint8_t* data;
};

// Part of an image: rows `top` to `bottom` and columns `left` to `right`, the ends exclusive.
struct Box {
  int64_t left, top, right, bottom;
};

// Valid until the next call on this thread.
TurnedImage turned(const Pixels& image);

// `flipped`: left to right.
void resize_box(const TurnedImage& image, const Box& box, bool flipped, const Planes& out);

}  // namespace mindtune
