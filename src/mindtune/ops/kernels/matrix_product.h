// Matrix products of the size of a network's layers, by the oneDNN library that MindSpore carries.
#pragma once

#include <cstdint>

namespace mindtune {

// An operand as it lies in memory: rows of `row` floats, read as they are or transposed.
struct Operand {
  const float* data;
  int64_t row;
  bool transposed;
};

// Whether this process holds the library: MindSpore has loaded it.
bool has_matrix_product();

// out (rows, columns) = left (rows, depth) right (depth, columns), and the vector `bias` (columns)
// on every row unless it is null. Throws where the library is missing or fails.
void multiply(int64_t rows, int64_t columns, int64_t depth, Operand left, Operand right,
              const float* bias, float* out);

}  // namespace mindtune
