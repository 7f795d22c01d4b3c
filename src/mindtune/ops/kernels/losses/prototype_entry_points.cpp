// Cross-entropy over prototypes on the CPU: check the arguments, then compute.
#include "arguments.h"
#include "losses/prototype_rows.h"

using namespace mindtune;

namespace {

void require_rows(const Arguments& given, const int32_t* rows, int64_t count, int64_t below) {
  for (int64_t i = 0; i < count; ++i)
    given.require(rows[i] >= 0 && rows[i] < below, "rows that there are");
}

}  // namespace

// student (S, D), prototypes (K, D), teacher (T, D), its prototypes (K, D), centre (1, K),
// temperatures of student (1) and teacher (1), student rows (R), teacher rows (R), weights (R)
// -> loss (1), its gradients by student (S, D) and prototypes (K, D)
MINDTUNE_OPERATOR(PrototypeRows) {
  const Arguments given("PrototypeRows", 13, count, data, ranks, shapes, types);
  RowPairs s{};
  s.student = given.floats(0, 2), s.prototype = given.floats(1, 2);
  s.teacher = given.floats(2, 2), s.teacher_prototype = given.floats(3, 2);
  s.centre = given.floats(4, 2);
  s.students = given.size(0, 0), s.dim = given.size(0, 1);
  s.prototypes = given.size(1, 0), s.teachers = given.size(2, 0);
  given.require(s.dim > 0 && s.prototypes > 0, "at least one channel and prototype");
  for (const int like_prototypes : {1, 3, 12})
    given.require_shape(like_prototypes, {s.prototypes, s.dim});
  given.require_shape(2, {s.teachers, s.dim});
  given.require_shape(4, {1, s.prototypes});
  for (const int one : {5, 6, 10}) given.require_shape(one, {1});
  s.student_temp = given.floats(5, 1)[0], s.teacher_temp = given.floats(6, 1)[0];
  given.require(s.student_temp > 0 && s.teacher_temp > 0, "temperatures above 0");
  s.student_row = given.integers(7), s.teacher_row = given.integers(8);
  s.weight = given.floats(9, 1), s.pairs = given.size(9, 0);
  for (const int list : {7, 8}) given.require_shape(list, {s.pairs});
  require_rows(given, s.student_row, s.pairs, s.students);
  require_rows(given, s.teacher_row, s.pairs, s.teachers);
  s.loss = given.floats(10, 1), s.by_student = given.floats(11, 2);
  s.by_prototype = given.floats(12, 2);
  given.require_shape(11, {s.students, s.dim});
  compare_rows(s);
  return 0;
}
