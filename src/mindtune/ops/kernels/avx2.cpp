// The kernels for x86-64 processors with AVX2 and FMA.
#include "standard.h"

#if defined(__x86_64__)
#pragma GCC target("avx2,fma")

#define MINDTUNE_NAME "avx2"
#define MINDTUNE_LANES 8
#define MINDTUNE_ROWS 4

namespace mindtune::avx2 {
namespace {
#include "kernels.h"
}
const InstructionSet& kernels() { return kKernels; }
}  // namespace mindtune::avx2

#endif
