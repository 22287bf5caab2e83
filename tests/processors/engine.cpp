// Eigen's products, as the engine and SparseGPT use them, compiled for a processor with AVX-512.
#include <Eigen/Core>
#include <tamp/score/sparsegpt.hpp>

#include "llama/forward.hpp"

llama::matrix last_hidden(const llama::model& m, std::span<const int> tokens) {
  return llama::forward(m, llama::embed(m, tokens));
}
