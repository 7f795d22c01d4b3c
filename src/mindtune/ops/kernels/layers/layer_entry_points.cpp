// Operators of a transformer's layers on the CPU: check the arguments, then run.
#include "arguments.h"
#include "instruction_set.h"

using namespace mindtune;

namespace {

void activate(const Arguments& given, void (*run)(int64_t, const float*, float*)) {
  given.require(given.total(1) == given.total(0), "another shape of argument 1");
  run(given.total(0), given.floats(0), given.floats(1));
}

void differentiate(const Arguments& given,
                   void (*run)(int64_t, const float*, const float*, float*)) {
  for (const int like_x : {1, 2})
    given.require(given.total(like_x) == given.total(0),
                  "another shape of argument " + std::to_string(like_x));
  run(given.total(0), given.floats(0), given.floats(1), given.floats(2));
}

}  // namespace

// x -> y, of any shape
MINDTUNE_OPERATOR(Gelu) {
  activate(Arguments("Gelu", 2, count, data, ranks, shapes, types), instruction_set().gelu);
  return 0;
}

// x, dy -> dx
MINDTUNE_OPERATOR(GeluGradient) {
  differentiate(Arguments("GeluGradient", 3, count, data, ranks, shapes, types),
                instruction_set().differentiate_gelu);
  return 0;
}

// x -> y, of any shape
MINDTUNE_OPERATOR(QuickGelu) {
  activate(Arguments("QuickGelu", 2, count, data, ranks, shapes, types),
           instruction_set().quick_gelu);
  return 0;
}

// x, dy -> dx
MINDTUNE_OPERATOR(QuickGeluGradient) {
  differentiate(Arguments("QuickGeluGradient", 3, count, data, ranks, shapes, types),
                instruction_set().differentiate_quick_gelu);
  return 0;
}

// x (..., D), weight (D), bias (D), eps (1) -> y (..., D), mean and inverse deviation (rows, 2)
MINDTUNE_OPERATOR(LayerNorm) {
  const Arguments given("LayerNorm", 6, count, data, ranks, shapes, types);
  const Rows s = rows_of(given);
  given.require_shape(3, {1});
  instruction_set().normalise_rows(
      s, {given.floats(0), channel_vector(given, 1, s), channel_vector(given, 2, s),
          given.floats(3, 1)[0], like_rows(given, 4, s), row_statistics(given, 5, s)});
  return 0;
}

// x, weight, statistics, dy -> dx
MINDTUNE_OPERATOR(LayerNormGradient) {
  const Arguments given("LayerNormGradient", 5, count, data, ranks, shapes, types);
  const Rows s = rows_of(given);
  instruction_set().differentiate_rows(
      s, {given.floats(0), channel_vector(given, 1, s), row_statistics(given, 2, s),
          like_rows(given, 3, s), like_rows(given, 4, s)});
  return 0;
}

// x, statistics, dy -> dweight, dbias
MINDTUNE_OPERATOR(LayerNormParametersGradient) {
  const Arguments given("LayerNormParametersGradient", 5, count, data, ranks, shapes, types);
  const Rows s = rows_of(given);
  instruction_set().differentiate_norm_parameters(
      s, {given.floats(0), row_statistics(given, 1, s), like_rows(given, 2, s),
          channel_vector(given, 3, s), channel_vector(given, 4, s)});
  return 0;
}
