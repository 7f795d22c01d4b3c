// The kernels for x86-64 processors with AVX-512.
#include "standard.h"

#if defined(__x86_64__)
#pragma GCC target("avx512f,fma")

#define MINDTUNE_NAME "avx512"
#define MINDTUNE_LANES 16
#define MINDTUNE_ROWS 8

namespace mindtune::avx512 {
namespace {
#include "kernels.h"
}
const InstructionSet& kernels() { return kKernels; }
}  // namespace mindtune::avx512

#endif
