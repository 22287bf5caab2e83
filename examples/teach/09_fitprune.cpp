// Step 9: FitPrune. A schedule says how many tokens leave in which layer, for a budget of work.
#include <iostream>
#include <tamp/tamp.hpp>
#include <vector>

namespace token = tamp::token;

int main() {
  using enum tamp::modality;
  const std::vector<tamp::modality> kinds{text, image, image, image, image, text};
  token::attention_recording recording(3);
  for (int layer = 0; layer < 3; ++layer) {
    // The deeper the layer, the more the first patch gets, and the less the others.
    const float first = 0.25f + 0.2f * float(layer), rest = (0.9f - first) / 6;
    std::vector<float> attention;  // one head
    for (int query = 0; query < 6; ++query)
      attention.insert(attention.end(), {0.1f, first, rest, 2 * rest, 3 * rest, 0});
    recording.add(token::attention_record::of({.kinds = kinds, .attention = {attention, 1, 6}}));
  }

  const auto shape = tamp::block_shape::plain(64, 128);
  for (const double budget : {0.9, 0.6, 0.3}) {
    const token::fitprune_fit fit{.budget = budget, .shape = shape};
    const auto found = fit(recording, recording.visual_tokens(), recording.layers());
    std::cout << "budget " << budget << ": of 4 tokens leave " << found.schedule.for_tokens(4)
              << ", of 100 leave " << found.schedule.for_tokens(100) << ", cost " << found.cost
              << '\n';
  }
}
