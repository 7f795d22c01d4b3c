// What turns on the diagonal of a square matrix.

// Calls visit(upper, lower) with every entry (i, j), i < j, and its mirror image (j, i), in blocks
// that the nearest cache holds.
template <typename Visit>
inline void visit_pairs(int64_t dim, int64_t row, float* matrix, Visit visit) {
  constexpr int64_t kBlock = 16;
  for (int64_t i0 = 0; i0 < dim; i0 += kBlock)
    for (int64_t j0 = i0; j0 < dim; j0 += kBlock)
      for (int64_t i = i0; i < std::min(i0 + kBlock, dim); ++i)
        for (int64_t j = std::max(j0, i + 1); j < std::min(j0 + kBlock, dim); ++j)
          visit(matrix[i * row + j], matrix[j * row + i]);
}

inline void transpose(int64_t dim, int64_t row, float* matrix) {
  visit_pairs(dim, row, matrix, [](float& upper, float& lower) { std::swap(upper, lower); });
}

// Copy the upper half to the lower one.
inline void mirror(int64_t dim, int64_t row, float* matrix) {
  visit_pairs(dim, row, matrix, [](float& upper, float& lower) { lower = upper; });
}

// Replace the matrix by its symmetric part.
inline void symmetrise(int64_t dim, int64_t row, float* matrix) {
  visit_pairs(dim, row, matrix,
              [](float& upper, float& lower) { upper = lower = (upper + lower) / 2; });
}
