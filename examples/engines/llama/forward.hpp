#pragma once

/// @file
/// The forward pass, one sequence at a time, block by block, watched by an observer.
///
/// OpenMP spreads the work inside a sequence over the processor's cores; called from a parallel
/// region (several sequences at once) the same code runs on the caller's thread alone. Either way,
/// and for any number of threads, the same sums are made in the same order.

#include <span>

#include "attention.hpp"
#include "model.hpp"

namespace llama {

/// Sees nothing and costs nothing; derive from it to see some of what a block computes:
///
///     input(layer, X)    before a linear layer: X is (tokens, in_features)
///     output(layer, Y)   after it: Y is (tokens, out_features)
///     attention(a)       before o_proj: softmax of the last query, mean over heads, (tokens,)
///     carried(a, V, Y)   after o_proj: the softmax of the last `recorded_queries`, the values, and
///                        what is added to the residual stream, before a norm of it
struct null_observer {
  virtual ~null_observer() = default;
  virtual Index recorded_queries(Index /*tokens*/) const { return 0; }
  virtual void carried(const llama::attention&, const matrix&, const matrix&) {}
  virtual void input(layer, const matrix&) {}
  virtual void output(layer, const matrix&) {}
  virtual void attention(const row_vector&) {}
};

/// x / sqrt(mean(x^2) + epsilon) * gain, row by row.
matrix rms_norm(const matrix& x, const row_vector& gain, float epsilon);

/// X W^T. The slices of out_features are tasks for the threads; their size does not depend on the
/// number of threads, as Eigen's own division of the work would.
matrix linear(const matrix& x, const Eigen::Ref<const matrix>& w);

/// silu(gate) * up, or gelu(gate) * up, written over `gate`.
void gated_linear_unit(matrix& gate, const matrix& up, activation bend = activation::silu);

/// Adds the bias of q_proj, k_proj or v_proj to what the layer has made, if it has one.
void add_bias(const block_vectors& b, layer l, matrix& y);

/// RMSNorm of each head of `x`, (tokens, heads * head_dim), in place; none where `gain` is empty.
void normalise_heads(matrix& x, const row_vector& gain, float epsilon);

/// Adds what half a block has made to the residual stream, through RMSNorm unless `gain` is empty.
void add_to_stream(Eigen::Ref<matrix> hidden, const matrix& y, const row_vector& gain,
                   float epsilon);

/// Sends `hidden`, (tokens, hidden), the residual stream of one sequence, through a block in place.
void forward_block(const model& m, Index index, matrix& hidden, null_observer& observer);
void forward_block(const model& m, Index index, matrix& hidden);

/// Embeddings of tokens, (tokens, hidden): what the first block takes.
matrix embed(const config& c, const ends& e, std::span<const int> tokens);
matrix embed(const model& m, std::span<const int> tokens);

/// Sends the embeddings of one sequence through all blocks and the last norm: what the head takes.
matrix forward(const model& m, matrix hidden);

}  // namespace llama
