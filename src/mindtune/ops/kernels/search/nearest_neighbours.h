// The k rows of largest inner product with each query, over rows that come block by block. A tile
// of products is compared with the queries' k-th best while it is in registers, and nearly always
// nothing of it is better; so the products are never written, and choosing costs next to nothing.

// Channels of the queries that a thread holds in its core's cache while the rows stream by.
constexpr int64_t kGroupFloats = 96 * 1024;

// The best of one query: a heap whose root is the worst of them, equal values by larger number.
struct Best {
  int64_t kept;
  float* values;
  int32_t* indices;

  bool worse(int64_t i, int64_t j) const {
    return values[i] < values[j] || (values[i] == values[j] && indices[i] > indices[j]);
  }

  // Put a better one in the place of the root, and let it sink.
  void replace_worst(float value, int32_t index) {
    values[0] = value;
    indices[0] = index;
    for (int64_t place = 0;;) {
      int64_t child = 2 * place + 1;
      if (child >= kept) return;
      if (child + 1 < kept && worse(child + 1, child)) ++child;
      if (!worse(child, place)) return;
      std::swap(values[place], values[child]);
      std::swap(indices[place], indices[child]);
      place = child;
    }
  }
};

// kColumns queries: their channels side by side, and the k-th best of each.
struct QueryPanel {
  const float* channels;
  float* worst;
};

typedef decltype(Lanes() > Lanes()) LaneMask;

inline bool any(LaneMask mask) {
  uint64_t parts[sizeof(LaneMask) / sizeof(uint64_t)];
  std::memcpy(parts, &mask, sizeof(mask));
  uint64_t all = 0;
  for (const uint64_t part : parts) all |= part;
  return all != 0;
}

// `rows` rows from number `row` on against the queries of a panel, the first of them number
// `query`.
inline void keep_better(const Neighbours& n, const Tile& tile, int64_t row, int64_t rows,
                        int64_t query, QueryPanel panel) {
  const Lanes low = load(panel.worst), high = load(panel.worst + kLanes);
  LaneMask better = {};
  for (int m = 0; m < kRows; ++m) better |= (tile.sum[m][0] > low) | (tile.sum[m][1] > high);
  if (!any(better)) return;
  for (int64_t m = 0; m < rows; ++m) {
    if (!any((tile.sum[m][0] > low) | (tile.sum[m][1] > high))) continue;
    float products[kColumns];
    store(products, tile.sum[m][0]);
    store(products + kLanes, tile.sum[m][1]);
    for (int64_t c = 0; c < std::min<int64_t>(kColumns, n.queries - query); ++c) {
      if (!(products[c] > panel.worst[c])) continue;
      const int64_t place = (query + c) * n.kept;
      Best best = {n.kept, n.values + place, n.indices + place};
      best.replace_worst(products[c], static_cast<int32_t>(n.first + row + m));
      panel.worst[c] = best.values[0];
    }
  }
}

// Queries `query` and on as columns, missing ones as zeros, which nothing is better than.
inline void fill_panel(const Neighbours& n, int64_t query, float* channels, float* worst) {
  const int64_t count = std::min<int64_t>(kColumns, n.queries - query);
  std::fill(channels, channels + n.dim * kColumns, 0.0f);
  for (int64_t c = 0; c < count; ++c)
    for (int64_t k = 0; k < n.dim; ++k)
      channels[k * kColumns + c] = n.query[(query + c) * n.dim + k];
  std::fill(worst, worst + kColumns, 0.0f);
  for (int64_t c = 0; c < count; ++c) worst[c] = n.values[(query + c) * n.kept];
}

// Panels that a thread takes at once: equally many in each of the rounds that the cache asks for.
inline int64_t group_size(int64_t panels, int64_t threads, int64_t panel_size) {
  const int64_t largest = std::max<int64_t>(1, kGroupFloats / panel_size) * threads;
  const int64_t shares = (panels + largest - 1) / largest * threads;
  return (panels + shares - 1) / shares;
}

void keep_nearest(const Neighbours& n) {
  const int64_t panel_size = n.dim * kColumns;
  const int64_t panels = (n.queries + kColumns - 1) / kColumns;
  const int threads = omp_get_max_threads();
  const int64_t group = group_size(panels, threads, panel_size);
  const int64_t whole = n.rows / kRows * kRows;
  float* rest = workspace<float>(0, kRows * n.dim);
  std::fill(rest, rest + kRows * n.dim, 0.0f);
  std::copy(n.row + whole * n.dim, n.row + n.rows * n.dim, rest);
  float* channels = workspace<float>(1, threads * group * panel_size);
  float* worst = workspace<float>(2, threads * group * kColumns);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (int64_t first = 0; first < panels; first += group) {
    const int64_t end = std::min(first + group, panels);
    float* own_channels = channels + omp_get_thread_num() * group * panel_size;
    float* own_worst = worst + omp_get_thread_num() * group * kColumns;
    for (int64_t p = first; p < end; ++p)
      fill_panel(n, p * kColumns, own_channels + (p - first) * panel_size,
                 own_worst + (p - first) * kColumns);
    for (int64_t row = 0; row < n.rows; row += kRows) {
      const Strided left = {row < whole ? n.row + row * n.dim : rest, 1, n.dim};
      for (int64_t p = first; p < end; ++p) {
        const QueryPanel panel = {own_channels + (p - first) * panel_size,
                                  own_worst + (p - first) * kColumns};
        keep_better(n, product_tile(n.dim, left, panel.channels, kColumns), row,
                    std::min<int64_t>(kRows, n.rows - row), p * kColumns, panel);
      }
    }
  }
}
