// In place of CUDA's own header.
#pragma once

#include <cstdint>

struct __nv_bfloat16 {
  uint16_t bits;
};

float __bfloat162float(__nv_bfloat16 value);
__nv_bfloat16 __float2bfloat16_rn(float value);  // to nearest, ties to even
