#include "copies/permuted_axes.h"

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

// Removes one of the axes.
Axis taken_out(std::vector<Axis>& axes, std::vector<Axis>::iterator which) {
  const Axis found = *which;
  axes.erase(which);
  return found;
}

void copy_run(const float* x, int64_t run, float* y) {
  constexpr int64_t kWorthACall = 16;
  if (run >= kWorthACall) {
    std::memcpy(y, x, run * sizeof(float));
    return;
  }
  for (int64_t i = 0; i < run; ++i) y[i] = x[i];
}

// Numbers that are neighbours in both. The longest axis is left to the innermost loop, which finds
// its places by adding.
void copy_runs(std::vector<Axis> outer, int64_t run, const float* x, float* y) {
  if (outer.empty()) outer.push_back({1, 0, 0});
  const auto shorter = [](const Axis& one, const Axis& other) { return one.size < other.size; };
  const Axis longest = taken_out(outer, std::max_element(outer.begin(), outer.end(), shorter));
  const int64_t groups = total_of(outer);
#pragma omp parallel for schedule(static) if (groups * longest.size * run > kWorthSharing)
  for (int64_t number = 0; number < groups; ++number) {
    const Place place = place_of(outer, number);
    for (int64_t i = 0; i < longest.size; ++i)
      copy_run(x + place.in_x + i * longest.in_x, run, y + place.in_y + i * longest.in_y);
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
  const Axis found = taken_out(outer, across);
  copy_tiles(outer, found, down, x, y);
}

}  // namespace mindtune
