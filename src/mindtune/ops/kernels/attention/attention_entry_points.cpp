// Attention on the CPU: check the arguments, then run.
#include "arguments.h"
#include "attention/attention_sizes.h"
#include "instruction_set.h"

using namespace mindtune;

// qkv (B, N, 3 H d), scale (H), bias and mask, each (G, 1 or H, N, N) or (1) for none
// -> mixed values (B, N, H d), logarithms of the rows' sums (B, H, N)
MINDTUNE_OPERATOR(Attention) {
  const Arguments given("Attention", 6, count, data, ranks, shapes, types);
  const Attending a = attention(given);
  instruction_set().attend(a, mixed(given, 4, a), log_sums(given, 5, a));
  return 0;
}

// qkv, scale, bias, mask, out, log sums, dout -> dqkv, dscale, dbias
MINDTUNE_OPERATOR(AttentionGradient) {
  const Arguments given("AttentionGradient", 10, count, data, ranks, shapes, types);
  const Attending a = attention(given);
  given.require_shape(7, {a.batch, a.tokens, 3 * a.width()});
  given.require_shape(8, {a.heads});
  float* dbias = nullptr;
  if (a.bias.data == nullptr) {
    given.require_shape(9, {1});
    given.floats(9, 1)[0] = 0;
  } else {
    given.require_shape(9, {a.bias.groups, a.bias.heads, a.tokens, a.tokens});
    dbias = given.floats(9, 4);
  }
  instruction_set().differentiate_attention(
      a, {mixed(given, 4, a), log_sums(given, 5, a), mixed(given, 6, a), given.floats(7, 3),
          given.floats(8, 1), dbias});
  return 0;
}
