#include "losses/prototype_rows.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "instruction_set.h"
#include "matrix_product.h"
#include "workspace.h"

namespace mindtune {
namespace {

constexpr int kSlot = 0;
constexpr int64_t kMostPairs = 256, kMostLogits = 1 << 21;  // of a piece: 8 MiB a side
constexpr int64_t kPrototypePart = 512, kPairPart = 128, kChannelPart = 64;

// One side of some pairs: their rows (pairs, dim), logits (pairs, prototypes), and for each row the
// sums of its parts and the logarithm of the whole sum.
struct Side {
  float *rows, *logits, *log_sums;
  LogitSum* sums;
};

// `count` pairs, of which `listed` are the numbers.
struct Piece {
  const InstructionSet* kernels;
  int64_t count, parts;
  const int64_t* listed;
  Side student, teacher;
  float* terms;  // (pairs, parts)
};

// Calls work(i, j) on all threads for the parts of two ranges; it says whether it succeeded. Parts
// depend on the sizes alone, and so results do not on the number of threads.
template <typename Work>
void share(int64_t rows, int64_t height, int64_t columns, int64_t width, Work work) {
  std::atomic<bool> failed{false};
#pragma omp parallel for collapse(2) schedule(dynamic)
  for (int64_t i = 0; i < rows; i += height)
    for (int64_t j = 0; j < columns; j += width)
      if (!work(i, std::min(height, rows - i), j, std::min(width, columns - j))) failed = true;
  if (failed) throw std::runtime_error("prototype rows: oneDNN failed");
}

void gather(const RowPairs& s, const Piece& p) {
  for (int64_t i = 0; i < p.count; ++i) {
    const int64_t pair = p.listed[i];
    std::copy_n(s.student + s.student_row[pair] * s.dim, s.dim, p.student.rows + i * s.dim);
    std::copy_n(s.teacher + s.teacher_row[pair] * s.dim, s.dim, p.teacher.rows + i * s.dim);
  }
}

// Logits of one side by prototypes [first, first + width).
bool fill_logits(const RowPairs& s, const Piece& p, const Side& side, const float* prototype,
                 const float* centre, float temp, int64_t first, int64_t width) {
  float* logits = side.logits + first;
  if (!multiply_here(p.count, width, s.dim, {side.rows, s.dim, false},
                     {prototype + first * s.dim, s.dim, true}, {logits, s.prototypes, false}))
    return false;
  LogitSum* sums = side.sums + first / kPrototypePart;
  for (int64_t i = 0; i < p.count; ++i)
    sums[i * p.parts] = p.kernels->sharpen(width, centre == nullptr ? centre : centre + first, temp,
                                           logits + i * s.prototypes);
  return true;
}

void finish_sums(const Piece& p, const Side& side) {
  for (int64_t i = 0; i < p.count; ++i) {
    const LogitSum* sums = side.sums + i * p.parts;
    float largest = sums[0].largest;
    for (int64_t j = 1; j < p.parts; ++j) largest = std::max(largest, sums[j].largest);
    double sum = 0;
    for (int64_t j = 0; j < p.parts; ++j) sum += sums[j].sum * std::exp(sums[j].largest - largest);
    side.log_sums[i] = largest + static_cast<float>(std::log(sum));
  }
}

// Student logits by prototypes [first, first + width) become the gradient of the loss by them
// before its temperature, and give their share of the gradient by these prototypes.
bool compare_part(const RowPairs& s, const Piece& p, int64_t first, int64_t width) {
  float* slopes = p.student.logits + first;
  for (int64_t i = 0; i < p.count; ++i)
    p.terms[i * p.parts + first / kPrototypePart] = p.kernels->compare_probabilities(
        width, p.student.log_sums[i], p.teacher.log_sums[i], s.weight[p.listed[i]] / s.student_temp,
        p.teacher.logits + first + i * s.prototypes, slopes + i * s.prototypes);
  return multiply_here(width, s.dim, p.count, {slopes, s.prototypes, true},
                       {p.student.rows, s.dim, false},
                       {s.by_prototype + first * s.dim, s.dim, true});
}

double loss_of(const RowPairs& s, const Piece& p) {
  double loss = 0;
  for (int64_t i = 0; i < p.count; ++i)
    for (int64_t j = 0; j < p.parts; ++j)
      loss -= double{s.weight[p.listed[i]]} * p.terms[i * p.parts + j];
  return loss;
}

// The gradient by the student's rows, in the place of the rows, is added to that by its vectors.
void differentiate_students(const RowPairs& s, const Piece& p) {
  share(p.count, kPairPart, s.dim, kChannelPart,
        [&](int64_t i, int64_t count, int64_t channel, int64_t channels) {
          return multiply_here(count, channels, s.prototypes,
                               {p.student.logits + i * s.prototypes, s.prototypes, false},
                               {s.prototype + channel, s.dim, false},
                               {p.student.rows + i * s.dim + channel, s.dim, false});
        });
  for (int64_t i = 0; i < p.count; ++i) {
    float* sum = s.by_student + s.student_row[p.listed[i]] * s.dim;
#pragma omp simd
    for (int64_t k = 0; k < s.dim; ++k) sum[k] += p.student.rows[i * s.dim + k];
  }
}

double compare_piece(const RowPairs& s, const Piece& p) {
  gather(s, p);
  share(2, 1, s.prototypes, kPrototypePart,
        [&](int64_t side, int64_t, int64_t first, int64_t width) {
          return side == 0 ? fill_logits(s, p, p.student, s.prototype, nullptr, s.student_temp,
                                         first, width)
                           : fill_logits(s, p, p.teacher, s.teacher_prototype, s.centre,
                                         s.teacher_temp, first, width);
        });
  finish_sums(p, p.student);
  finish_sums(p, p.teacher);
  share(1, 1, s.prototypes, kPrototypePart, [&](int64_t, int64_t, int64_t first, int64_t width) {
    return compare_part(s, p, first, width);
  });
  differentiate_students(s, p);
  return loss_of(s, p);
}

}  // namespace

void compare_rows(const RowPairs& s) {
  const auto claimed = claim_cores();
  std::vector<int64_t> listed;  // a list is filled up with pairs that do not count
  for (int64_t pair = 0; pair < s.pairs; ++pair)
    if (s.weight[pair] != 0) listed.push_back(pair);
  const int64_t most = std::clamp<int64_t>(kMostLogits / s.prototypes, 16, kMostPairs);
  Piece p{&instruction_set()};  // may throw, as nothing in a parallel region does
  p.parts = (s.prototypes + kPrototypePart - 1) / kPrototypePart;
  const int64_t row = s.dim + s.prototypes + 1 + 2 * p.parts;
  float* memory = workspace<float>(kSlot, most * (2 * row + p.parts));
  for (Side* side : {&p.student, &p.teacher}) {
    side->rows = memory, side->logits = side->rows + most * s.dim;
    side->log_sums = side->logits + most * s.prototypes;
    side->sums = reinterpret_cast<LogitSum*>(side->log_sums + most);
    memory += most * row;
  }
  p.terms = memory;
  std::fill_n(s.by_student, s.students * s.dim, 0.0f);
  std::fill_n(s.by_prototype, s.prototypes * s.dim, 0.0f);
  double loss = 0;
  for (size_t first = 0; first < listed.size(); first += most) {
    p.listed = listed.data() + first;
    p.count = std::min<int64_t>(most, listed.size() - first);
    loss += compare_piece(s, p);
  }
  *s.loss = static_cast<float>(loss);
}

}  // namespace mindtune
