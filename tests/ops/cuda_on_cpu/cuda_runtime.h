// In place of CUDA's own header: what the kernels of mindtune use of it, for a C++ compiler and the
// CPU. Blocks run one after the other; the threads of a block are fibers that take turns at
// barriers, so `static` memory is shared by exactly one block at a time.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(...)

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

using cudaStream_t = struct Stream*;
enum cudaError_t { cudaSuccess, cudaErrorMemoryAllocation };
const char* cudaGetErrorString(cudaError_t status);
cudaError_t cudaMallocAsync(void** memory, size_t size, cudaStream_t stream);
cudaError_t cudaFreeAsync(void* memory, cudaStream_t stream);

extern dim3 threadIdx, blockIdx;
void __syncthreads();
float __shfl_xor_sync(unsigned lanes, float value, int distance);

// Every thread of every block calls `kernel`.
void run_grid(dim3 blocks, dim3 threads, const std::function<void()>& kernel);

template <typename... Parameters, size_t... kIndices>
void run_kernel(void (*kernel)(Parameters...), dim3 blocks, dim3 threads, void** arguments,
                std::index_sequence<kIndices...>) {
  run_grid(blocks, threads,
           [&] { kernel(*static_cast<std::remove_const_t<Parameters>*>(arguments[kIndices])...); });
}

template <typename... Parameters>
cudaError_t cudaLaunchKernel(void (*kernel)(Parameters...), dim3 blocks, dim3 threads,
                             void** arguments, size_t, cudaStream_t) {
  run_kernel(kernel, blocks, threads, arguments, std::index_sequence_for<Parameters...>());
  return cudaSuccess;
}
