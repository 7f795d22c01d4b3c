// Sums that several threads share, always in the same order: the same bits in every run.
#pragma once

#include "launch.cuh"

namespace mindtune {

inline __device__ int lane_of_thread() { return threadIdx.x % kLanes; }
inline __device__ int warp_of_thread() { return threadIdx.x / kLanes; }

// Over the lanes of a warp; every lane gets the sum.
inline __device__ float sum_lanes(float value) {
  for (int distance = kLanes / 2; distance > 0; distance /= 2)
    value += __shfl_xor_sync(0xffffffffu, value, distance);
  return value;
}

// Over the threads of a block; every thread gets the sum.
inline __device__ double sum_threads(double value) {
  __shared__ double partial[kThreads];
  partial[threadIdx.x] = value;
  __syncthreads();
  for (unsigned distance = kThreads / 2; distance > 0; distance /= 2) {
    if (threadIdx.x < distance) partial[threadIdx.x] += partial[threadIdx.x + distance];
    __syncthreads();
  }
  const double sum = partial[0];
  __syncthreads();
  return sum;
}

// Of value(row) over rows, where value differs from lane to lane: the warps share the rows, and
// all threads of a lane get its sum. In double precision between short runs of rows.
template <typename Value>
__device__ double sum_rows(int rows, Value value) {
  constexpr int kRun = 32 * kWarps;
  __shared__ double partial[kWarps][kLanes];
  double sum = 0;
  for (int first = warp_of_thread(); first < rows; first += kRun) {
    float run = 0;
    for (int row = first; row < rows && row < first + kRun; row += kWarps) run += value(row);
    sum += run;
  }
  partial[warp_of_thread()][lane_of_thread()] = sum;
  __syncthreads();
  sum = 0;
  for (int warp = 0; warp < kWarps; ++warp) sum += partial[warp][lane_of_thread()];
  __syncthreads();
  return sum;
}

}  // namespace mindtune
