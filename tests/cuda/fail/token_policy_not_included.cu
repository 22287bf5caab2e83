// expects: this policy chooses tokens on the CPU alone, or its header, such as
// <tamp/cuda/attention_top_k.cuh>, is not included
#include <tamp/cuda/token_context.cuh>
#include <tamp/token/fitprune.hpp>

void wrong(const tamp::cuda::token_context<float>& context) {
  tamp::token::select(tamp::on(nullptr), context, tamp::token::fitprune{}, {.keep = 3});
}
