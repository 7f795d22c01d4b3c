// Linear layers on the CPU: check the arguments, then multiply.
#include "arguments.h"
#include "instruction_set.h"
#include "matrix_product.h"

using namespace mindtune;

namespace {

// x (..., I), weight (O, I) and perhaps bias (O); argument `y_index` is the output.
void map_rows(const Arguments& given, bool biased, int y_index) {
  const Rows x = rows_of(given);
  const float* weight = given.floats(1, 2);
  const Rows y = {x.rows, given.size(1, 0)};
  given.require_shape(1, {y.dim, x.dim});
  given.require(y.dim > 0, "at least one channel");
  const float* bias = biased ? channel_vector(given, 2, y) : nullptr;
  multiply(x.rows, y.dim, x.dim, {given.floats(0), x.dim, false}, {weight, x.dim, true}, bias,
           like_rows(given, y_index, y));
}

}  // namespace

// x (..., I), weight (O, I), bias (O) -> y (..., O)
MINDTUNE_OPERATOR(Linear) {
  map_rows(Arguments("Linear", 4, count, data, ranks, shapes, types), true, 3);
  return 0;
}

// x (..., I), weight (O, I) -> y (..., O). A symbol of its own: MindSpore takes operators of one
// symbol for one and the same, and would call the gradient of the other.
MINDTUNE_OPERATOR(LinearWithoutBias) {
  map_rows(Arguments("LinearWithoutBias", 3, count, data, ranks, shapes, types), false, 2);
  return 0;
}

// dy (..., O), weight (O, I) -> dx (..., I)
MINDTUNE_OPERATOR(LinearInputGradient) {
  const Arguments given("LinearInputGradient", 3, count, data, ranks, shapes, types);
  const Rows dy = rows_of(given);
  const float* weight = given.floats(1, 2);
  const Rows dx = {dy.rows, given.size(1, 1)};
  given.require_shape(1, {dy.dim, dx.dim});
  given.require(dx.dim > 0, "at least one channel");
  multiply(dy.rows, dx.dim, dy.dim, {given.floats(0), dy.dim, false}, {weight, dx.dim, false},
           nullptr, like_rows(given, 2, dx));
  return 0;
}

// dy (..., O), x (..., I) -> dweight (O, I)
MINDTUNE_OPERATOR(LinearWeightGradient) {
  const Arguments given("LinearWeightGradient", 3, count, data, ranks, shapes, types);
  const Rows dy = rows_of(given);
  const Rows x = {dy.rows, given.size(1, given.rank(1) - 1)};
  const float* rows = like_rows(given, 1, x);
  given.require_shape(2, {dy.dim, x.dim});
  multiply(dy.dim, x.dim, dy.rows, {given.floats(0), dy.dim, true}, {rows, x.dim, false}, nullptr,
           given.floats(2, 2));
  return 0;
}

// Whether linear layers can be run: 1 or 0.
extern "C" __attribute__((visibility("default"))) int HasMatrixProduct() {
  return has_matrix_product() ? 1 : 0;
}
