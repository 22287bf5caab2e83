#pragma once

// Case "amia_das": token densities, DAS importance and AMIA's choice of one layer's output.

#include <cstdint>
#include <string>
#include <tamp/stat/amia_select.hpp>
#include <tamp/stat/select_tokens.hpp>
#include <tamp/stat/token_diversity.hpp>
#include <vector>

#include "tally.hpp"

namespace golden {

inline void check_amia_das(const std::string& path, const safetensors_file& file, tally& results) {
  using enum tamp::modality;
  const auto output = file.matrix<float>("in.output");
  const auto attention = file.values<float>("in.attention");
  std::vector<tamp::modality> kinds;
  for (const std::uint8_t visual : file.values<std::uint8_t>("in.visual"))
    kinds.push_back(visual != 0 ? image : text);

  tamp::stat::token_diversity diversity;
  diversity.add(tamp::layer_sample<decltype(output), decltype(output)>{output, output, kinds, {}});
  const std::vector<double> densities{diversity.density(image, image),
                                      diversity.density(text, text),
                                      diversity.density(image, text)};
  // The library scales tokens to unit length in float, which is rounded by up to 6e-8.
  results.verdict(path + " out.density",
                  compare(densities, file.values<double>("out.density"), 1e-7));
  results.verdict(path + " out.das_importance",
                  compare(std::vector{diversity.importance()},
                          file.values<double>("out.das_importance"), 1e-7));

  const auto taken = tamp::stat::select_tokens(output, kinds, attention, tamp::stat::amia_select{});
  results.verdict(path + " out.amia_kept_in_order",
                  compare(std::vector<std::int64_t>(taken.begin(), taken.end()),
                          file.values<std::int64_t>("out.amia_kept_in_order"), 0));
  const std::vector<double> in_double(output.data(), output.data() + output.size());
  const auto again = tamp::stat::select_tokens(tamp::view(in_double, output.rows(), output.cols()),
                                               kinds, attention, tamp::stat::amia_select{});
  results.verdict(path + " out.amia_kept_in_order from doubles",
                  again == taken ? "" : "another choice");
}

}  // namespace golden
