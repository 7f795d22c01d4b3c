// The search for nearest neighbours on the CPU: check the arguments, then run.
#include "arguments.h"
#include "instruction_set.h"

using namespace mindtune;

// queries (Q, D), rows (M, D), number of the first row (1) -> the best so far: values and indices
// (Q, K), each row a heap with the worst first; the call puts the better ones of `rows` into them.
MINDTUNE_OPERATOR(KeepNearest) {
  const Arguments given("KeepNearest", 5, count, data, ranks, shapes, types);
  instruction_set().keep_nearest(neighbours(given));
  return 0;
}
