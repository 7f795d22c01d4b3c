// What the CPU kernels are told: sizes, strides and options of one call, checked before any work.
#pragma once

#include "pooling/sizes.h"

namespace mindtune {

// The channel c of token n of head h of sample b is `by_sample` b + `by_head` h + `by_token` n +
// `by_channel` c floats on.
struct Moments : Sizes {
  int64_t by_sample = 0, by_head = 0, by_token = 0, by_channel = 0;
  const int32_t* pair_heads = nullptr;  // (pairs, 2)
  Centering centering = Centering::kNone;
  const float* weight = nullptr;  // LayerNorm over the channels of a head, where there is one
  const float* bias = nullptr;
  float norm_eps = 0, column_eps = 0;

  int64_t left(int64_t pair) const { return pair_heads[2 * pair]; }
  int64_t right(int64_t pair) const { return pair_heads[2 * pair + 1]; }
};

}  // namespace mindtune
