#include "permuted_axes.h"

#include <algorithm>
#include <cstring>

namespace mindtune {
namespace {

constexpr int64_t kTile = 32;  // a square of so many numbers stays in the nearest cache
constexpr int64_t kWorthSharing = 32768;

// An axis of y, and how far apart its entries lie.
struct Axis {
  int64_t size, in_x, in_y;
};

// Axes of y without those of one entry; neighbours that are neighbours in x too are one.
std::vector<Axis> axes_of(const std::vector<int64_t>& sizes, const std::vector<int>& axes) {
  std::vector<int64_t> steps(sizes.size(), 1);
  for (size_t axis = sizes.size(); axis-- > 1;) steps[axis - 1] = steps[axis] * sizes[axis];
  std::vector<Axis> found;
  int64_t in_y = 1;
  for (size_t i = axes.size(); i-- > 0;) {
    const int64_t size = sizes[axes[i]], in_x = steps[axes[i]];
    if (size == 1) continue;
    if (!found.empty() && in_x == found.back().in_x * found.back().size)
      found.back().size *= size;
    else
      found.push_back({size, in_x, in_y});
    in_y *= size;
  }
  if (found.empty()) found.push_back({1, 1, 1});
  std::reverse(found.begin(), found.end());
  return found;
}

// Where the `number`-th of all combinations of entries begins in x and in y.
struct Place {
  int64_t in_x, in_y;
};

Place place_of(const std::vector<Axis>& axes, int64_t number) {
  Place place = {0, 0};
  for (size_t i = axes.size(); i-- > 0;) {
    place.in_x += number % axes[i].size * axes[i].in_x;
    place.in_y += number % axes[i].size * axes[i].in_y;
    number /= axes[i].size;
  }
  return place;
}

int64_t total_of(const std::vector<Axis>& axes) {
  int64_t product = 1;
  for (const Axis& axis : axes) product *= axis.size;
  return product;
}

void copy_runs(std::vector<Axis> outer, int64_t run, const float* x, float* y) {
  const Axis inner = outer.empty() ? Axis{1, 0, 0} : outer.back();
  if (!outer.empty()) outer.pop_back();
  const int64_t groups = total_of(outer);
#pragma omp parallel for schedule(static) if (groups * inner.size * run > kWorthSharing)
  for (int64_t number = 0; number < groups; ++number) {
    const Place place = place_of(outer, number);
    for (int64_t i = 0; i < inner.size; ++i)
      std::memcpy(y + place.in_y + i * inner.in_y, x + place.in_x + i * inner.in_x,
                  run * sizeof(float));
  }
}

// `across` are neighbours in x, `down` in y.
void copy_tile(const Axis& across, const Axis& down, const float* x, float* y) {
  for (int64_t i = 0; i < across.size; ++i)
    for (int64_t j = 0; j < down.size; ++j) y[i * across.in_y + j] = x[i + j * down.in_x];
}

void copy_tiles(const std::vector<Axis>& outer, Axis across, Axis down, const float* x, float* y) {
  const int64_t squares = total_of(outer), numbers = squares * across.size * down.size;
#pragma omp parallel for collapse(2) schedule(static) if (numbers > kWorthSharing)
  for (int64_t number = 0; number < squares; ++number)
    for (int64_t i = 0; i < across.size; i += kTile) {
      const Place place = place_of(outer, number);
      const Axis narrow = {std::min(kTile, across.size - i), 1, across.in_y};
      for (int64_t j = 0; j < down.size; j += kTile) {
        const Axis low = {std::min(kTile, down.size - j), down.in_x, 1};
        copy_tile(narrow, low, x + place.in_x + i + j * down.in_x,
                  y + place.in_y + i * across.in_y + j);
      }
    }
}

}  // namespace

void permute_axes(const std::vector<int64_t>& sizes, const std::vector<int>& axes, const float* x,
                  float* y) {
  std::vector<Axis> outer = axes_of(sizes, axes);
  const Axis down = outer.back();
  outer.pop_back();
  if (down.in_x == 1) return copy_runs(outer, down.size, x, y);
  const auto across =
      std::find_if(outer.begin(), outer.end(), [](const Axis& axis) { return axis.in_x == 1; });
  const Axis found = *across;
  outer.erase(across);
  copy_tiles(outer, found, down, x, y);
}

}  // namespace mindtune
