// The kernels for x86-64 processors with AVX2 and FMA.
#include "standard.h"

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#define MINDTUNE_NAME "avx2"
#define MINDTUNE_LANES 8
#define MINDTUNE_ROWS 4

namespace mindtune::avx2 {
namespace {
#include "kernels.h"
}
const InstructionSet& kernels() { return kKernels; }
}  // namespace mindtune::avx2

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
