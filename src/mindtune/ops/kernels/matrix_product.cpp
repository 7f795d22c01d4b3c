#include "matrix_product.h"

#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>

namespace mindtune {
namespace {

// dnnl_sgemm of oneDNN's C interface, row-major; the same in its versions 1 to 3.
using Sgemm = int (*)(char transa, char transb, int64_t m, int64_t n, int64_t k, float alpha,
                      const float* a, int64_t lda, const float* b, int64_t ldb, float beta,
                      float* c, int64_t ldc);

Sgemm find_sgemm() {
  for (const char* name : {"libdnnl.so.3", "libdnnl.so.2"}) {
    void* library = dlopen(name, RTLD_NOW | RTLD_NOLOAD);
    if (library == nullptr) continue;
    if (void* found = dlsym(library, "dnnl_sgemm")) return reinterpret_cast<Sgemm>(found);
  }
  return nullptr;
}

Sgemm sgemm() {
  static const Sgemm found = find_sgemm();
  return found;
}

const float* at(Operand matrix, int64_t row, int64_t column) {
  return matrix.data + (matrix.transposed ? column * matrix.row + row : row * matrix.row + column);
}

void add_bias(int64_t rows, int64_t columns, int64_t row, const float* bias, float* out) {
  for (int64_t r = 0; r < rows; ++r) {
#pragma omp simd
    for (int64_t c = 0; c < columns; ++c) out[r * row + c] += bias[c];
  }
}

}  // namespace

bool has_matrix_product() { return sgemm() != nullptr; }

std::unique_lock<std::mutex> claim_cores() {
  static std::mutex one_at_a_time;
  if (!has_matrix_product()) throw std::runtime_error("matrix product: oneDNN is not loaded");
  return std::unique_lock<std::mutex>(one_at_a_time);
}

int64_t part_of(int64_t size, int64_t part) {
  constexpr int64_t kUnit = 16;
  const int64_t parts = (size + part - 1) / part;
  return ((size + parts - 1) / parts + kUnit - 1) / kUnit * kUnit;
}

// The library is built for a pool of MindSpore's; called without it, it takes the calling thread
// alone.
bool multiply_here(int64_t rows, int64_t columns, int64_t depth, Operand left, Operand right,
                   Result out) {
  return sgemm()(left.transposed ? 'T' : 'N', right.transposed ? 'T' : 'N', rows, columns, depth, 1,
                 left.data, left.row, right.data, right.row, out.added ? 1 : 0, out.data,
                 out.row) == 0;
}

void multiply(int64_t rows, int64_t columns, int64_t depth, Operand left, Operand right,
              const float* bias, float* out) {
  constexpr int64_t kWorthSharing = 1 << 20;  // multiplications
  constexpr int64_t kPart = 384;
  const auto claimed = claim_cores();
  // Parts depend on the sizes alone, and so results do not on the number of threads.
  const int64_t height = part_of(rows, kPart), width = part_of(columns, kPart);
  std::atomic<bool> failed{false};
#pragma omp parallel for collapse(2) schedule(dynamic) if (rows * columns * depth > kWorthSharing)
  for (int64_t r = 0; r < rows; r += height)
    for (int64_t c = 0; c < columns; c += width) {
      const int64_t high = std::min(height, rows - r), wide = std::min(width, columns - c);
      const Operand leftly = {at(left, r, 0), left.row, left.transposed};
      const Operand rightly = {at(right, 0, c), right.row, right.transposed};
      const Result part = {out + r * columns + c, columns, false};
      if (!multiply_here(high, wide, depth, leftly, rightly, part)) failed = true;
      if (bias != nullptr) add_bias(high, wide, columns, bias + c, part.data);
    }
  if (failed) throw std::runtime_error("matrix product: oneDNN failed");
}

}  // namespace mindtune
