#pragma once

// Inputs with the answers of the authors' published code, tests/parity/METHOD.safetensors.
//
// The metadata name the repository and its commit. Tensor "007/hidden" belongs to input 7; numbers
// alone are tensors of one element.

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
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

  // Every input was compared, and there are enough of them. Prints the row of docs/parity.md.
  void summarise(std::size_t least_inputs = 20) const {
    std::size_t compared = equal_;
    std::string row = tamp::detail::sentence(method_, ": ", file_.metadata().at("repository"),
                                             " at ", file_.metadata().at("commit").substr(0, 12),
                                             ", ", inputs_, " inputs, ", equal_, " equal");
    for (const auto& [reason, count] : reasons_) {
      compared += count;
      row += tamp::detail::sentence(", ", count, " differ: ", reason);
    }
    BOOST_TEST_MESSAGE(row);
    BOOST_TEST(compared == inputs_);
    BOOST_TEST(inputs_ >= least_inputs);
  }

 private:
  std::string method_;
  tamp::io::safetensors_file file_;
  std::size_t inputs_, equal_ = 0;
  std::map<std::string, std::size_t> reasons_;
};

}  // namespace parity
