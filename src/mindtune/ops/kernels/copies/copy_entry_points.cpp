// Operators that put numbers elsewhere, on the CPU: check the arguments, then copy. Options speak
// by the shape of an argument of which nothing else counts.
#include "arguments.h"
#include "copies/permuted_axes.h"
#include "copies/windows.h"

using namespace mindtune;

namespace {

// Axis i of `permuted` is axis order[i] of `plain`; argument 1 has the shape (order[i] + 1, ...).
std::vector<int> order_of(const Arguments& given, int plain, int permuted) {
  const int rank = given.rank(1);
  given.require_rank(plain, rank);
  given.require_rank(permuted, rank);
  std::vector<int> order;
  std::vector<bool> taken(rank, false);
  for (int i = 0; i < rank; ++i) {
    const int64_t axis = given.size(1, i) - 1;
    given.require(axis >= 0 && axis < rank && !taken[axis], "every axis once");
    taken[axis] = true;
    order.push_back(static_cast<int>(axis));
    given.require(given.size(permuted, i) == given.size(plain, order.back()),
                  "another shape of argument 2");
  }
  given.require(given.total(0) > 0, "at least one number");
  return order;
}

std::vector<int64_t> sizes_of(const Arguments& given, int index) {
  std::vector<int64_t> sizes;
  for (int axis = 0; axis < given.rank(index); ++axis) sizes.push_back(given.size(index, axis));
  return sizes;
}

// Tokens (B, H W, C), windows (B rows columns, h w, C), both given by the numbers of their
// arguments; argument 1 has the shape (H, W), argument 2 (h, w, shift_y + 1, shift_x + 1).
Windows windows_of(const Arguments& given, int tokens, int windows) {
  for (const int three : {tokens, windows}) given.require_rank(three, 3);
  given.require_rank(1, 2);
  given.require_rank(2, 4);
  given.require(given.total(1) > 0 && given.total(2) > 0, "a grid, a window and a shift");
  Windows s;
  s.batch = given.size(tokens, 0), s.channels = given.size(tokens, 2);
  s.height = given.size(1, 0), s.width = given.size(1, 1);
  s.window_height = given.size(2, 0), s.window_width = given.size(2, 1);
  s.shift_y = given.size(2, 2) - 1, s.shift_x = given.size(2, 3) - 1;
  given.require(given.total(tokens) > 0, "at least one token of one channel");
  given.require_shape(tokens, {s.batch, s.height * s.width, s.channels});
  given.require_shape(windows, {s.batch * s.rows() * s.columns(), s.area(), s.channels});
  return s;
}

void split(const Arguments& given) {
  split_windows(windows_of(given, 0, 3), given.floats(0), given.floats(3));
}

void join(const Arguments& given) {
  join_windows(windows_of(given, 3, 0), given.floats(0), given.floats(3));
}

}  // namespace

// x, order -> y
MINDTUNE_OPERATOR(PermuteAxes) {
  const Arguments given("PermuteAxes", 3, count, data, ranks, shapes, types);
  const auto order = order_of(given, 0, 2);
  permute_axes(sizes_of(given, 0), order, given.floats(0), given.floats(2));
  return 0;
}

// dy, order -> dx
MINDTUNE_OPERATOR(PermuteAxesGradient) {
  const Arguments given("PermuteAxesGradient", 3, count, data, ranks, shapes, types);
  const auto order = order_of(given, 2, 0);
  std::vector<int> back(order.size());
  for (size_t i = 0; i < order.size(); ++i) back[order[i]] = static_cast<int>(i);
  permute_axes(sizes_of(given, 0), back, given.floats(0), given.floats(2));
  return 0;
}

// tokens, grid, window -> windows
MINDTUNE_OPERATOR(SplitWindows) {
  split(Arguments("SplitWindows", 4, count, data, ranks, shapes, types));
  return 0;
}

// dwindows, grid, window -> dtokens. Gradients are symbols of their own: they have none.
MINDTUNE_OPERATOR(SplitWindowsGradient) {
  join(Arguments("SplitWindowsGradient", 4, count, data, ranks, shapes, types));
  return 0;
}

// windows, grid, window -> tokens
MINDTUNE_OPERATOR(JoinWindows) {
  join(Arguments("JoinWindows", 4, count, data, ranks, shapes, types));
  return 0;
}

// dtokens, grid, window -> dwindows
MINDTUNE_OPERATOR(JoinWindowsGradient) {
  split(Arguments("JoinWindowsGradient", 4, count, data, ranks, shapes, types));
  return 0;
}
