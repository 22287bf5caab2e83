#pragma once

/// @file
/// Reads importance matrices of llama.cpp (https://github.com/ggml-org/llama.cpp, tools/imatrix),
/// whose sums of squares are Wanda's column norms.
///
/// The GGUF form has two tensors for each weight NAME, beside others:
///
///     NAME.in_sum2    F32 (matrices, columns)   sum over tokens of x^2
///     NAME.counts     F32 (matrices, 1)         tokens
///
/// and the metadata general.type = "imatrix", imatrix.datasets, imatrix.chunk_count and
/// imatrix.chunk_size. The older form, .dat, little-endian:
///
///     int32 entries
///     each: int32 length, name, int32 ncall, int32 values, float32 values: in_sum2 / count * ncall
///     int32 chunks, int32 length, name of the dataset   (the oldest files end before these)

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "detail/mapped_file.hpp"
#include "detail/shown.hpp"
#include "gguf.hpp"
#include "gguf_metadata.hpp"
#include "named_norms.hpp"

namespace tamp::inline TAMP_FLAGS::io {

/// The unit over which squares are averaged.
enum class norms_per {
  token,    ///< sqrt(in_sum2 / count)
  sequence  ///< sqrt(in_sum2 / count * chunk_size), the number of stat::column_norm
};

namespace detail {

static_assert(std::endian::native == std::endian::little,
              "importance matrices are little-endian, and so must the machine be");

/// The root of a mean of squares. Without a token all columns matter alike.
inline float imatrix_norm(double sum, double count, double factor) {
  return count > 0 ? static_cast<float>(std::sqrt(sum / count * factor)) : 1.0f;
}

/// The older form of an importance matrix.
class imatrix_dat {
 public:
  explicit imatrix_dat(const tamp::detail::mapped_file& file)
      : file_(file), cursor_(file.bytes(), file.name()) {}

  named_norms read() {
    named_norms all(file_.name());
    const auto entries = cursor_.number<std::int32_t>("the number of entries");
    if (entries < 1) refuse("is no importance matrix: it claims ", entries, " entries");
    for (std::int32_t k = 0; k < entries; ++k) read_entry(k, all);
    if (left() != 0) {
      const auto chunks = cursor_.number<std::int32_t>("the number of chunks");
      if (chunks < 0) refuse("claims ", chunks, " chunks");
      all.describe("imatrix.chunk_count", std::to_string(chunks));
    }
    if (left() != 0) {
      const auto length = cursor_.number<std::int32_t>("the length of the dataset's name");
      if (length < 0) refuse("the name of the dataset has ", length, " bytes");
      all.describe("imatrix.datasets", std::string(bytes(length, "the name of the dataset")));
    }
    if (left() != 0) refuse("goes on for ", left(), " bytes after its end");
    return all;
  }

 private:
  void read_entry(std::int32_t number, named_norms& all) {
    const std::string entry = tamp::detail::sentence("entry ", number);
    const auto length = cursor_.number<std::int32_t>(entry);
    if (length < 1) refuse(entry, " has a name of ", length, " bytes");
    if (static_cast<std::uint64_t>(length) > left())
      refuse("is cut off, or no importance matrix: the name of ", entry, " has ", length,
             " bytes, but only ", left(), " are left");
    std::string name(bytes(length, entry));
    const std::string weight =
        tamp::detail::sentence(entry, ", '", tamp::detail::shown(name), "',");
    const auto calls = cursor_.number<std::int32_t>(weight);
    if (calls < 0) refuse(weight, " was called ", calls, " times");
    const auto count = cursor_.number<std::int32_t>(weight);
    if (count < 1) refuse(weight, " has ", count, " values");
    const std::string_view raw = bytes(std::int64_t{count} * 4, weight);
    std::vector<float> norms(static_cast<std::size_t>(count));
    std::memcpy(norms.data(), raw.data(), raw.size());
    for (std::size_t j = 0; j < norms.size(); ++j) {
      if (!tamp::detail::is_nonnegative(norms[j]))
        refuse(weight, " has a sum of squares of ", norms[j], " in column ", j);
      norms[j] = imatrix_norm(norms[j], calls, 1);
    }
    if (all.contains(name)) refuse(weight, " is there twice");
    all.add(std::move(name), std::move(norms), 0);
  }

