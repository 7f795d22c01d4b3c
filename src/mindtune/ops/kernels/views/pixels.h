// Images of bytes: as they come, and as the kernels keep them.
#pragma once

#include <cstdint>

// A second form for AVX2 of loops that compute with floats, which the processor's own loader
// chooses. No wider one: AVX2 alone has no fused multiply-add, which would round otherwise than
// Pillow and NumPy do.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MINDTUNE_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define MINDTUNE_WIDE
#endif

namespace mindtune {

constexpr int64_t kChannels = 3;

// Rows of pixels of three bytes.
struct Pixels {
  int64_t height, width;
  const uint8_t* data;
};

// The three channels one after the other, so that neighbours in memory are treated alike.
struct Planes {
  int64_t height, width;
  uint8_t* data;

  int64_t size() const { return height * width; }
  uint8_t* channel(int64_t c) const { return data + c * size(); }
};

// Bytes whose rows begin `stride` bytes apart, backwards where that is negative.
template <typename Byte>
struct ByteRows {
  Byte* data;
  int64_t stride;

  Byte* row(int64_t number) const { return data + number * stride; }
};

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

}  // namespace mindtune
