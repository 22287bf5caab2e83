#pragma once

// A statistic that keeps all it was shown.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tamp/execute/executor.hpp>
#include <tamp/model/layer_sample.hpp>
#include <tamp/model/observable.hpp>
#include <tamp/tensor/rows.hpp>
#include <vector>

#include "tensors.hpp"

namespace support {

template <class T>
matrix<float> recorded(const T& tensor) {
  const auto& source = tamp::detail::source(tensor);
  matrix<float> copy(static_cast<std::size_t>(source.rows()),
                     static_cast<std::size_t>(source.cols()));
  tamp::detail::row_reader read(source);
  for (std::size_t i = 0; i < copy.rows(); ++i)
    for (std::size_t j = 0; j < copy.cols(); ++j) copy(i, j) = read(i)[j];
  return copy;
}

/// `first` and `second` are input and output, or the residual stream before and after.
template <tamp::observable Reads>
struct recording {
  static constexpr tamp::observable reads = Reads;
  static constexpr std::string_view label() { return "recording"; }

  struct sample {
    matrix<float> first, second;
    std::vector<tamp::modality> modality;
    std::vector<float> attention;
    friend bool operator==(const sample&, const sample&) = default;
  };
  std::vector<sample> samples;

  template <tamp::executor E, class X>
  recording& add(const E&, const X& x)
    requires(Reads == tamp::observable::input)
  {
    samples.push_back({recorded(x), {}, {}, {}});
    return *this;
  }
  template <tamp::executor E, class X, class Y>
  recording& add(const E&, const tamp::layer_sample<X, Y>& s)
    requires(includes(Reads, tamp::observable::output))
  {
    samples.push_back({recorded(s.input),
                       recorded(s.output),
                       {s.kinds.begin(), s.kinds.end()},
                       {s.attention.begin(), s.attention.end()}});
    return *this;
  }
  template <tamp::executor E, class Before, class After>
  recording& add(const E&, const Before& before, const After& after)
    requires(Reads == tamp::observable::hidden)
  {
    samples.push_back({recorded(before), recorded(after), {}, {}});
    return *this;
  }
  recording& combine(const recording& other) {
    samples.insert(samples.end(), other.samples.begin(), other.samples.end());
    return *this;
  }
  std::uint64_t tokens() const {
    std::uint64_t count = 0;
    for (const sample& s : samples) count += s.first.rows();
    return count;
  }
  friend bool operator==(const recording&, const recording&) = default;
};

}  // namespace support
