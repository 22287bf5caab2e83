// The library alone, compiled for a processor with AVX-512 with all warnings of our own code: a
// user who compiles for such a processor sees none either.
#include <tamp/tamp.hpp>

namespace {

template <class Element, class Recipe>
std::size_t kept(const std::vector<Element>& weights, const Recipe& recipe) {
  const auto weight = tamp::view(weights, 2, weights.size() / 2);
  const auto norms = tamp::observe<tamp::stat::column_norm>(weight);
  return tamp::select(weight, norms, recipe).count();
}

template <class Element>
std::size_t kept(const std::vector<Element>& weights) {
  using namespace tamp;
  const allocate::uniform half{0.5};
  return kept(weights, compose(score::wanda{}, pattern::per_row{}, half)) +
         kept(weights, compose(score::magnitude{}, pattern::per_tensor{}, half)) +
         kept(weights, compose(score::wanda{}, pattern::n_of_m<2, 4>{}));
}

}  // namespace

std::size_t kept_of_both(const std::vector<float>& floats, const std::vector<double>& doubles) {
  return kept(floats) + kept(doubles);
}
