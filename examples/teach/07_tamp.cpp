// Step 7: a whole model, pruned by TAMP. The host lists its layers and shows their inputs and outputs.
#include <iostream>
#include <string>
#include <tamp/tamp.hpp>
#include <vector>

using tamp::modality;

// Two blocks of one linear layer each; one sample of three patches and two words.
struct tiny_host {
  static constexpr auto shows = tamp::observable::input | tamp::observable::output |
                                tamp::observable::last_query | tamp::observable::modality;
  std::vector<std::vector<float>> weights{{4, 1, 0, 2, 3, 1, 1, 0, 5}, {1, 2, 3, 3, 2, 1, 2, 2, 2}};
  std::vector<float> sample{1, 0, 0, 1, .1f, 0, .9f, 0, .1f, 0, 2, 1, 0, 0, 3}, hidden = sample;
  std::vector<modality> kinds{modality::image, modality::image, modality::image, modality::text,
                              modality::text};
  std::vector<float> last_query{.1f, .1f, .2f, .2f, .4f};

  // A host is four functions, and rewind for allocations that look at the model first.
  std::size_t blocks() const { return weights.size(); }
  auto weight(std::size_t block) { return tamp::view(weights[block], 3, 3); }
  void visit_layers(std::size_t block, auto&& visit) {
    visit("linear." + std::to_string(block), weight(block));
  }
  void observe_block(std::size_t block, auto& observer) {
    const std::vector<float> out = forward(block);
    observer.modality(kinds);
    observer.attention(last_query);
    observer.linear(0, tamp::view(hidden, 5, 3), tamp::view(out, 5, 3));
  }
  void advance(std::size_t block) { hidden = forward(block); }
  void rewind() { hidden = sample; }

  std::vector<float> forward(std::size_t block) {
    std::vector<float> out(hidden.size());
    const auto W = weight(block);
    for (std::size_t t = 0; t < 5; ++t)
      for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t j = 0; j < 3; ++j) out[3 * t + i] += W(i, j) * hidden[3 * t + j];
    return out;
  }
};

int main() {
  tiny_host host;
  const auto recipe = tamp::compose(tamp::score::amia{}, tamp::pattern::per_row{},
                                    tamp::allocate::das{.sparsity = 0.5, .max_sparsity = 0.8});

  // A plan decides how much each layer loses. It can be read, saved and edited.
  const tamp::pruning_plan plan = tamp::plan(host, recipe);
  std::cout << recipe.label() << '\n' << plan;

  // Block by block: observed, pruned, and then the input of the next one is computed.
  const tamp::prune_report report = tamp::prune_model(host, plan, recipe);
  for (const auto& layer : report.layers)
    std::cout << layer.name << " has lost " << layer.achieved() << '\n';
}
