#pragma once

// Rows of ggml's blocks that are stored as another type while they are pruned.

#include <cstddef>
#include <cstdint>
#include <span>
#include <tamp/io/ggml_rows.hpp>
#include <vector>

namespace tamp_prune {

// Reads a row from `from` until something of it is dropped or it is written; it then goes to `to`, and
// is read from there. `finish` moves the other rows.
class retyped_rows {
 public:
  using rows_of_blocks = tamp::io::ggml_rows<std::byte>;

  retyped_rows(const rows_of_blocks& from, const rows_of_blocks& to)
      : from_(from), to_(to), is_moved_(from.rows()) {}

  std::size_t rows() const { return from_.rows(); }
  std::size_t cols() const { return from_.cols(); }
  void read_row(std::size_t i, std::span<float> out) const {
    (is_moved_[i] != 0 ? to_ : from_).read_row(i, out);
  }
  void zero(std::size_t i, std::span<const std::uint64_t> keep) {
    move_row(i, [&](std::size_t j) { return (keep[j / 64] >> j % 64 & 1u) != 0; });
  }
  void write_row(std::size_t i, std::span<const float> numbers) {
    to_.encode_row(i, numbers);
    is_moved_[i] = 1;
  }
  void finish() {
    for (std::size_t i = 0; i < rows(); ++i)
      if (is_moved_[i] == 0) move_row(i, [](std::size_t) { return true; });
  }

 private:
  template <class Stays>
  void move_row(std::size_t i, const Stays& stays) {
    std::vector<float> row(cols());
    read_row(i, row);
    for (std::size_t j = 0; j < row.size(); ++j)
      if (!stays(j)) row[j] = 0;
    to_.encode_row(i, row);
    is_moved_[i] = 1;
  }

  rows_of_blocks from_, to_;
  std::vector<char> is_moved_;  // threads write different rows
};

}  // namespace tamp_prune
