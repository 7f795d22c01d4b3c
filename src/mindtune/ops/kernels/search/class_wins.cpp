// Which images of a class each of many linear classifiers gives to it. The scores themselves are
// never kept: a tile of them is compared while it is in its core's cache.
#include <algorithm>
#include <atomic>
#include <new>
#include <stdexcept>

#include "arguments.h"
#include "matrix_product.h"
#include "workspace.h"

using namespace mindtune;

namespace {

constexpr int kLeadsSlot = 0, kMarginsSlot = 1;
constexpr int64_t kRowsAtOnce = 256, kImagesAtOnce = 512;  // of a tile of scores: 512 KiB

// `classifiers` classifiers of `ways` classes, of which `asked` pairs (classifier, class) meet
// `images` images of `dim` channels.
struct Contest {
  int64_t classifiers, ways, dim, asked, images;
  const float *features, *weights, *biases;
  const int32_t* pairs;
  uint8_t* wins;

  int64_t others() const { return ways - 1; }
  int64_t own(int64_t pair) const { return pairs[2 * pair] * ways + pairs[2 * pair + 1]; }
  // Row of the class that comes `step` after that of the pair, from 1 on.
  int64_t other(int64_t pair, int64_t step) const {
    return pairs[2 * pair] * ways + (pairs[2 * pair + 1] + step) % ways;
  }
};

// By how much the weights of each pair's class exceed those of the others.
void fill_leads(const Contest& s, int64_t first, int64_t count, float* leads) {
  for (int64_t pair = first; pair < first + count; ++pair) {
    const float* own = s.weights + s.own(pair) * s.dim;
    for (int64_t step = 1; step < s.ways; ++step, leads += s.dim) {
      const float* other = s.weights + s.other(pair, step) * s.dim;
#pragma omp simd
      for (int64_t k = 0; k < s.dim; ++k) leads[k] = own[k] - other[k];
    }
  }
}

// An image is won where the pair's class leads by more than its handicap, against all others.
void compare(const Contest& s, int64_t pair, int64_t images, const float* margins, uint8_t* wins) {
  std::fill_n(wins, images, uint8_t{1});
  for (int64_t step = 1; step < s.ways; ++step, margins += images) {
    const float handicap = s.biases[s.other(pair, step)] - s.biases[s.own(pair)];
#pragma omp simd
    for (int64_t i = 0; i < images; ++i) wins[i] &= margins[i] > handicap;
  }
}

// Pairs [first, first + count) against images [begin, begin + images).
bool decide(const Contest& s, int64_t first, int64_t count, int64_t begin, int64_t images) {
  const int64_t rows = count * s.others();
  float* leads = workspace<float>(kLeadsSlot, rows * s.dim);
  float* margins = workspace<float>(kMarginsSlot, rows * images);
  fill_leads(s, first, count, leads);
  const Operand columns = {s.features + begin * s.dim, s.dim, true};
  if (!multiply_here(rows, images, s.dim, {leads, s.dim, false}, columns, {margins, images, false}))
    return false;
  for (int64_t p = 0; p < count; ++p)
    compare(s, first + p, images, margins + p * s.others() * images,
            s.wins + (first + p) * s.images + begin);
  return true;
}

void decide_all(const Contest& s) {
  const auto claimed = claim_cores();
  // Parts depend on the sizes alone, and so results do not on the number of threads.
  const int64_t pairs = std::max<int64_t>(1, kRowsAtOnce / s.others());
  const int64_t images = part_of(s.images, kImagesAtOnce);
  std::atomic<bool> failed{false};
#pragma omp parallel for collapse(2) schedule(dynamic)
  for (int64_t first = 0; first < s.asked; first += pairs)
    for (int64_t begin = 0; begin < s.images; begin += images) {
      try {  // no exception may leave a parallel region
        if (!decide(s, first, std::min(pairs, s.asked - first), begin,
                    std::min(images, s.images - begin)))
          failed = true;
      } catch (const std::bad_alloc&) {
        failed = true;
      }
    }
  if (failed) throw std::runtime_error("class wins: oneDNN failed, or there is no memory");
}

}  // namespace

// features (n, D), weights (E, N, D), biases (E, N), pairs (e, 2) of a classifier and one of its
// classes -> wins (e, n), 1 where that class scores above every other
MINDTUNE_OPERATOR(ClassWins) {
  const Arguments given("ClassWins", 5, count, data, ranks, shapes, types);
  Contest s{};
  s.features = given.floats(0, 2), s.weights = given.floats(1, 3), s.biases = given.floats(2, 2);
  s.images = given.size(0, 0), s.dim = given.size(0, 1);
  s.classifiers = given.size(1, 0), s.ways = given.size(1, 1);
  given.require(s.images > 0 && s.dim > 0, "at least one image and channel");
  given.require(s.ways > 1, "at least two classes");
  given.require_shape(1, {s.classifiers, s.ways, s.dim});
  given.require_shape(2, {s.classifiers, s.ways});
  s.pairs = given.integer_matrix(3), s.asked = given.size(3, 0);
  given.require_shape(3, {s.asked, 2});
  for (int64_t p = 0; p < s.asked; ++p)
    given.require(s.pairs[2 * p] >= 0 && s.pairs[2 * p] < s.classifiers &&
                      s.pairs[2 * p + 1] >= 0 && s.pairs[2 * p + 1] < s.ways,
                  "pairs of a classifier and one of its classes");
  s.wins = given.bytes(4, 2);
  given.require_shape(4, {s.asked, s.images});
  decide_all(s);
  return 0;
}
