#pragma once

// The golden vectors of tests/golden, read by golden.cpp: nvcc need not read what reads them.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "../support/tensors.hpp"

namespace support {

/// One file of golden vectors: what the tests of the GPU take from it.
struct golden_file {
  /// @param name without ".safetensors"
  explicit golden_file(const std::string& name);

  std::map<std::string, std::vector<double>> numbers;  // whatever their type
  std::map<std::string, std::vector<std::size_t>> shapes;
  std::map<std::string, std::string> metadata;

  std::vector<std::string> names_of(std::string_view prefix) const {
    std::vector<std::string> names;
    for (const auto& [name, values] : numbers)
      if (name.starts_with(prefix)) names.push_back(name);
    return names;
  }
  template <class T>
  std::vector<T> values(const std::string& name) const {
    std::vector<T> all;
    for (const double number : numbers.at(name)) all.push_back(static_cast<T>(number));
    return all;
  }
  matrix<float> matrix_of(const std::string& name) const {
    const auto& shape = shapes.at(name);
    matrix<float> m(shape.at(0), shape.at(1));
    for (std::size_t k = 0; k < m.rows() * m.cols(); ++k)
      m.data()[k] = static_cast<float>(numbers.at(name)[k]);
    return m;
  }
};

}  // namespace support
