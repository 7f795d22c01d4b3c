// Arrays whose axes change places.
#pragma once

#include <cstdint>
#include <vector>

namespace mindtune {

// y (sizes[axes[0]], sizes[axes[1]], ...) of x (sizes...): axis i of y is axis axes[i] of x. The
// work is shared among the threads, and every number has one writer.
void permute_axes(const std::vector<int64_t>& sizes, const std::vector<int>& axes, const float* x,
                  float* y);

}  // namespace mindtune
