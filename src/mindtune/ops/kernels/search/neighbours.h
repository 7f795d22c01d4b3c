// The sizes and arrays of one search for nearest neighbours.
#pragma once

#include "arguments.h"

namespace mindtune {

// The `kept` best of the rows seen so far for each of `queries` queries, and `rows` more rows of
// which the first is number `first`.
struct Neighbours {
  int64_t queries, rows, dim, kept, first;
  const float *query, *row;
  float* values;
  int32_t* indices;
};

// queries (Q, D), rows (M, D), number of the first row (1) -> values and indices (Q, K), which the
// call changes.
inline Neighbours neighbours(const Arguments& given) {
  Neighbours n{};
  n.query = given.floats(0, 2);
  n.row = given.floats(1, 2);
  n.queries = given.size(0, 0);
  n.dim = given.size(0, 1);
  n.rows = given.size(1, 0);
  given.require(n.queries > 0 && n.rows > 0 && n.dim > 0, "at least one query, row and channel");
  given.require_shape(1, {n.rows, n.dim});
  n.first = given.integers(2)[0];
  given.require_shape(2, {1});
  given.require(n.first >= 0 && n.first + n.rows <= INT32_MAX, "numbers of rows that int32 holds");
  n.values = given.floats(3, 2);
  n.kept = given.size(3, 1);
  given.require(n.kept > 0, "at least one neighbour");
  given.require_shape(3, {n.queries, n.kept});
  n.indices = given.integer_matrix(4);
  given.require_shape(4, {n.queries, n.kept});
  return n;
}

}  // namespace mindtune
