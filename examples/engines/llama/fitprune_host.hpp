#pragma once

/// @file
/// A model as FitPrune's fit asks for it: attention on the tokens that are left, layer by layer.

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <tamp/token/attention_record.hpp>
#include <vector>

#include "reduced.hpp"

namespace llama {

/// Records the attention of the whole model, sample after sample: add(record) takes a
/// tamp::token::attention_record for each layer of each sample.
void record_attention(const model& m, const std::vector<sequence>& samples,
                      const std::function<void(tamp::token::attention_record)>& add);

/// Runs each layer on the tokens that are left when tamp::token::fitprune_fit asks for it: the
/// published way. Several samples may be asked for at a time, each layer after the one before.
class fitprune_host {
 public:
  fitprune_host(const model& m, const std::vector<sequence>& samples);

  tamp::token::received_attention operator()(std::size_t sample, std::size_t layer,
                                             std::span<const std::size_t> left);

 private:
  struct state {
    std::optional<sequence> s;
    attended_block done;
    std::vector<std::size_t> visual;  // original numbers of the visual tokens that are left
  };

  const model& model_;
  const std::vector<sequence>& samples_;
  std::vector<state> states_;
};

}  // namespace llama
