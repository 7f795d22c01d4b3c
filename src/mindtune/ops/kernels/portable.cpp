// The kernels for any processor.
#include "standard.h"

#define MINDTUNE_NAME "portable"
#define MINDTUNE_LANES 4
#define MINDTUNE_ROWS 4

namespace mindtune::portable {
namespace {
#include "kernels.h"
}
const InstructionSet& kernels() { return kKernels; }
}  // namespace mindtune::portable
