// The arguments of one call, and the checks of their number, types and shapes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>

// An operator as MindSpore calls it. A failed check throws; MindSpore turns that into a Python
// error with the message.
#define MINDTUNE_OPERATOR(name)                                                 \
  extern "C" __attribute__((visibility("default"))) int name(                   \
      int count, void** data, int* ranks, int64_t** shapes, const char** types, \
      [[maybe_unused]] void* stream, [[maybe_unused]] void* extra)

namespace mindtune {

enum class FloatType { kFloat32, kFloat16, kBfloat16 };

// The arguments of one call in the convention of MindSpore's ahead-of-time compiled operators:
// inputs, then outputs.
class Arguments {
 public:
  Arguments(const char* op, int expected, int count, void** data, const int* ranks,
            int64_t* const* shapes, const char* const* types)
      : op_(op), data_(data), ranks_(ranks), shapes_(shapes), types_(types) {
    require(count == expected, std::to_string(expected) + " arguments");
  }

  void require(bool condition, const std::string& expected) const {
    if (!condition) throw std::invalid_argument(std::string(op_) + ": expected " + expected);
  }

  float* floats(int index, int rank) const {
    return static_cast<float*>(typed(index, rank, "float32", "float"));
  }
  float* floats(int index) const { return floats(index, ranks_[index]); }  // of any rank
  uint8_t* bytes(int index, int rank) const {
    return static_cast<uint8_t*>(typed(index, rank, "uint8", "uint8"));
  }
  const int32_t* integers(int index) const {
    return static_cast<const int32_t*>(typed(index, 1, "int32", "int"));
  }
  int32_t* integer_matrix(int index) const {
    return static_cast<int32_t*>(typed(index, 2, "int32", "int"));
  }
  // For kernels that read floats of any width.
  FloatType float_type(int index) const {
    const std::string found = types_[index];
    if (found == "float32" || found == "float") return FloatType::kFloat32;
    if (found == "float16" || found == "half") return FloatType::kFloat16;
    require(found == "bfloat16",
            "float32, float16 or bfloat16 as argument " + std::to_string(index) + ", got " + found);
    return FloatType::kBfloat16;
  }
  void* floats_of(FloatType type, int index, int rank) const {
    require(float_type(index) == type, "the type of argument 0 for argument " +
                                           std::to_string(index) + ", got " + types_[index]);
    require_rank(index, rank);
    return data_[index];
  }
  int rank(int index) const { return ranks_[index]; }
  int64_t size(int index, int axis) const { return shapes_[index][axis]; }
  int64_t total(int index) const {
    int64_t product = 1;
    for (int axis = 0; axis < ranks_[index]; ++axis) product *= shapes_[index][axis];
    return product;
  }
  void require_rank(int index, int rank) const {
    require(ranks_[index] == rank,
            std::to_string(rank) + " dimensions of argument " + std::to_string(index));
  }
  void require_shape(int index, std::initializer_list<int64_t> shape) const {
    bool equal = ranks_[index] == static_cast<int>(shape.size());
    int axis = 0;
    for (const int64_t extent : shape) equal = equal && shapes_[index][axis++] == extent;
    require(equal, "another shape of argument " + std::to_string(index));
  }

 private:
  void* typed(int index, int rank, const char* type, const char* alias) const {
    const std::string found = types_[index];
    require(found == type || found == alias,
            std::string(type) + " as argument " + std::to_string(index) + ", got " + found);
    require_rank(index, rank);
    return data_[index];
  }

  const char* op_;
  void** data_;
  const int* ranks_;
  int64_t* const* shapes_;
  const char* const* types_;
};

}  // namespace mindtune
