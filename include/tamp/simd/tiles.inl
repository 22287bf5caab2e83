// Rows gathered from columns.

// Copies a tile of rows to `rows_out`, whose rows are `pitch` numbers apart, from contiguous
// columns that are `stride` elements apart. Squares with the side of a vector are read along the
// columns and transposed in registers, so that reads and writes are both of whole vectors. Each
// column is in a page of its own, and nothing but a prefetch reads it ahead.
template <class Element>
static void rows_of_columns(const Element* first, std::ptrdiff_t stride, std::size_t rows,
                            std::size_t cols, compute_type<Element>* rows_out,
                            std::size_t pitch) noexcept {
  using real = compute_type<Element>;
  constexpr std::size_t side = lanes<real>, ahead = 16;
  const std::size_t whole = cols / side * side;
  const auto column = [&](std::size_t j) {
    return first + static_cast<std::ptrdiff_t>(j) * stride;
  };
  for (std::size_t j = 0; j < whole; j += side) {
    for (std::size_t k = 0; k < side && j + ahead + k < cols; ++k)
      fetch_lines(reinterpret_cast<const std::byte*>(column(j + ahead + k)),
                  rows * sizeof(Element));
    std::size_t i = 0;
    for (; i + side <= rows; i += side) {
      vec<real> square[side];
      TAMP_SIMD_UNROLL
      for (std::size_t k = 0; k < side; ++k) square[k] = load_as_real(column(j + k) + i);
      transpose<real>(square);
      TAMP_SIMD_UNROLL
      for (std::size_t k = 0; k < side; ++k) store<real>(rows_out + (i + k) * pitch + j, square[k]);
    }
    for (; i < rows; ++i)
      for (std::size_t k = 0; k < side; ++k)
        rows_out[i * pitch + j + k] = element_traits<Element>::load(column(j + k)[i]);
  }
  for (std::size_t j = whole; j < cols; ++j)
    for (std::size_t i = 0; i < rows; ++i)
      rows_out[i * pitch + j] = element_traits<Element>::load(column(j)[i]);
}

// Loads as many elements as a vector has numbers of their compute type.
template <class Element>
static auto load_as_real(const Element* elements) noexcept {
  using real = compute_type<Element>;
  real room[lanes<real>];
  return load(load_few<lanes<real>>(elements, room));
}
