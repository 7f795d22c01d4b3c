// The kernels as compiled for one instruction set.
#pragma once

#include "attention_sizes.h"
#include "moments.h"
#include "neighbours.h"
#include "shrinking.h"

namespace mindtune {

struct MomentGradient {
  const float *z, *maps, *norms, *dmaps;
  float *dz, *dweight, *dbias;
};

struct RootGradient {
  const float *z, *triangles, *iterates, *dtriangles;
  float* dz;
};

struct ShrinkGradient {
  const float *maps, *first, *second, *dout;
  float *dmaps, *dfirst, *dsecond;
};

struct InstructionSet {
  const char* name;
  void (*pool_moments)(const Moments&, const float* z, float* maps, float* norms);
  void (*differentiate_moments)(const Moments&, const MomentGradient&);
  void (*pool_square_root)(const Moments&, int64_t steps, const float* z, float* triangles,
                           float* iterates);
  void (*differentiate_square_root)(const Moments&, int64_t steps, const RootGradient&);
  void (*shrink_maps)(const Shrinking&, const float* maps, const float* first, const float* second,
                      float* out);
  void (*differentiate_shrinking)(const Shrinking&, const ShrinkGradient&);
  void (*keep_nearest)(const Neighbours&);
  void (*attend)(const Attending&, float* out, float* log_sums);
  void (*differentiate_attention)(const Attending&, const AttendingGradient&);
};

// The widest that this processor has, or the one that MINDTUNE_INSTRUCTION_SET names.
const InstructionSet& instruction_set();

}  // namespace mindtune
