// To bytes of hue, saturation and value and back, with floats and doubles where Pillow has them.
// Choices are made among integers, so that the loop has no branches and the compiler takes several
// pixels at once; what they choose among in Pillow gives the same numbers.
#include "hue.h"

#include <algorithm>

namespace mindtune {
namespace {

// Changes no whole number but 0, which nothing is divided by.
constexpr float kTiny = 1e-30f;

// Level of the hue: 255 are a circle here. Grey gets any, with which its range of 0 has no
// influence.
inline int hue_of(int r, int g, int b, int value, int range) {
  const bool most_r = r == value, most_g = g == value;
  const int sixth = most_r ? 0 : most_g ? 2 : 4;
  const int up = value - (most_r   ? b
                          : most_g ? r
                                   : g),
            down = value - (most_r   ? g
                            : most_g ? b
                                     : r);
  const float whole = static_cast<float>(range) + kTiny;
  const float sixths = static_cast<float>(static_cast<double>(sixth) + up / whole -
                                          static_cast<double>(down / whole));
  const double turn = sixths / 6.0 + 1.0;
  const float hue = static_cast<float>(turn - static_cast<int>(turn));  // turn is below 2
  return static_cast<int>(hue * 255.0);
}

// `a` or `b` where their conditions hold, else `other`; not both hold.
inline uint8_t one_of(int other, int a, bool is_a, int b, bool is_b) {
  return static_cast<uint8_t>(other + (a - other) * is_a + (b - other) * is_b);
}

}  // namespace

MINDTUNE_WIDE void turn_hue(const Planes& image, int shift) {
  uint8_t* __restrict reds = image.channel(0);
  uint8_t* __restrict greens = image.channel(1);
  uint8_t* __restrict blues = image.channel(2);
  const int64_t count = image.size();
  for (int64_t i = 0; i < count; ++i) {
    const int r = reds[i], g = greens[i], b = blues[i];
    const int value = std::max(r, std::max(g, b)), range = value - std::min(r, std::min(g, b));
    const int hue = (hue_of(r, g, b, value, range) + shift) & 255;
    const float part = static_cast<float>(range) / (static_cast<float>(value) + kTiny);
    const float share = static_cast<float>(static_cast<int>(part * 255.0) / 255.0);
    // The hue lies between two of six pure colours, `place` from the first: one channel is the
    // largest there, one the smallest, and the middle one grows in every other sixth.
    const double sixths = hue * 6.0 / 255.0;
    const int sixth = static_cast<int>(sixths);
    const float place = static_cast<float>(sixths - sixth), falling = share * place;
    const double rises = 1 - (sixth & 1);
    const double lost = rises * (share * (1.0 - place)) + (1.0 - rises) * falling;
    const int smallest = static_cast<int>(value * (1.0 - share) + 0.5);
    const int middle = static_cast<int>(value * (1.0 - lost) + 0.5);
    // The seventh sixth is the first.
    reds[i] = one_of(middle, value, (sixth == 0) | (sixth >= 5), smallest, (sixth >> 1) == 1);
    greens[i] = one_of(middle, value, (sixth == 1) | (sixth == 2), smallest, (sixth | 1) == 5);
    blues[i] =
        one_of(middle, value, (sixth == 3) | (sixth == 4), smallest, (sixth <= 1) | (sixth == 6));
  }
}

}  // namespace mindtune
