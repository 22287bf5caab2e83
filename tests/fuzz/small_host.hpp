#pragma once

// A model of two blocks of one layer, small enough to be made anew for each input of the fuzzer.

#include <tamp/model/fingerprint.hpp>
#include <tamp/model/observable.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tamp/model/modality.hpp>
#include <tamp/tensor/view.hpp>
#include <vector>

namespace fuzz {

/// Shows whatever it is given as the inputs of its layers; outputs and hidden states are the same.
struct small_host {
  static constexpr std::size_t features = 3;
  static constexpr tamp::observable shows = tamp::observable::input | tamp::observable::output |
                                            tamp::observable::last_query |
                                            tamp::observable::modality | tamp::observable::hidden;

  std::array<float, features * features> weight{1, 2, 3, 4, 5, 6, 7, 8, 9};
  std::vector<float> numbers;  // (tokens, features)
  std::vector<tamp::modality> kinds;
  std::vector<float> attention;
  std::uint64_t samples = 7;

  std::size_t tokens() const { return kinds.size(); }
  std::size_t blocks() const { return 2; }
  void visit_layers(std::size_t block, auto&& visit) {
    visit(std::string_view(block == 0 ? "0.mlp" : "1.mlp"),
          tamp::matrix_view<float>(weight.data(), features, features));
  }
  void observe_block(std::size_t, auto& observer) {
    const tamp::matrix_view<const float> x(numbers.data(), tokens(), features);
    observer.modality(kinds);
    observer.attention(attention);
    observer.linear(0, x, x);
    observer.hidden(x, x);
  }
  void advance(std::size_t) {}
  void rewind() {}
  std::uint64_t fingerprint() const { return samples; }
};

}  // namespace fuzz
