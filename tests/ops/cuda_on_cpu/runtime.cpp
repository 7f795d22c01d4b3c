// Runs blocks of CUDA threads on one CPU thread; see cuda_runtime.h.
#include <ucontext.h>

#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "cuda_runtime.h"

dim3 threadIdx, blockIdx;

namespace {

constexpr unsigned kLanes = 32;
constexpr size_t kStack = 64 * 1024;

// Threads that wait for one another; those that have ended are not counted.
struct Barrier {
  unsigned members = 0, arrived = 0;
  unsigned long opened = 0;
};

struct Fiber {
  ucontext_t context;
  std::vector<char> stack = std::vector<char>(kStack);
  bool ended = false;
};

// The block that is running.
struct Block {
  std::vector<Fiber> fibers;
  std::vector<Barrier> warps;
  std::vector<float> exchanged;
  Barrier all;
  ucontext_t scheduler;
  unsigned current = 0;
  unsigned long progress = 0;
  const std::function<void()>* kernel = nullptr;
};

Block block;

void open_if_complete(Barrier& barrier) {
  if (barrier.arrived < barrier.members) return;
  barrier.arrived = 0;
  ++barrier.opened;
  ++block.progress;
}

void wait(Barrier& barrier) {
  const unsigned long opened = barrier.opened;
  ++barrier.arrived;
  open_if_complete(barrier);
  while (barrier.opened == opened)
    swapcontext(&block.fibers[block.current].context, &block.scheduler);
}

void run_thread() {
  (*block.kernel)();
  Fiber& fiber = block.fibers[block.current];
  fiber.ended = true;
  ++block.progress;
  swapcontext(&fiber.context, &block.scheduler);
}

void prepare(unsigned threads) {
  if (block.fibers.size() != threads) block.fibers = std::vector<Fiber>(threads);
  block.exchanged.assign(threads, 0);
  block.all = {threads};
  block.warps.assign((threads + kLanes - 1) / kLanes, {kLanes});
  for (Fiber& fiber : block.fibers) {
    fiber.ended = false;
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.data();
    fiber.context.uc_stack.ss_size = kStack;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, run_thread, 0);
  }
}

// Which threads go first between two barriers must not matter; CUDA_ON_CPU_ORDER=descending turns
// it round.
bool descending() {
  const char* order = std::getenv("CUDA_ON_CPU_ORDER");
  return order != nullptr && std::string(order) == "descending";
}

void run_block(unsigned threads, bool from_last) {
  prepare(threads);
  for (unsigned running = threads; running > 0;) {
    const unsigned long progress = block.progress;
    running = 0;
    for (unsigned turn = 0; turn < threads; ++turn) {
      block.current = from_last ? threads - 1 - turn : turn;
      if (block.fibers[block.current].ended) continue;
      threadIdx.x = block.current;
      swapcontext(&block.scheduler, &block.fibers[block.current].context);
      running += !block.fibers[block.current].ended;
    }
    if (block.progress == progress && running > 0)
      throw std::logic_error("threads of one block wait at different barriers");
  }
}

}  // namespace

void __syncthreads() { wait(block.all); }

float __shfl_xor_sync(unsigned, float value, int distance) {
  const unsigned self = threadIdx.x;
  Barrier& warp = block.warps[self / kLanes];
  block.exchanged[self] = value;
  wait(warp);
  const float found = block.exchanged[self ^ static_cast<unsigned>(distance)];
  wait(warp);
  return found;
}

void run_grid(dim3 blocks, dim3 threads, const std::function<void()>& kernel) {
  block.kernel = &kernel;
  const bool from_last = descending();
  for (blockIdx.z = 0; blockIdx.z < blocks.z; ++blockIdx.z)
    for (blockIdx.y = 0; blockIdx.y < blocks.y; ++blockIdx.y)
      for (blockIdx.x = 0; blockIdx.x < blocks.x; ++blockIdx.x) run_block(threads.x, from_last);
}

const char* cudaGetErrorString(cudaError_t status) {
  return status == cudaSuccess ? "no error" : "out of memory";
}

// Filled with NaN, which shows where undefined memory is read.
cudaError_t cudaMallocAsync(void** memory, size_t size, cudaStream_t) {
  *memory = std::malloc(size);
  if (*memory == nullptr) return cudaErrorMemoryAllocation;
  std::memset(*memory, 0xff, size);
  return cudaSuccess;
}

cudaError_t cudaFreeAsync(void* memory, cudaStream_t) {
  std::free(memory);
  return cudaSuccess;
}
