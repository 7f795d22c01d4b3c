// Views of an image, from its bytes to what a network takes: check the arguments, then run.
#include "arguments.h"
#include "views/box_resizing.h"
#include "views/colour_changes.h"
#include "workspace.h"

namespace mindtune {
namespace {

constexpr int64_t kPlanNumbers = 6;

// A view: where it lies, and how many colour steps it takes of those that are left.
struct ViewPlan {
  Box box;
  bool flipped;
  int64_t steps;
};

ViewPlan view_plan(const int32_t* numbers) {
  return {{numbers[0], numbers[1], numbers[2], numbers[3]}, numbers[4] != 0, numbers[5]};
}

// Crops of one size of all images of a batch: those of an image lie `batch` apart.
struct Crops {
  int64_t views, batch;
  int64_t height, width;
  float* data;

  float* crop(int64_t view, int64_t place) const {
    return data + (view * batch + place) * kChannels * height * width;
  }
};

Pixels image_of(const Arguments& given, int index) {
  const Pixels image = {given.size(index, 0), given.size(index, 1), given.bytes(index, 3)};
  given.require(image.height > 0 && image.width > 0, "an image with pixels");
  given.require_shape(index, {image.height, image.width, kChannels});
  return image;
}

Crops crops_of(const Arguments& given, int index) {
  float* data = given.floats(index, 5);
  const Crops crops = {given.size(index, 0), given.size(index, 1), given.size(index, 3),
                       given.size(index, 4), data};
  given.require_shape(index, {crops.views, crops.batch, kChannels, crops.height, crops.width});
  given.require(crops.height > 0 && crops.width > 0, "crops with pixels");
  return crops;
}

// int32 (views, 6)
const int32_t* plans_of(const Arguments& given, int index, int64_t views, const Pixels& image) {
  const int32_t* plans = given.integer_matrix(index);
  given.require_shape(index, {views, kPlanNumbers});
  for (int64_t i = 0; i < views; ++i) {
    const Box box = view_plan(plans + i * kPlanNumbers).box;
    given.require(0 <= box.left && box.left < box.right && box.right <= image.width &&
                      0 <= box.top && box.top < box.bottom && box.bottom <= image.height,
                  "a box inside the image");
  }
  return plans;
}

// int32 codes (n) and float32 amounts (n), as many as the plans say.
ColourPlan colours_of(const Arguments& given, int steps, int amounts, const int32_t* plans,
                      int64_t views) {
  const ColourPlan all = {given.size(steps, 0), given.integers(steps), given.floats(amounts, 1)};
  given.require_shape(amounts, {all.count});
  for (int64_t i = 0; i < all.count; ++i)
    given.require(all.steps[i] >= 0 && all.steps[i] < kColourSteps, "known steps");
  int64_t planned = 0;
  for (int64_t i = 0; i < views; ++i) {
    const int64_t here = view_plan(plans + i * kPlanNumbers).steps;
    given.require(here >= 0, "no view with fewer than no steps");
    planned += here;
  }
  given.require(planned == all.count, "as many steps as the views have");
  return all;
}

int64_t place_of(const Arguments& given, int index, const Crops& some, const Crops& others) {
  given.require_shape(index, {1});
  const int64_t place = given.integers(index)[0];
  given.require(0 <= place && place < some.batch && some.batch == others.batch,
                "a place in the batch");
  return place;
}

// Levels times `scale` and plus `bias` of their channel.
MINDTUNE_WIDE void write_levels(const Planes& view, const float* scale, const float* bias,
                                float* out) {
  for (int64_t c = 0; c < kChannels; ++c, out += view.size()) {
    const uint8_t* levels = view.channel(c);
    const float factor = scale[c], summand = bias[c];
    for (int64_t i = 0; i < view.size(); ++i) out[i] = levels[i] * factor + summand;
  }
}

// Views of one size, as `plans` say; what is left of `colours`.
ColourPlan make_views(const TurnedImage& image, const int32_t* plans, ColourPlan colours,
                      const float* scale_and_bias, int64_t place, const Crops& crops) {
  uint8_t* memory = workspace<uint8_t>(3, kChannels * crops.height * crops.width);
  const Planes view = {crops.height, crops.width, memory};
  for (int64_t i = 0; i < crops.views; ++i) {
    const ViewPlan plan = view_plan(plans + i * kPlanNumbers);
    resize_box(image, plan.box, plan.flipped, view);
    change_colours(view, {plan.steps, colours.steps, colours.amounts});
    write_levels(view, scale_and_bias, scale_and_bias + kChannels, crops.crop(i, place));
    colours = {colours.count - plan.steps, colours.steps + plan.steps,
               colours.amounts + plan.steps};
  }
  return colours;
}

}  // namespace
}  // namespace mindtune

using namespace mindtune;

// uint8 (H, W, 3); plans (G + L, 6): left, top, right, bottom, flipped, number of steps; steps (n);
// amounts (n); scale and bias (2, 3); place (1) -> in that place of B the crops (G, B, 3, h, w) and
// (L, B, 3, h', w'). The others are left as they were.
MINDTUNE_OPERATOR(MakeViews) {
  const Arguments given("MakeViews", 8, count, data, ranks, shapes, types);
  const Pixels image = image_of(given, 0);
  const Crops whole = crops_of(given, 6), local = crops_of(given, 7);
  const int64_t views = whole.views + local.views;
  const int32_t* plans = plans_of(given, 1, views, image);
  const ColourPlan colours = colours_of(given, 2, 3, plans, views);
  given.require_shape(4, {2, kChannels});
  const float* scale_and_bias = given.floats(4, 2);
  const int64_t place = place_of(given, 5, whole, local);
  const TurnedImage columns = turned(image);
  const ColourPlan left = make_views(columns, plans, colours, scale_and_bias, place, whole);
  make_views(columns, plans + whole.views * kPlanNumbers, left, scale_and_bias, place, local);
  return 0;
}
