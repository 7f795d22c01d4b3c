// Cross-entropy of listed student rows under the distributions of teacher rows over prototypes.
#pragma once

#include <cstdint>

namespace mindtune {

// `pairs` pairs of one of `students` and one of `teachers` unit vectors of `dim` channels. Their
// distributions are softmax(x w / student_temp) and softmax((x w - centre) / teacher_temp); the
// cross-entropy of a pair counts `weight`.
struct RowPairs {
  int64_t students, teachers, pairs, prototypes, dim;
  const float *student, *prototype, *teacher, *teacher_prototype, *centre;
  float student_temp, teacher_temp;
  const int32_t *student_row, *teacher_row;
  const float* weight;
  float *loss, *by_student, *by_prototype;  // the sum, and its gradients
};

// What the softmax of a row needs to know of some of its logits: the sum is that of
// exp(logit - largest).
struct LogitSum {
  float largest, sum;
};

// Throws where the library of the products is missing or fails.
void compare_rows(const RowPairs& s);

}  // namespace mindtune
