// Operators on rows with a number a channel, a sample or a row: check the arguments, then run.
#include "arguments.h"
#include "instruction_set.h"

using namespace mindtune;

// x (..., C), scale (C), shift (C) -> y (..., C)
MINDTUNE_OPERATOR(ChannelMap) {
  const Arguments given("ChannelMap", 4, count, data, ranks, shapes, types);
  const Rows s = rows_of(given);
  instruction_set().map_channels(s, {given.floats(0), channel_vector(given, 1, s),
                                     channel_vector(given, 2, s), like_rows(given, 3, s)});
  return 0;
}

// dy (..., C), scale (C) -> dx (..., C)
MINDTUNE_OPERATOR(ChannelMapInputGradient) {
  const Arguments given("ChannelMapInputGradient", 3, count, data, ranks, shapes, types);
  const Rows s = rows_of(given);
  instruction_set().map_channels(
      s, {given.floats(0), channel_vector(given, 1, s), nullptr, like_rows(given, 2, s)});
  return 0;
}

// x (..., C), dy (..., C) -> sum of x dy over all rows (C)
MINDTUNE_OPERATOR(RowProductsSum) {
  const Arguments given("RowProductsSum", 3, count, data, ranks, shapes, types);
  const Rows s = rows_of(given);
  instruction_set().add_up_products(s, given.floats(0), like_rows(given, 1, s),
                                    channel_vector(given, 2, s));
  return 0;
}

// x (..., C) -> sum over all rows (C)
MINDTUNE_OPERATOR(RowsSum) {
  const Arguments given("RowsSum", 2, count, data, ranks, shapes, types);
  const Rows s = rows_of(given);
  instruction_set().add_up_rows(s, given.floats(0), channel_vector(given, 1, s));
  return 0;
}

namespace {

void scale_samples(const Arguments& given) {
  const Rows s = samples_of(given);
  given.require_shape(1, {s.rows});
  instruction_set().scale_rows(s, given.floats(0), given.floats(1, 1), like_rows(given, 2, s));
}

}  // namespace

// x (B, ...), factors (B) -> y (B, ...)
MINDTUNE_OPERATOR(SampleScale) {
  scale_samples(Arguments("SampleScale", 3, count, data, ranks, shapes, types));
  return 0;
}

// dy (B, ...), factors (B) -> dx (B, ...). A symbol of its own, for it has no gradient.
MINDTUNE_OPERATOR(SampleScaleGradient) {
  scale_samples(Arguments("SampleScaleGradient", 3, count, data, ranks, shapes, types));
  return 0;
}

namespace {

void drop_out(const Arguments& given) {
  const Rows s = samples_of(given);
  given.require_shape(1, {s.rows});
  given.require_shape(2, {1});
  const float keep = given.floats(2, 1)[0];
  given.require(keep > 0 && keep <= 1, "a share above 0, and at most 1, to keep");
  instruction_set().drop_out(s, given.floats(0), given.integers(1), keep, like_rows(given, 3, s));
}

}  // namespace

// x (R, ...), hashes (R), share to keep (1) -> y (R, ...)
MINDTUNE_OPERATOR(Dropout) {
  drop_out(Arguments("Dropout", 4, count, data, ranks, shapes, types));
  return 0;
}

// dy (R, ...), hashes (R), share to keep (1) -> dx (R, ...), a symbol of its own as above
MINDTUNE_OPERATOR(DropoutGradient) {
  drop_out(Arguments("DropoutGradient", 4, count, data, ranks, shapes, types));
  return 0;
}

namespace {

float* row_vector(const Arguments& given, int index, const Rows& s) {
  given.require_shape(index, {s.rows});
  return given.floats(index, 1);
}

}  // namespace

// x (..., D), lengths (rows) -> y (..., D)
MINDTUNE_OPERATOR(UnitRows) {
  const Arguments given("UnitRows", 3, count, data, ranks, shapes, types);
  const Rows s = rows_of(given);
  instruction_set().give_length(s, given.floats(0), row_vector(given, 1, s),
                                like_rows(given, 2, s));
  return 0;
}

// x (..., D), lengths (rows), dy (..., D) -> dx (..., D)
MINDTUNE_OPERATOR(UnitRowsInputGradient) {
  const Arguments given("UnitRowsInputGradient", 4, count, data, ranks, shapes, types);
  const Rows s = rows_of(given);
  instruction_set().differentiate_unit_rows(s, {given.floats(0), row_vector(given, 1, s),
                                                like_rows(given, 2, s), like_rows(given, 3, s)});
  return 0;
}

// x (..., D), dy (..., D) -> dlengths (rows)
MINDTUNE_OPERATOR(UnitRowsLengthGradient) {
  const Arguments given("UnitRowsLengthGradient", 3, count, data, ranks, shapes, types);
  const Rows s = rows_of(given);
  instruction_set().differentiate_lengths(s, given.floats(0), like_rows(given, 1, s),
                                          row_vector(given, 2, s));
  return 0;
}
