#include "matrix_product.h"

#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <mutex>
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

// Length of equal parts of `size`, about kPart each, a multiple of any vector's width.
int64_t part_of(int64_t size) {
  constexpr int64_t kPart = 384, kUnit = 16;
  const int64_t parts = (size + kPart - 1) / kPart;
  return ((size + parts - 1) / parts + kUnit - 1) / kUnit * kUnit;
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

void multiply(int64_t rows, int64_t columns, int64_t depth, Operand left, Operand right,
              const float* bias, float* out) {
  constexpr int64_t kWorthSharing = 1 << 20;  // multiplications
  // MindSpore runs operators that do not wait for each other at once; each would want all cores.
  static std::mutex one_at_a_time;
  const std::lock_guard<std::mutex> guard(one_at_a_time);
  const Sgemm run = sgemm();
  if (run == nullptr) throw std::runtime_error("matrix product: oneDNN is not loaded");
  // Parts depend on the sizes alone, and so results do not on the number of threads. The library
  // is built for a pool of MindSpore's; called without it, it takes the calling thread alone.
  const int64_t height = part_of(rows), width = part_of(columns);
  const char leftly = left.transposed ? 'T' : 'N', rightly = right.transposed ? 'T' : 'N';
  std::atomic<int> failure{0};
#pragma omp parallel for collapse(2) schedule(dynamic) if (rows * columns * depth > kWorthSharing)
  for (int64_t r = 0; r < rows; r += height)
    for (int64_t c = 0; c < columns; c += width) {
      const int64_t high = std::min(height, rows - r), wide = std::min(width, columns - c);
      float* part = out + r * columns + c;
      const int status = run(leftly, rightly, high, wide, depth, 1, at(left, r, 0), left.row,
                             at(right, 0, c), right.row, 0, part, columns);
      if (status != 0) failure = status;
      if (bias != nullptr) add_bias(high, wide, columns, bias + c, part);
    }
  if (failure != 0) throw std::runtime_error("matrix product: oneDNN failed");
}

}  // namespace mindtune
