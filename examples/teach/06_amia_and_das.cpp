// Step 6: the two halves of TAMP. AMIA chooses the tokens that a statistic listens to, DAS the layers
// that keep more.
#include <iostream>
#include <tamp/tamp.hpp>
#include <vector>

using tamp::modality;

int main() {
  // Three patches that are alike light up input 0; one word uses input 1.
  std::vector<float> inputs{9, 0, 9, 0, 9, 0, 0, 8}, outputs{1, 0, 1, .1f, 1, 0, 0, 1};
  const std::vector<modality> kinds{modality::image, modality::image, modality::image,
                                    modality::text};
  const std::vector<float> attention{.1f, .1f, .1f, .7f};  // that each token received
  const tamp::layer_sample sample{tamp::view(inputs, 4, 2), tamp::view(outputs, 4, 2),
                                  std::span<const modality>(kinds),
                                  std::span<const float>(attention)};

  const tamp::score::amia amia{{.tolerance = 0.2}};
  auto chosen = amia.statistic();
  chosen.add(sample);
  std::cout << chosen.tokens() << " of " << chosen.tokens_seen() << " tokens are listened to\n";

  std::vector<float> weights{2, 3};
  const auto W = tamp::view(weights, 1, 2);
  const auto half = [](auto score) {
    return tamp::compose(score, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
  };
  const auto all = tamp::observe<tamp::stat::column_norm>(tamp::view(inputs, 4, 2));
  std::cout << "Wanda " << tamp::select(W, all, half(tamp::score::wanda{}));
  std::cout << "AMIA  " << tamp::select(W, chosen, half(amia));

  // DAS: layers whose output tokens differ more keep more.
  const std::vector<double> importance{1, 3, 5};
  const std::vector<std::size_t> sizes{10, 10, 10};
  const tamp::allocate::das das{.sparsity = 0.5, .max_sparsity = 0.8};
  std::cout << "\nDAS:";
  for (const double sparsity : das.distribute(importance, sizes).sparsities)
    std::cout << ' ' << sparsity;
  std::cout << '\n';
}
