// expects: this statistic takes no weights of tokens: give it add(exec, X, weights, count) for
// observable::input, or add(exec, sample, weights)
#include <tamp/tamp.hpp>

struct counter {
  void add(const auto&, const tamp::tensor_argument auto&) {}
  void combine(const counter&) {}
  static std::uint64_t tokens() { return 1; }
  static const char* label() { return "counter"; }
  friend bool operator==(const counter&, const counter&) = default;
};

void wrong(tamp::stat::weighted<counter, tamp::stat::only_modality>& all,
           tamp::matrix_view<const float> x) {
  all.add(tamp::layer_sample<decltype(x), tamp::not_shown>{x, {}, {}, {}});
}
