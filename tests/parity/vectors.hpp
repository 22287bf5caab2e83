#pragma once

// Inputs with the answers of the authors' published code, tests/parity/METHOD.safetensors.
//
// The metadata name the repository and its commit. Tensor "007/hidden" belongs to input 7; numbers
// alone are tensors of one element.

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/io/safetensors_file.hpp>
#include <tamp/tensor/view.hpp>
#include <vector>

namespace parity {

// One input of a method, and the published answer.
class example {
 public:
  example(const tamp::io::safetensors_file& file, std::size_t number)
      : file_(&file), number_(number) {}

  std::size_t number() const { return number_; }
  bool has(std::string_view part) const { return file_->contains(name(part)); }
  std::vector<std::size_t> shape(std::string_view part) const {
    const auto& extents = file_->at(name(part)).shape;
    return {extents.begin(), extents.end()};
  }
  template <class T>
  std::span<const T> values(std::string_view part) const {
    return file_->values<T>(name(part));
  }
  tamp::matrix_view<const float> matrix(std::string_view part) const {
    return file_->matrix<float>(name(part));
  }
  // A list of indices or counts.
  std::vector<std::size_t> indices(std::string_view part) const {
    const auto numbers = values<std::int64_t>(part);
    return {numbers.begin(), numbers.end()};
  }
  std::size_t count(std::string_view part) const { return indices(part).at(0); }
  double number(std::string_view part) const { return values<double>(part).front(); }

 private:
  std::string name(std::string_view part) const {
    char digits[24];
    std::snprintf(digits, sizeof digits, "%03zu", number_);
    return std::string(digits) + "/" + std::string(part);
  }

  const tamp::io::safetensors_file* file_;
  std::size_t number_;
};

// All inputs of a method. Its test calls equal() or differs() once for each.
class vectors {
 public:
  explicit vectors(const std::string& method)
      : method_(method),
        file_(std::string(TAMP_SOURCE_DIR) + "/tests/parity/" + method + ".safetensors"),
        inputs_(std::stoul(file_.metadata().at("inputs"))) {}
  vectors(const vectors&) = delete;
  vectors& operator=(const vectors&) = delete;

  std::size_t inputs() const { return inputs_; }
  example operator[](std::size_t number) const { return {file_, number}; }

  void equal() { ++equal_; }
  // An input on which the published code differs for a documented reason.
  void differs(const std::string& reason) { ++reasons_[reason]; }

  // Every input was compared, there are enough of them, and docs/parity.md says what came out.
  void summarise(std::size_t least_inputs = 20) const {
    std::size_t compared = equal_;
    std::string differences;
    for (const auto& [reason, count] : reasons_) {
      compared += count;
      differences += tamp::detail::sentence(differences.empty() ? "" : "; ", count, ": ", reason);
    }
    BOOST_TEST(compared == inputs_);
    BOOST_TEST(inputs_ >= least_inputs);

    const auto& from = file_.metadata();
    const std::string row = tamp::detail::sentence(
        "| ", method_, " | ", from.at("repository"), " at ", from.at("commit").substr(0, 12), " | ",
        inputs_, " | ", equal_, " | ", differences, " |");
    std::ifstream page(std::string(TAMP_SOURCE_DIR) + "/docs/parity.md");
    bool is_there = false;
    for (std::string line; std::getline(page, line);) is_there |= line.starts_with(row);
    BOOST_TEST(is_there, "docs/parity.md lacks the row\n" << row);
  }

 private:
  std::string method_;
  tamp::io::safetensors_file file_;
  std::size_t inputs_, equal_ = 0;
  std::map<std::string, std::size_t> reasons_;
};

}  // namespace parity
