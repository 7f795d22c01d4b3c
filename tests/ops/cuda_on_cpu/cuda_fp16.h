// In place of CUDA's own header.
#pragma once

#include <cstdint>

struct __half {
  uint16_t bits;
};

float __half2float(__half value);
__half __float2half_rn(float value);  // to nearest, ties to even
