#include "instruction_set.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace mindtune {

namespace portable {
const InstructionSet& kernels();
}
#if defined(__x86_64__)
namespace avx2 {
const InstructionSet& kernels();
}
namespace avx512 {
const InstructionSet& kernels();
}
#endif

namespace {

const InstructionSet& choose(const std::string& wanted) {
  const bool any = wanted.empty();
#if defined(__x86_64__)
  if ((any || wanted == "avx512") && __builtin_cpu_supports("avx512f")) return avx512::kernels();
  if ((any || wanted == "avx2") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return avx2::kernels();
#endif
  if (any || wanted == "portable") return portable::kernels();
  throw std::invalid_argument("MINDTUNE_INSTRUCTION_SET: got " + wanted +
                              ", expected portable, or avx2 or avx512 where the processor has it");
}

}  // namespace

const InstructionSet& instruction_set() {
  const char* wanted = std::getenv("MINDTUNE_INSTRUCTION_SET");
  return choose(wanted == nullptr ? "" : wanted);
}

}  // namespace mindtune

// Null where MINDTUNE_INSTRUCTION_SET names none that this processor has: an exception would end a
// caller that is not C++.
extern "C" __attribute__((visibility("default"))) const char* InstructionSetName() {
  try {
    return mindtune::instruction_set().name;
  } catch (const std::invalid_argument&) {
    return nullptr;
  }
}
