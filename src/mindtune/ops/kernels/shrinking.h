// The sizes of the moment head's convolutions.
#pragma once

#include <cstdint>

namespace mindtune {

// Square maps of `side`, `maps` to a sample, that two convolutions shrink.
struct Shrinking {
  int64_t batch, maps, side;
};

// Side of a map after one 3 x 3 convolution of stride 2 without padding.
inline int64_t shrunk(int64_t side) { return (side - 3) / 2 + 1; }

}  // namespace mindtune
