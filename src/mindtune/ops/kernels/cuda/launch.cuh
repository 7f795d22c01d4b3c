// Starting kernels on MindSpore's stream, and memory that lives as long as one call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <cuda_runtime.h>

namespace mindtune {

constexpr int kLanes = 32;  // threads of a warp
constexpr int kWarps = 8;   // warps of a block, in every kernel here
constexpr int kThreads = kWarps * kLanes;

inline void check(cudaError_t status) {
  if (status != cudaSuccess)
    throw std::runtime_error(std::string("CUDA: ") + cudaGetErrorString(status));
}

// Blocks of `unit` that cover `size`.
inline unsigned cover(int64_t size, int64_t unit) {
  return static_cast<unsigned>((size + unit - 1) / unit);
}

template <typename... Parameters>
void launch(cudaStream_t stream, dim3 blocks, void (*kernel)(Parameters...),
            std::common_type_t<Parameters>... arguments) {
  void* addresses[] = {&arguments...};
  check(cudaLaunchKernel(kernel, blocks, dim3(kThreads), addresses, 0, stream));
}

// Undefined memory that kernels started later on the same stream may use; given back, in the
// stream's order, at the end of the scope.
class Scratch {
 public:
  explicit Scratch(cudaStream_t stream) : stream_(stream) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    for (void* block : blocks_) static_cast<void>(cudaFreeAsync(block, stream_));
  }

  template <typename T>
  T* take(int64_t count) {
    blocks_.reserve(blocks_.size() + 1);
    void* block = nullptr;
    check(cudaMallocAsync(&block, count * sizeof(T), stream_));
    blocks_.push_back(block);
    return static_cast<T*>(block);
  }

 private:
  cudaStream_t stream_;
  std::vector<void*> blocks_;
};

}  // namespace mindtune
