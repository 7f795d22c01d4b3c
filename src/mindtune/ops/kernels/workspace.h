// Memory that outlives a call, so that training does not allocate at every step.
#pragma once

#include <array>
#include <cstdlib>
#include <memory>
#include <new>

namespace mindtune {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

// Room for `count` values, undefined, until the next call with this slot on this thread.
template <typename T>
T* workspace(int slot, int64_t count) {
  struct Block {
    std::unique_ptr<void, Free> memory;
    size_t size = 0;
  };
  thread_local std::array<Block, 8> blocks;
  constexpr size_t kAlignment = 64;
  const size_t size = (count * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
  Block& block = blocks[slot];
  if (block.size < size) {
    block.memory.reset();
    block.size = 0;
    block.memory.reset(std::aligned_alloc(kAlignment, size));
    if (!block.memory) throw std::bad_alloc();
    block.size = size;
  }
  return static_cast<T*>(block.memory.get());
}

}  // namespace mindtune
