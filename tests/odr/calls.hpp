#pragma once

// Calls everything once, on the executor that is standard in this file, and returns what came out.

#include <all_headers.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct odr_host {
  std::vector<float> numbers{4, -1, 2, -3, 0.5f, -8, -7, 3};
  auto weight() { return tamp::view(numbers, 2, 4); }
  std::size_t blocks() const { return 1; }
  void visit_layers(std::size_t, auto&& visit) { visit("layer", weight()); }
  void observe_block(std::size_t, auto& observer) { observer.input(0, weight()); }
  void advance(std::size_t) {}
};

template <class Pattern, class... Allocation>
void call_with(std::ostream& out, Pattern pattern, Allocation... allocation) {
  odr_host host;
  const auto weight = host.weight();
  const auto recipe = tamp::compose(tamp::score::wanda{}, pattern, allocation...);
  const auto norms = tamp::observe<tamp::stat::column_norm>(weight);
  const auto keep = tamp::select(weight, norms, recipe);
  out << recipe.label() << '\n' << keep << tamp::plan(host, recipe);
  for (const auto& layer : tamp::prune_model(host, recipe).layers) out << layer.achieved() << '\n';
  tamp::prune(weight, norms, recipe);
  tamp::apply(weight, keep);
  tamp::prune(weight, tamp::compose(tamp::score::magnitude{}, pattern, allocation...));
  for (const float number : host.numbers) out << number << ' ';
  out << '\n';
}

std::string call_everything() {
  std::ostringstream out;
  call_with(out, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
  call_with(out, tamp::pattern::per_tensor{}, tamp::allocate::uniform{0.3});
  call_with(out, tamp::pattern::n_of_m<2, 4>{});

  Eigen::MatrixXf columns(9, 20);
  for (int k = 0; k < 180; ++k) columns(k % 9, k / 9) = static_cast<float>(k * 37 % 251) - 125.0f;
  const auto half = tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{},
                                  tamp::allocate::uniform{0.5});
  out << tamp::select(columns, half);
  xt::xtensor<tamp::f16, 2> rows({3, 5}, tamp::f16(1.0f));
  out << tamp::prune(rows, half).kept << '\n';
  try {
    tamp::io::safetensors_file("no such file");
  } catch (const tamp::file_error& e) {
    out << e.what() << '\n';
  }
  try {
    const std::vector<float> odd{1, 1 / 0.0f};
    (void)tamp::select(tamp::view(odd, 1, 2), half);
  } catch (const tamp::value_error& e) {
    out << e.what() << '\n';
  }
  return out.str();
}

}  // namespace
