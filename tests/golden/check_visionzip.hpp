#pragma once

// Case "visionzip": the attention that tokens receive, and of which token each becomes part.

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <tamp/token/attention_received.hpp>
#include <tamp/token/visionzip.hpp>
#include <vector>

#include "tally.hpp"

namespace golden {

inline void check_visionzip(const std::string& path, const safetensors_file& file, tally& results) {
  namespace token = tamp::token;
  const auto& shape = file.at("in.attention").shape;
  const token::attention_view attention(file.values<float>("in.attention"), shape[0], shape[1]);
  for (const auto& tensor : file.tensors()) {
    const std::string& name = tensor.name;
    if (name.starts_with("out.score.")) {
      const auto received = token::attention_received(attention, std::stoul(name.substr(10)));
      const std::vector<double> score(received.begin(), received.end());
      results.verdict(path + " " + name, compare(score, file.values<double>(name), 1e-6));
    } else if (name.starts_with("out.fate.")) {
      std::size_t patches = 0, dominant = 0, contextual = 0;
      char dot = 0;
      std::istringstream(name.substr(9)) >> patches >> dot >> dominant >> dot >> contextual;
      const auto received = token::attention_received(attention, patches);
      const std::vector<tamp::modality> kinds(received.size(), tamp::modality::image);
      token::context c{.kinds = kinds,
                       .attention = {received, 1, 1, received.size(), 0},
                       .keys = file.matrix<float>("in.keys." + std::to_string(patches))};
      const auto fate = [&] {
        const auto made = token::select(c, token::visionzip{.contextual = contextual},
                                        {.keep = dominant + contextual});
        std::vector<std::int64_t> all;
        for (const std::size_t place : made.into)
          all.push_back(place == made.nowhere ? -1 : static_cast<std::int64_t>(made.kept[place]));
        return all;
      };
      results.verdict(path + " " + name, compare(fate(), file.values<std::int64_t>(name), 0));
      if (patches == 1) {
        c.attention = attention;  // the policy sums the columns itself
        results.verdict(path + " " + name + " of all rows",
                        compare(fate(), file.values<std::int64_t>(name), 0));
      }
    }
  }
}

}  // namespace golden
