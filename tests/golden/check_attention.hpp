#pragma once

// Case "attention": what the last query and FitPrune keep, and FitPrune's schedules.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tamp/token/attention_record.hpp>
#include <tamp/token/attention_top_k.hpp>
#include <tamp/token/fitprune_fit.hpp>
#include <vector>

#include "tally.hpp"

namespace golden {

inline void check_attention(const std::string& path, const safetensors_file& file, tally& results) {
  namespace token = tamp::token;
  std::vector<tamp::modality> kinds;
  for (const std::uint8_t visual : file.values<std::uint8_t>("in.visual"))
    kinds.push_back(visual != 0 ? tamp::modality::image : tamp::modality::text);
  const auto layers = std::stoul(file.metadata().at("layers"));
  const auto samples = std::stoul(file.metadata().at("samples"));
  const auto context = [&](std::size_t sample, std::size_t layer) {
    const std::string name = "in.attention." + std::to_string(sample) + "." + std::to_string(layer);
    return token::context{
        .kinds = kinds,
        .attention = {file.values<float>(name), file.at(name).shape[0], kinds.size()}};
  };
  const token::context first = context(0, 0);
  const std::vector<std::size_t> visual = first.visual();

  const auto received = token::fitprune::statistics(first);
  results.verdict(path + " out.fitprune.cross",
                  compare(received.cross, file.read_floats("out.fitprune.cross"), 1e-5));
  results.verdict(path + " out.fitprune.self",
                  compare(received.self, file.read_floats("out.fitprune.self"), 1e-5));

  token::attention_recording recording(layers);
  for (std::size_t s = 0; s < samples; ++s)
    for (std::size_t l = 0; l < layers; ++l)
      recording.add(token::attention_record::of(context(s, l)));
  token::fitprune_fit fit{.shape =
                              tamp::block_shape::plain(std::stoul(file.metadata().at("hidden")),
                                                       std::stoul(file.metadata().at("ffn")))};

  for (const auto& tensor : file.tensors()) {
    const std::string& name = tensor.name;
    const auto number = [&](std::string_view prefix) { return name.substr(prefix.size()); };
    if (name.starts_with("out.attention_top_k.")) {
      const auto kept = token::select(first, token::attention_top_k{},
                                      {.keep = std::stoul(number("out.attention_top_k."))});
      std::vector<std::uint8_t> mask(kinds.size());
      for (const std::size_t t : kept.kept) mask[t] = 1;
      results.verdict(path + " " + name, compare(mask, file.values<std::uint8_t>(name), 0));
    } else if (name.starts_with("out.fitprune.drop.")) {
      const std::size_t drop = std::stoul(number("out.fitprune.drop."));
      const auto kept =
          token::select(first, token::fitprune{}, {.keep = visual.size() - drop}).kept;
      std::vector<std::int64_t> dropped;
      for (std::size_t v = 0; v < visual.size(); ++v)
        if (!std::binary_search(kept.begin(), kept.end(), visual[v]))
          dropped.push_back(static_cast<std::int64_t>(v));
      results.verdict(path + " " + name, compare(dropped, file.values<std::int64_t>(name), 0));
    } else if (name.starts_with("out.fitprune.recipe.")) {
      const std::string budget = number("out.fitprune.recipe.");
      fit.budget = std::stod(budget);
      const auto found = fit(recording, recording.visual_tokens(), layers);
      const token::schedule counts = found.schedule.for_tokens(visual.size());
      const std::vector<std::int64_t> drops(counts.drops.begin(), counts.drops.end());
      results.verdict(path + " " + name, compare(drops, file.values<std::int64_t>(name), 0));
      results.verdict(path + " out.fitprune.alpha." + budget,
                      compare(std::vector{found.alpha},
                              file.values<double>("out.fitprune.alpha." + budget), 0));
    }
  }
}

}  // namespace golden
