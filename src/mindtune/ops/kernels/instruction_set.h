// The kernels as compiled for one instruction set.
#pragma once

#include "attention/attention_sizes.h"
#include "layers/rows.h"
#include "losses/prototype_rows.h"
#include "pooling/moments.h"
#include "pooling/shrinking.h"
#include "search/neighbours.h"
#include "views/pixels.h"

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
  void (*gelu)(int64_t count, const float* x, float* y);
  void (*differentiate_gelu)(int64_t count, const float* x, const float* dy, float* dx);
  void (*quick_gelu)(int64_t count, const float* x, float* y);
  void (*differentiate_quick_gelu)(int64_t count, const float* x, const float* dy, float* dx);
  void (*normalise_rows)(const Rows&, const NormedRows&);
  void (*differentiate_rows)(const Rows&, const NormedRowsGradient&);
  void (*differentiate_norm_parameters)(const Rows&, const NormParametersGradient&);
  void (*attend)(const Attending&, float* out, float* log_sums);
  void (*differentiate_attention)(const Attending&, const AttendingGradient&);
  void (*mix_rows)(const ByteRows<const uint8_t>& from, int64_t bytes, const Weights&, int64_t out,
                   const ByteRows<uint8_t>& to);
  void (*blur_rows)(uint8_t* from, uint8_t* to, int64_t bytes, int64_t count, const BoxFilter&,
                    uint32_t* sums);
  void (*transpose_bytes)(const ByteRows<const uint8_t>& from, int64_t rows, int64_t columns,
                          const ByteRows<uint8_t>& to);
  void (*add_up_rows)(const Rows&, const float* x, float* sums);
  void (*add_up_products)(const Rows&, const float* x, const float* y, float* sums);
  void (*map_channels)(const Rows&, const ChannelMap&);
  void (*scale_rows)(const Rows&, const float* x, const float* factors, float* y);
  LogitSum (*sharpen)(int64_t count, const float* centre, float temp, float* logits);
  float (*compare_probabilities)(int64_t count, float student_log_sum, float teacher_log_sum,
                                 float weight, const float* teacher, float* student);
  void (*give_length)(const Rows&, const float* x, const float* lengths, float* y);
  void (*differentiate_unit_rows)(const Rows&, const UnitRowsGradient&);
  void (*differentiate_lengths)(const Rows&, const float* x, const float* dy, float* dlengths);
  void (*drop_out)(const Rows&, const float* x, const int32_t* row_hashes, float keep, float* y);
};

// The widest that this processor has, or the one that MINDTUNE_INSTRUCTION_SET names.
const InstructionSet& instruction_set();

}  // namespace mindtune
