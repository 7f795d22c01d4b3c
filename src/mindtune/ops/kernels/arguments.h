// What the kernels are told: sizes, strides and options of one call, checked before any work.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace mindtune {

enum class Centering { kNone = 0, kScalar = 1, kChannel = 2 };

// Tokens of `heads` heads of `dim` channels, and which heads are multiplied. The channel c of token
// n of head h of sample b is `by_sample` b + `by_head` h + `by_token` n + `by_channel` c floats on.
struct Moments {
  int64_t batch, tokens, heads, dim, pairs;
  int64_t by_sample, by_head, by_token, by_channel;
  const int32_t* pair_heads;  // (pairs, 2)
  Centering centering;
  const float* weight = nullptr;  // LayerNorm over the channels of a head, where there is one
  const float* bias = nullptr;
  float norm_eps = 0, column_eps = 0;

  int64_t left(int64_t pair) const { return pair_heads[2 * pair]; }
  int64_t right(int64_t pair) const { return pair_heads[2 * pair + 1]; }
};

// Square maps of `side`, `maps` to a sample, that two convolutions shrink.
struct Shrinking {
  int64_t batch, maps, side;
};

// Side of a map after one 3 x 3 convolution of stride 2 without padding.
inline int64_t shrunk(int64_t side) { return (side - 3) / 2 + 1; }

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
  const int32_t* integers(int index) const {
    return static_cast<const int32_t*>(typed(index, 1, "int32", "int"));
  }
  int64_t size(int index, int axis) const { return shapes_[index][axis]; }
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
    require(ranks_[index] == rank,
            std::to_string(rank) + " dimensions of argument " + std::to_string(index));
    return data_[index];
  }

  const char* op_;
  void** data_;
  const int* ranks_;
  int64_t* const* shapes_;
  const char* const* types_;
};

}  // namespace mindtune
