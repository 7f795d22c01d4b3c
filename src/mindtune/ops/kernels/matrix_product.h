// Matrix products of the size of a network's layers, by the oneDNN library that MindSpore carries.
#pragma once

#include <cstdint>
#include <mutex>

namespace mindtune {

// An operand as it lies in memory: rows of `row` floats, read as they are or transposed.
struct Operand {
  const float* data;
  int64_t row;
  bool transposed;
};

// Where a product goes: rows of `row` floats, which it replaces or is added to.
struct Result {
  float* data;
  int64_t row;
  bool added;
};

// Whether this process holds the library: MindSpore has loaded it.
bool has_matrix_product();

// MindSpore runs operators that do not wait for each other at once; each would want all cores.
// Whoever shares products among threads holds this meanwhile. Throws where the library is missing.
std::unique_lock<std::mutex> claim_cores();

// Length of equal parts of `size`, about `part` each, a multiple of any vector's width.
int64_t part_of(int64_t size, int64_t part);

// out (rows, columns) = left (rows, depth) right (depth, columns) on the calling thread alone.
// Returns whether the library succeeded.
bool multiply_here(int64_t rows, int64_t columns, int64_t depth, Operand left, Operand right,
                   Result out);

// The same shared by all threads, and the vector `bias` (columns) on every row unless it is null.
// Throws where the library is missing or fails.
void multiply(int64_t rows, int64_t columns, int64_t depth, Operand left, Operand right,
              const float* bias, float* out);

}  // namespace mindtune
