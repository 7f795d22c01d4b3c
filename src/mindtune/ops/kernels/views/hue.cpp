// To bytes of hue, saturation and value and back. Pillow takes doubles for some of it; floats give
// the same bytes, as tests see that go through every colour. Choices are made among
// integers, so that the loop has no branches and the compiler takes several pixels at once.
#include "views/hue.h"

#include <algorithm>

namespace mindtune {
namespace {

// Changes no whole number but 0, by which nothing is to be divided.
constexpr float kTiny = 1e-30f;

// Level of the hue: 255 are a circle here. Grey gets any, since its saturation is 0.
inline int hue_of(int r, int g, int b, int value, int range) {
  const bool most_r = r == value, most_g = g == value;
  const int pure = most_r ? 0 : most_g ? 2 : 4;  // sixths from red
  const int up = value - (most_r ? b : most_g ? r : g);
  const int down = value - (most_r ? g : most_g ? b : r);
  const bool forwards = up == range;  // else `down` is
  const int whole = pure + (forwards ? 1 : -1), part = forwards ? -down : up;
  const float sixths = whole + part / (range + kTiny);
  const float turn = sixths / 6.0f - (whole >> 31);  // plus 1 below 0
  return static_cast<int>(turn * 255.0f);
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
    const int saturation = static_cast<int>(range / (value + kTiny) * 255.0f);
    const float share = saturation / 255.0f;
    // The hue lies between two of six pure colours, `place` from the first: one channel is the
    // largest there, one the smallest, and the middle one grows in every other sixth.
    const int sixth = hue * 1543 >> 16;  // hue * 6 / 255
    const int past = hue * 6 - sixth * 255, rises = ~sixth & 1;
    const float lost = share * ((rises * 255 + (1 - 2 * rises) * past) / 255.0f);
    const int smallest = static_cast<int>(value * (1.0f - share) + 0.5f);
    const int middle = static_cast<int>(value * (1.0f - lost) + 0.5f);
    // The seventh sixth is the first.
    reds[i] = one_of(middle, value, (sixth == 0) | (sixth >= 5), smallest, sixth >> 1 == 1);
    greens[i] = one_of(middle, value, (sixth == 1) | (sixth == 2), smallest, (sixth | 1) == 5);
    blues[i] =
        one_of(middle, value, (sixth == 3) | (sixth == 4), smallest, (sixth <= 1) | (sixth == 6));
  }
}

}  // namespace mindtune
