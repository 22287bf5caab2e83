// See sparse_rows.inl. Without an instruction that moves lanes, each column in turn takes the next
// kept weight or none.

static constexpr std::size_t strip = 16, strip_vectors = strip / lanes<float>;
template <class Value>
static constexpr interleaving interleaved{1, 1};

template <class Value>
static float number(Value value) noexcept {
  if constexpr (is_scaled<Value>)
    return value;
  else
    return element_traits<Value>::load(value);
}

template <class Value>
static vec<float> widen(const Value* values) noexcept {
  vec<float> v{};
  for (std::size_t k = 0; k < lanes<float>; ++k) v[k] = number(values[k]);
  return v;
}

template <class Value>
static void widen_strip(const Value* values, vec<float>* weights) noexcept {
  for (std::size_t k = 0; k < strip_vectors; ++k) weights[k] = widen(values + k * lanes<float>);
}

// Expands the kept weights of 16 columns, from column `first` of a word on, and moves `values`
// behind them.
template <class Value>
static void expand_strip(const std::byte* word_bits, std::size_t first, const Value*& values,
                         vec<float>* weights) noexcept {
  mask::word word;
  std::memcpy(&word, word_bits, sizeof word);
  float row[strip];
  for (std::size_t j = 0; j < strip; ++j) {
    const bool is_kept = (word >> (first + j) & 1u) != 0;
    row[j] = is_kept ? number(*values) : 0.0f;
    values += is_kept ? 1 : 0;
  }
  std::memcpy(weights, row, sizeof row);
}

// Multiplies the weights of 16 columns, from column `first` of a word on, by a scale of the word.
static void scale_strip(const f16* scales, std::size_t first, vec<float>* weights) noexcept {
  const float scale{scales[first / scaled_columns]};
  for (std::size_t k = 0; k < strip_vectors; ++k) weights[k] *= scale;
}
