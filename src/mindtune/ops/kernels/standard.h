// What the kernels use of the standard library, included before the compiler is switched to an
// instruction set, so that nothing shared is compiled for one that a processor may lack.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <utility>

#include <omp.h>

#include "instruction_set.h"
#include "workspace.h"