  std::string_view bytes(std::int64_t size, std::string_view what) {
    return cursor_.bytes(static_cast<std::uint64_t>(size), what);
  }
  std::size_t left() const noexcept { return file_.bytes().size() - cursor_.position(); }

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    tamp::detail::raise<file_error>(file_.name(), ": ", parts...);
  }

  const tamp::detail::mapped_file& file_;
  gguf_cursor cursor_;
};

/// The GGUF form of an importance matrix.
class imatrix_gguf {
 public:
  imatrix_gguf(std::string name, const gguf_file& file) : name_(std::move(name)), file_(file) {}

  named_norms read(norms_per unit) const {
    if (!file_.has("general.type"))
      refuse("is no importance matrix: its metadata have no 'general.type'");
    if (const auto type = file_.value<std::string>("general.type"); type != "imatrix")
      refuse("is no importance matrix: its general.type is '", tamp::detail::shown(type), "'");
    named_norms all(name_);
    read_metadata(all);
    const double factor = unit == norms_per::sequence ? tokens_of_sequence() : 1;
    std::map<std::string_view, const gguf_tensor*> sums, counts;
    for (const gguf_tensor& tensor : file_.tensors()) {
      const std::string_view tensor_name = tensor.name;
      for (const auto& [ending, list] : {std::pair{sums_end, &sums}, {counts_end, &counts}})
        if (tensor_name.ends_with(ending))
          list->emplace(tensor_name.substr(0, tensor_name.size() - ending.size()), &tensor);
    }
    if (sums.empty()) refuse("holds no tensor NAME.in_sum2");
    for (const auto& [weight, tensor] : counts)
      if (!sums.contains(weight)) refuse_alone(weight, counts_end, sums_end);
    for (const auto& [weight, tensor] : sums) {
      const auto count = counts.find(weight);
      if (count == counts.end()) refuse_alone(weight, sums_end, counts_end);
      if (weight.empty()) refuse("has a tensor '", tensor->name, "', which names no weight");
      all.add(std::string(weight), norms_of(*tensor, *count->second, factor));
    }
    return all;
  }

 private:
  static constexpr std::string_view sums_end = ".in_sum2", counts_end = ".counts";

  void read_metadata(named_norms& all) const {
    if (constexpr auto key = "imatrix.datasets"; file_.has(key)) {
      std::string joined;
      for (const std::string& dataset : file_.values<std::string>(key))
        joined += (joined.empty() ? "" : ", ") + dataset;
      all.describe(key, std::move(joined));
    }
    for (const auto key : {"imatrix.chunk_count", "imatrix.chunk_size"})
      if (file_.has(key)) all.describe(key, std::to_string(file_.value<std::uint64_t>(key)));
  }
  double tokens_of_sequence() const {
    const auto tokens = file_.value<std::uint64_t>("imatrix.chunk_size");
    if (tokens == 0) refuse("has an imatrix.chunk_size of 0, so that norms have no unit");
    return static_cast<double>(tokens);
  }

