// Step 8: tokens. Most patches of a picture can leave before the model has spent much on them.
#include <iostream>
#include <tamp/tamp.hpp>
#include <vector>

namespace token = tamp::token;
using tamp::modality;

int main() {
  // A word, six patches, a word. Two features each; patches 2, 3 and 4 are background.
  const std::vector<modality> kinds{modality::text,  modality::image, modality::image,
                                    modality::image, modality::image, modality::image,
                                    modality::image, modality::text};
  const std::vector<float> hidden{1, 1, 9, 1, 5, 5, 5, 5, 5, 4.9f, 1, 9, -3, 1, 1, 1};
  // The attention that the last word pays to each token, of one head.
  const std::vector<float> attention{.1f, .1f, .3f, .1f, .1f, .1f, .1f, .1f};
  const token::context context{
      .kinds = kinds, .attention = {attention, 1, 1, 8, 7}, .hidden = tamp::view(hidden, 8, 2)};

  const auto show = [&](const char* name, const auto& policy) {
    std::cout << name << " keeps, text included:";
    for (const std::size_t t : token::select(context, policy, {.keep = 3}).kept)
      std::cout << ' ' << t;
    std::cout << '\n';
  };
  show("attention_top_k (FastV)", token::attention_top_k{});  // patches that were looked at
  show("divprune", token::divprune{});                        // patches that differ from each other
  show("random_choice", token::random_choice{});
}
