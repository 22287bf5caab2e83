// The GPU's side of the library behind plain C functions, for compare.py. Each puts one thing onto
// the stream and returns null, or a sentence about what went wrong.

#include <tamp/allocate/uniform.hpp>
#include <tamp/cuda/apply.cuh>
#include <tamp/cuda/column_norm.cuh>
#include <tamp/cuda/select.cuh>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/pattern/per_tensor.hpp>
#include <tamp/prune/compose.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/wanda.hpp>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

#include "../compare/shim.hpp"
#include "pool.hpp"

namespace {

template <class T>
using device_matrix = tamp::matrix_view<T, tamp::cuda_space>;

using compare::guarded, compare::with_element;

}  // namespace

extern "C" {

// Once, before anything is timed.
const char* gpu_prepare(void*) {
  return guarded([] { bench::keep_the_pool(); });
}

// Prunes a (rows, cols) weight in place; `norms` has one float a column.
const char* gpu_prune(const char* recipe, const char* element, void* weights, std::size_t rows,
                      std::size_t cols, const float* norms, double sparsity, void* stream) {
  return guarded([&] {
    const auto on = tamp::on(static_cast<cudaStream_t>(stream));
    const device_matrix<const float> statistics(norms, 1, cols);
    with_element(element, weights, [&](auto* data) {
      using namespace tamp::pattern;
      using tamp::compose, tamp::score::magnitude, tamp::score::wanda;
      const device_matrix<std::remove_pointer_t<decltype(data)>> weight(data, rows, cols);
      const tamp::allocate::uniform share{sparsity};
      const std::string_view name = recipe;
      if (name == "wanda_per_row")
        tamp::apply(on, weight,
                    tamp::select(on, weight, statistics, compose(wanda{}, per_row{}, share)));
      else if (name == "wanda_2:4")
        tamp::apply(on, weight,
                    tamp::select(on, weight, statistics, compose(wanda{}, n_of_m<2, 4>{})));
      else if (name == "magnitude_per_tensor")
        tamp::apply(on, weight,
                    tamp::select(on, weight, compose(magnitude{}, per_tensor{}, share)));
      else
        throw std::invalid_argument("there is no recipe " + std::string(name));
    });
  });
}

// Writes the norm of each feature of (tokens, features) activations.
const char* gpu_column_norm(const char* element, void* activations, std::size_t tokens,
                            std::size_t features, float* norms, void* stream) {
  return guarded([&] {
    const auto on = tamp::on(static_cast<cudaStream_t>(stream));
    with_element(element, activations, [&](auto* data) {
      tamp::cuda::column_norm norm;
      norm.add(on, device_matrix<std::remove_pointer_t<decltype(data)>>(data, tokens, features));
      on.copy(norms, norm.values().data(), features * sizeof(float));
    });
  });
}

}  // extern "C"
