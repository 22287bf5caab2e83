#pragma once

// Case "redundancy_lens": the channels that a probe chooses, and the masks of hollow attention.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tamp/compute/dynamic_ffn.hpp>
#include <tamp/compute/hollow_attention.hpp>
#include <vector>

#include "tally.hpp"

namespace golden {

inline void check_redundancy_lens(const std::string& path, const safetensors_file& file,
                                  tally& results) {
  // The files say it in words only: "probe every 10, 4".
  const std::map<std::string, std::size_t> probe_every{{"0.2", 10}, {"0.5", 4}};
  std::vector<tamp::modality> kinds;
  for (const std::uint8_t visual : file.values<std::uint8_t>("in.visual"))
    kinds.push_back(visual != 0 ? tamp::modality::image : tamp::modality::text);
  for (const auto& tensor : file.tensors()) {
    const std::string& name = tensor.name;
    if (!name.starts_with("out.")) continue;
    const auto key = split(name, 3);
    if (key.size() == 3 && key[1] == "channels" && probe_every.contains(key[2])) {
      const tamp::compute::dynamic_ffn policy{.keep_ratio = std::stod(key[2]),
                                              .probe_every = probe_every.at(key[2])};
      const auto channels = tamp::compute::channels(file.matrix<float>("in.hidden"), policy);
      results.verdict(path + " " + name, compare(channels, file.values<std::int64_t>(name), 0));
    } else if (key.size() == 3 && key[1] == "hollow") {
      const tamp::compute::hollow_attention policy{.window = std::stoul(key[2])};
      std::vector<std::uint8_t> mask(kinds.size() * kinds.size());
      policy.mask(kinds).copy_to(tamp::view(mask, kinds.size(), kinds.size()));
      std::string complaint = compare(mask, file.values<std::uint8_t>(name), 0);
      std::size_t allowed = 0;
      for (const std::uint8_t pair : mask) allowed += pair;
      if (complaint.empty() && policy.products(kinds) != allowed)
        complaint = "another number of allowed pairs";
      results.verdict(path + " " + name, complaint);
    } else {
      results.add(path, outcome::skipped, "redundancy_lens: " + name + " is not in the library");
    }
  }
}

}  // namespace golden
