// The two 16-bit floats, by their bits.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "cuda_bf16.h"
#include "cuda_fp16.h"

namespace {

uint32_t bits_of(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

float float_of(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace

float __bfloat162float(__nv_bfloat16 value) { return float_of(uint32_t{value.bits} << 16); }

__nv_bfloat16 __float2bfloat16_rn(float value) {
  if (std::isnan(value)) return {0x7fff};
  const uint32_t bits = bits_of(value), odd = bits >> 16 & 1;
  return {static_cast<uint16_t>((bits + 0x7fff + odd) >> 16)};
}

float __half2float(__half value) {
  const uint32_t sign = uint32_t{value.bits} >> 15 << 31;
  const int exponent = value.bits >> 10 & 31, fraction = value.bits & 1023;
  if (exponent == 31) return float_of(sign | 0x7f800000 | static_cast<uint32_t>(fraction) << 13);
  const float size = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                                   : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
  return float_of(sign | bits_of(size));
}

__half __float2half_rn(float value) {
  const uint16_t sign = bits_of(value) >> 31 << 15;
  if (std::isnan(value)) return {0x7fff};
  const float size = std::fabs(value);
  if (size >= 65520) return {static_cast<uint16_t>(sign | 0x7c00)};
  if (size == 0) return {sign};
  const int unit = std::max(std::ilogb(size) - 10, -24);
  // Rounds ties to even; a carry moves into the exponent by itself.
  const int count = static_cast<int>(std::nearbyint(std::ldexp(size, -unit)));
  return {static_cast<uint16_t>(sign | (((unit + 24) << 10) + count))};
}
