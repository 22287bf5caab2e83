#pragma once

// Case "video": the tokens of a video that evs and vidcom2 keep, and how usual vidcom2 finds them.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tamp/token/evs.hpp>
#include <tamp/token/vidcom2.hpp>
#include <vector>

#include "selections.hpp"

namespace golden {

inline void check_video(const std::string& path, const safetensors_file& file, tally& results) {
  namespace token = tamp::token;
  const auto number = [&](const char* key) -> std::size_t {
    return std::stoul(file.metadata().at(key));
  };
  const auto tokens = file.matrix<float>("in.tokens");
  const std::vector<tamp::modality> kinds(tokens.rows(), tamp::modality::video);
  const token::grid grid{number("frames"), number("rows"), number("cols")};
  const token::context c{.kinds = kinds, .hidden = tokens, .grids = {&grid, 1}};
  for (const auto& tensor : file.tensors()) {
    const std::string &name = tensor.name, what = path + " " + name;
    if (!name.starts_with("out.")) continue;
    const auto stay = [&](const auto& policy, std::size_t keep) {
      std::vector<bool> mask(tokens.rows());
      for (const std::size_t t : token::select(c, policy, {.keep = keep}).kept) mask[t] = true;
      results.verdict(what, compare(mask, file.values<std::uint8_t>(name), 0));
    };
    const auto ratio = [&](const char* before) {
      return std::stod(name.substr(std::string(before).size()));
    };
    if (name.starts_with("out.evs.")) {
      stay(token::evs{}, token::evs::published_count(grid, 1 - ratio("out.evs.")));
    } else if (name.starts_with("out.vidcom2.to_")) {
      const auto usual = token::vidcom2::scores(c);
      results.verdict(what,
                      compare(name == "out.vidcom2.to_video" ? usual.in_video : usual.in_frame,
                              file.values<double>(name), 1e-10));
    } else if (name.starts_with("out.vidcom2.exact.")) {
      const token::vidcom2 policy{.ratio = ratio("out.vidcom2.exact.")};
      stay(policy, token::vidcom2::published_count(grid, policy.ratio));
    } else if (name.starts_with("out.vidcom2.")) {
      const token::vidcom2 policy{.ratio = ratio("out.vidcom2.")};
      std::size_t all = 0;
      for (const std::size_t count : policy.frame_counts(c)) all += count;
      stay(policy, all);
    } else {
      results.add(what, outcome::skipped, name + " is not in the library");
    }
  }
}

}  // namespace golden
