#pragma once

/// @file
/// The forward pass with less to compute: visual tokens that leave on the way, and blocks that
/// spend less on those that stay. Joins the engine and tamp's token and compute policies.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <tamp/compute/dynamic_ffn.hpp>
#include <tamp/compute/head_activity.hpp>
#include <tamp/compute/hollow_attention.hpp>
#include <tamp/model/block_shape.hpp>
#include <tamp/token/grid.hpp>
#include <tamp/token/schedule.hpp>
#include <tamp/token/select.hpp>
#include <vector>

#include "forward.hpp"

namespace llama {

struct sequence;

/// The computation of one block on its visual tokens.
struct visual_computation {
  std::optional<tamp::compute::hollow_attention> attention{};
  std::optional<tamp::compute::dynamic_ffn> ffn{};
  std::vector<std::size_t> blind_heads{};  ///< ascending; these see the text alone
  bool text_alone = false;  ///< visual tokens stay as they are, and no text sees them
};

/// Computation to spare; an empty one is the dense model.
struct reduction {
  using selector =
      std::function<tamp::token::selection(const tamp::token::context&, tamp::token::quota)>;

  selector select;  ///< asked in the layers in which the schedule drops tokens
  tamp::observable reads = tamp::observable::none;  ///< what the selector wants to see
  tamp::token::schedule schedule;                   ///< how many tokens leave, and where
  /// The same for sequences of other numbers of visual tokens; `schedule` for those not listed.
  std::map<std::size_t, tamp::token::schedule> schedules;
  /// Returns the tokens that enter the first block, of a sequence and its number; all if empty.
  std::function<tamp::token::selection(const llama::sequence&, std::uint64_t)> entering;
  /// After tokens have left, RoPE counts the others anew, as in PyramidDrop. Else they keep their
  /// positions, as in FastV and FitPrune.
  bool renumber = false;
  std::vector<visual_computation> visual;  ///< (layers,), or empty
  std::uint64_t sequence = 0;              ///< its number, for selectors that depend on chance

  /// Any tamp token policy.
  template <tamp::token::token_policy Policy>
  void use(const Policy& policy) {
    reads = Policy::reads;
    select = [policy](const tamp::token::context& c, tamp::token::quota q) {
      return tamp::token::select(c, policy, q);
    };
  }
};

/// The keys and values of one block, as RoPE turned them, and the kinds of their tokens.
struct cached_block {
  matrix keys, values;  // (tokens, kv_heads * head_dim)
  std::vector<tamp::modality> kinds;
  std::size_t gone = 0;  // tokens that had left before this block, if the others were renumbered
};

/// One sequence on its way through the model: some of its tokens may have left.
struct sequence {
  matrix hidden;                         // (tokens, hidden)
  std::vector<tamp::modality> kinds;     // (tokens,)
  std::vector<std::size_t> positions;    // (tokens,), original ones
  std::vector<std::size_t> renumbered;   // (tokens,), what RoPE sees instead, or empty
  std::size_t gone = 0;                  // tokens that have left, if the others were renumbered
  std::vector<float> sizes;              // (tokens,), or empty before anything was merged
  std::vector<tamp::token::grid> grids;  // of the visual tokens; empty once some have left
  std::uint64_t multiply_adds = 0;       // so far; attention as the causal half

  sequence(matrix embeddings, std::vector<tamp::modality> kinds_of_tokens,
           std::size_t first_position = 0);

  std::size_t visual_tokens() const;
};

tamp::block_shape shape_of(const config& c);

/// The queries, keys and values of a block, before RoPE.
struct projected_block {
  matrix queries, keys, values;  // (tokens, heads * head_dim or kv_heads * head_dim)
};
projected_block project_block(const model& m, Index index, sequence& s);

/// The results of a block's first half: attention, before its output projection.
struct attended_block {
  attention seen;
  matrix plain_keys;  // (tokens, kv_heads * head_dim), before RoPE, where a selector reads keys
};

/// The first half of a block: projections and attention of all tokens of `s`, whose keys and values
/// are appended to `cache`. Records what a selector with these sights wants to see.
attended_block attend_block(const model& m, Index index, sequence& s, projected_block projected,
                            cached_block& cache, const visual_computation& visual,
                            tamp::observable wanted = tamp::observable::none);
attended_block attend_block(const model& m, Index index, sequence& s, cached_block& cache,
                            const visual_computation& visual,
                            tamp::observable wanted = tamp::observable::none);

/// The attention that a block recorded, as tamp's token policies see it.
tamp::token::attention_view attention_of(const attended_block& done, Index heads);

/// What a selector with these sights wants to see of a block in front of it: only the rows of
/// attention that it reads, by the block's own queries and keys of all tokens that enter.
attended_block rate_block(const model& m, Index index, sequence& s,
                          const projected_block& projected, tamp::observable wanted);

/// The second half of a block: output projection and feed-forward part of the tokens that are left.
void finish_block(const model& m, Index index, sequence& s, const attended_block& done,
                  const visual_computation& visual);

/// The attention that the heads of each block pay to the visual tokens of some sequences.
std::vector<tamp::compute::head_activity> head_activities(const model& m,
                                                          const std::vector<sequence>& samples);

/// Sends a sequence through all blocks and the last norm, reduced; returns what the head takes, of
/// the tokens that are left. `cache`, (layers,) or empty, holds what earlier calls have left there:
/// reading a prompt fills it, and one more token goes on from it.
matrix forward(const model& m, sequence& s, const reduction& r, std::vector<cached_block>& cache);
matrix forward(const model& m, sequence& s, const reduction& r);

}  // namespace llama
