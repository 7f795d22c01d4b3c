// What the kernels that shrink maps are told.
#pragma once

#include "arguments.h"

namespace mindtune {

// Square maps of `side`, `maps` to a sample.
struct Shrinking {
  int64_t batch, maps, side;
};

// Side of a map after one 3 x 3 convolution of stride 2 without padding.
inline int64_t shrunk(int64_t side) { return (side - 3) / 2 + 1; }

// Arguments 0 to 2: maps (B, P, d, d) and two weights (P, P, 3, 3).
inline Shrinking shrinking(const Arguments& given) {
  given.floats(0, 4);
  const Shrinking s = {given.size(0, 0), given.size(0, 1), given.size(0, 2)};
  given.require_shape(0, {s.batch, s.maps, s.side, s.side});
  given.require(s.batch > 0 && s.maps > 0 && s.side >= 7, "at least one map of 7 x 7");
  for (const int weight : {1, 2}) given.require_shape(weight, {s.maps, s.maps, 3, 3});
  return s;
}

inline float* shrunk_maps(const Arguments& given, int index, const Shrinking& s) {
  const int64_t side = shrunk(shrunk(s.side));
  given.require_shape(index, {s.batch, s.maps, side, side});
  return given.floats(index, 4);
}

}  // namespace mindtune
