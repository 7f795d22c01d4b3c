// Loops whose turns the threads share. What a turn does is a function of its own: of what lies in a
// parallel region itself, clang forgets the instruction set.

template <typename Turn>
inline void share_turns(int64_t turns, bool is_worth_it, const Turn& turn) {
#pragma omp parallel for schedule(static) if (is_worth_it)
  for (int64_t i = 0; i < turns; ++i) turn(i);
}

template <typename Turn>
inline void share_rows(const Rows& s, const Turn& turn) {
  share_turns(s.rows, s.rows * s.dim > kRowsWorthSharing, turn);
}
