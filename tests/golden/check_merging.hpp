#pragma once

// Case "merging": the tokens that tome, folder and visionzip merge, their order, and their rows.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tamp/token/folder.hpp>
#include <tamp/token/gather.hpp>
#include <tamp/token/tome.hpp>
#include <tamp/token/visionzip.hpp>
#include <vector>

#include "selections.hpp"

namespace golden {

// Layers of tome on the means of keys, stored as float between layers, as a host has them.
inline void check_tome_layers(const std::string& what, const safetensors_file& file,
                              const std::string& key, const std::vector<std::size_t>& removals,
                              const tamp::token::tome& policy, tally& results) {
  const auto given = file.matrix<float>("in.keys." + split(key, 2)[0]);
  const std::size_t special = policy.class_token + policy.distillation_token;
  std::vector<float> keys(given.row(0).data(), given.row(0).data() + given.size()), sizes;
  std::vector<std::size_t> names, owner;  // first tokens, by place; places, by first token
  for (std::size_t t = 0; t < given.rows(); ++t) names.push_back(t);
  owner = names;
  for (const std::size_t removed : removals) {
    const std::vector<tamp::modality> kinds(names.size(), tamp::modality::image);
    const auto rows = tamp::view(keys, names.size(), given.cols());
    const tamp::token::context c{.kinds = kinds, .keys = rows, .sizes = sizes};
    const std::size_t left = names.size() - (std::min)(removed, (names.size() - special) / 2);
    const auto made =
        tamp::token::in_published_order(tamp::token::select(c, policy, {.keep = left}));
    policy.merge_rows(rows, made, c);
    keys.resize(left * given.cols());
    sizes = tamp::token::merged_sizes(made, sizes);
    tamp::token::gather_elements(names, made.kept);
    for (std::size_t& place : owner) place = made.into[place];
  }
  std::vector<std::size_t> into;
  for (const std::size_t place : owner) into.push_back(names[place]);
  const auto name = [&](const char* part) {
    return std::string("out.tome_layers.") + part + "." + key;
  };
  results.verdict(what + " into", compare(into, file.values<std::int64_t>(name("into")), 0));
  results.verdict(what + " order", compare(names, file.values<std::int64_t>(name("order")), 0));
  results.verdict(what + " sizes", compare(sizes, file.values<double>(name("sizes")), 0));
}

inline void check_merging(const std::string& path, const safetensors_file& file, tally& results) {
  namespace token = tamp::token;
  for (const auto& tensor : file.tensors()) {
    const auto parts = split(tensor.name, 5);  // out.METHOD.PART.NAME.NUMBERS
    if (parts[0] != "out" || parts[2] != "into") continue;
    const std::string &method = parts[1], key = parts[3] + "." + parts[4];
    const std::string what = path + " " + method + " " + key, rows = "in.rows." + parts[3];
    const auto numbers = numbers_of(parts[4]);
    const auto keys = file.matrix<float>("in.keys." + parts[3]);
    const std::size_t tokens = keys.rows();
    std::vector<tamp::modality> kinds(tokens, tamp::modality::image);
    if (method == "visionzip") {
      const token::context c{
          .kinds = kinds,
          .attention = {file.values<float>("in.score." + parts[3]), 1, 1, tokens, 0},
          .keys = keys};
      check_merged(what, file, method, key, rows, c, token::visionzip{.contextual = numbers[1]},
                   numbers[0] + numbers[1], results);
      continue;
    }
    const std::size_t special = numbers[0];
    const token::tome tome{.class_token = special > 0, .distillation_token = special > 1};
    if (method == "tome_layers") {
      check_tome_layers(what, file, key, {numbers.begin() + 1, numbers.end()}, tome, results);
      continue;
    }
    // Protected tokens are visual tokens, or text in front of them, if any of those are to stay.
    const std::size_t left = numbers[1];
    for (std::size_t front = 0; front == 0 || (front == special && left > special);
         front += special == 0 ? tokens : special) {
      std::fill_n(kinds.begin(), front, tamp::modality::text);
      const token::context c{.kinds = kinds, .hidden = keys, .keys = keys};
      const std::string which = what + (front == 0 ? "" : " behind text");
      if (method == "tome")
        check_merged(which, file, method, key, rows, c, tome, left - front, results);
      else
        check_merged(which, file, method, key, rows, c, token::folder{.class_token = special == 1},
                     left - front, results);
    }
  }
}

}  // namespace golden
