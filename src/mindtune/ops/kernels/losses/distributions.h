// Softmax over more logits than a row of working memory: what is done with one part of them.

// logits = (logits - centre) / temp, and their sum; `centre` may be missing.
LogitSum sharpen(int64_t count, const float* centre, float temp, float* logits) {
  Lanes most = Lanes{} - INFINITY;
  for (int64_t i = 0; i < count; i += kLanes) {
    Lanes value = load(logits + i, count - i);
    if (centre != nullptr) value -= load(centre + i, count - i);
    store(logits + i, value / temp, count - i);
  }
  const int64_t whole = count / kLanes * kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) most = Larger::of(most, load(logits + i));
  float largest = folded<Larger>(most)[0];
  for (int64_t i = whole; i < count; ++i) largest = std::max(largest, logits[i]);
  Lanes sum = {};
  for (int64_t i = 0; i < count; i += kLanes)
    sum += first_of(weight_of(load(logits + i, count - i) - largest), count - i);
  return {largest, total_of(sum)};
}

// With p and t, the probabilities of sharpened logits: student = weight (p - t). Returns the sum of
// t log p.
float compare_probabilities(int64_t count, float student_log_sum, float teacher_log_sum,
                            float weight, const float* teacher, float* student) {
  Lanes sum = {};
  for (int64_t i = 0; i < count; i += kLanes) {
    const Lanes log_p = load(student + i, count - i) - student_log_sum;
    const Lanes t = weight_of(load(teacher + i, count - i) - teacher_log_sum);
    store(student + i, (weight_of(log_p) - t) * weight, count - i);
    sum += first_of(t * log_p, count - i);
  }
  return total_of(sum);
}