  weight_norms norms_of(const gguf_tensor& sums, const gguf_tensor& counts, double factor) const {
    const gguf_rows rows = rows_of(sums), of_counts = rows_of(counts);
    const std::size_t matrices = rows.rows(), columns = rows.cols();
    const std::size_t found = of_counts.rows() * of_counts.cols();
    if (found != matrices)
      refuse(named(sums), " has ", matrices, " matrices of ", columns, " columns, but ",
             named(counts), " counts for ", found);
    weight_norms norms{columns, std::vector<float>(matrices * columns), {}};
    std::vector<float> row(of_counts.cols());
    for (std::size_t i = 0; i < of_counts.rows(); ++i) {
      of_counts.read_row(i, row);
      for (const float count : row) norms.tokens.push_back(whole(count, counts, norms.matrices()));
    }
    for (std::size_t k = 0; k < matrices; ++k) {
      const auto values = std::span(norms.values).subspan(k * columns, columns);
      rows.read_row(k, values);
      for (std::size_t j = 0; j < columns; ++j) {
        if (!tamp::detail::is_nonnegative(values[j]))
          refuse(named(sums), " has a sum of squares of ", values[j], " in column ", j,
                 " of matrix ", k);
        values[j] = imatrix_norm(values[j], static_cast<double>(norms.tokens[k]), factor);
      }
    }
    return norms;
  }

  gguf_rows rows_of(const gguf_tensor& tensor) const {
    if (tensor.type_name != "F32")
      refuse(named(tensor), " is of type ", tensor.type_name, ", not F32");
    if (tensor.empty()) refuse(named(tensor), " is empty");
    return file_.tensor(tensor.name);
  }
  std::uint64_t whole(const float& count, const gguf_tensor& tensor, std::size_t matrix) const {
    constexpr float most = 18446744073709551616.0f;  // 2^64
    if (!tamp::detail::is_nonnegative(count) || count >= most || count != std::floor(count))
      refuse(named(tensor), " has a count of ", count, " for matrix ", matrix);
    return static_cast<std::uint64_t>(count);
  }

  static std::string named(const gguf_tensor& tensor) {
    return tamp::detail::sentence("tensor '", tamp::detail::shown(tensor.name), '\'');
  }
  [[noreturn]] void refuse_alone(std::string_view weight, std::string_view there,
                                 std::string_view missing) const {
    const std::string name = tamp::detail::shown(weight);
    refuse("has a tensor '", name, there, "', but none named '", name, missing, '\'');
  }
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    tamp::detail::raise<file_error>(name_, ": ", parts...);
  }

  std::string name_;
  const gguf_file& file_;
};

}  // namespace detail

/// Reads an importance matrix in either form as column norms.
///
///     norm(j) = sqrt( in_sum2(j) / count )           GGUF
///     norm(j) = sqrt( value(j) / ncall )             .dat, the same number up to rounding
///
/// In the GGUF form each expert has norms and a count of its own. An expert that saw no token has
/// ones, as llama.cpp's quantiser reads it, so that its weights' magnitudes decide. A weight of
/// several matrices that are no experts has a single count, and so a single row of norms, which
/// named_norms::of splits. So does all of the .dat form, which does not say where an expert ends,
/// nor how many tokens it saw: `tokens` is 0. Tensors of other names are passed over.
/// `about` holds the metadata on the calibration text, by their keys.
///
/// norms_per::sequence multiplies the mean by imatrix.chunk_size, the tokens of a sequence. That
/// makes the norms comparable to those of stat::column_norm. No selection within a weight depends
/// on it.
///
/// @throws file_error naming file and tensor if the file cannot be opened, is damaged or no
///         importance matrix; if a sum is negative or not finite, a count is negative or no whole
///         number, or shapes do not agree; if a name is there twice; or if norms per sequence are
///         asked of a file without a chunk size, as all .dat are
[[nodiscard]] inline named_norms read_imatrix(const std::filesystem::path& path,
                                              norms_per unit = norms_per::token) {
  const tamp::detail::ieee_arithmetic as_usual;
  const tamp::detail::mapped_file file(path);
  if (file.text().starts_with("GGUF"))
    return detail::imatrix_gguf(file.name(), gguf_file(path)).read(unit);
  if (unit == norms_per::sequence)
    tamp::detail::raise<file_error>(
        file.name(),
        ": is an importance matrix without a chunk size (not GGUF), and has no norms "
        "per sequence");
  return detail::imatrix_dat(file).read();
}

}  // namespace tamp::inline TAMP_FLAGS::io
