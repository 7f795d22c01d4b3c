// The kernels for x86-64 processors with AVX-512.
#include "standard.h"

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,fma")
#endif

#define MINDTUNE_NAME "avx512"
#define MINDTUNE_LANES 16
#define MINDTUNE_ROWS 8

namespace mindtune::avx512 {
namespace {
#include "kernels.h"
}
const InstructionSet& kernels() { return kKernels; }
}  // namespace mindtune::avx512

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
