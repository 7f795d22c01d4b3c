// Tokens are float32, float16 or bfloat16 in memory; all arithmetic is in float32.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "arguments.h"

namespace mindtune {

inline __device__ float to_float(float value) { return value; }
inline __device__ float to_float(__half value) { return __half2float(value); }
inline __device__ float to_float(__nv_bfloat16 value) { return __bfloat162float(value); }

inline __device__ void assign(float& to, float value) { to = value; }
inline __device__ void assign(__half& to, float value) { to = __float2half_rn(value); }
inline __device__ void assign(__nv_bfloat16& to, float value) { to = __float2bfloat16_rn(value); }

// The argument as an array of T.
template <typename T>
T* elements(const Arguments& given, int index, int rank) {
  return static_cast<T*>(given.floats_of(given.float_type(0), index, rank));
}

// Calls run(T()) for the C++ type T of argument 0.
template <typename Run>
void with_element_type(const Arguments& given, Run run) {
  switch (given.float_type(0)) {
    case FloatType::kFloat32:
      return run(float());
    case FloatType::kFloat16:
      return run(__half());
    case FloatType::kBfloat16:
      return run(__nv_bfloat16());
  }
}

}  // namespace mindtune
