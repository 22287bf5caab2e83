// Statistics, masks, selection and application.

#include <algorithm>
#include <span>
#include <tamp/allocate/uniform.hpp>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/pattern/per_tensor.hpp>
#include <tamp/prune/apply.hpp>
#include <tamp/prune/compose.hpp>
#include <tamp/prune/select.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/ria.hpp>
#include <tamp/score/wanda.hpp>

#include "guarded.hpp"

namespace {

using tamp_c::checked;
using tamp_c::guarded;
using tamp_c::view_of;

// Calls use(pattern), with a pattern whose sparsity the recipe states or the pattern itself.
template <class Use>
auto with_pattern(std::string_view function, const tamp_recipe& recipe, const Use& use) {
  using namespace tamp::pattern;
  switch (recipe.pattern) {
    case TAMP_PER_ROW:
      return use(per_row{});
    case TAMP_PER_TENSOR:
      return use(per_tensor{});
    case TAMP_N_OF_M:
      if (recipe.n == 1 && recipe.m == 2) return use(n_of_m<1, 2>{});
      if (recipe.n == 1 && recipe.m == 4) return use(n_of_m<1, 4>{});
      if (recipe.n == 2 && recipe.m == 4) return use(n_of_m<2, 4>{});
      if (recipe.n == 4 && recipe.m == 8) return use(n_of_m<4, 8>{});
      if (recipe.n == 8 && recipe.m == 16) return use(n_of_m<8, 16>{});
      tamp::detail::raise<tamp::value_error>(function, ": there is no pattern ", recipe.n, ':',
                                             recipe.m, ", only 1:2, 1:4, 2:4, 4:8 and 8:16");
  }
  tamp::detail::raise<tamp::value_error>(function, ": there is no pattern of the number ",
                                         static_cast<int>(recipe.pattern));
}

template <class Score>
tamp::mask::bitmask select_with(std::string_view function, const tamp_c::executor& exec,
                                const tamp::any_view& weight, std::span<const float> norms,
                                const tamp_recipe& recipe, const Score& score) {
  return with_pattern(function, recipe, [&](auto pattern) {
    const auto selected = [&](const auto& composed) {
      if constexpr (std::is_same_v<Score, tamp::score::magnitude>)
        return tamp::select(exec, weight, composed);
      else
        return tamp::select(exec, weight, norms, composed);
    };
    if constexpr (requires { decltype(pattern)::sparsity; })
      return selected(tamp::compose(score, pattern));
    else
      return selected(tamp::compose(score, pattern, tamp::allocate::uniform{recipe.sparsity}));
  });
}

tamp::mask::bitmask select(std::string_view function, const tamp_executor* where,
                           const tamp::any_view& weight, const float* norms, std::size_t features,
                           const tamp_recipe* stated) {
  const tamp_recipe& recipe = checked(function, "the recipe", stated);
  const tamp_c::executor exec(function, where);
  if (recipe.score == TAMP_MAGNITUDE)
    return select_with(function, exec, weight, {}, recipe, tamp::score::magnitude{});
  if (features != 0) checked(function, "the list of norms", norms);
  const std::span<const float> values(norms, features);
  if (recipe.score == TAMP_WANDA)
    return select_with(function, exec, weight, values, recipe, tamp::score::wanda{});
  if (recipe.score == TAMP_RIA)
    return select_with(function, exec, weight, values, recipe, tamp::score::ria{});
  tamp::detail::raise<tamp::value_error>(function, ": there is no score of the number ",
                                         static_cast<int>(recipe.score));
}

}  // namespace

tamp_status tamp_column_norm_new(tamp_column_norm** norms) {
  return guarded([&] {
    auto& out = checked("tamp_column_norm_new", "the place of the result", norms);
    out = new tamp_column_norm;
  });
}

void tamp_column_norm_free(tamp_column_norm* norms) { delete norms; }

tamp_status tamp_column_norm_add(const tamp_executor* where, tamp_column_norm* norms,
                                 const tamp_matrix* activations, uint64_t count) {
  return guarded([&] {
    constexpr auto function = "tamp_column_norm_add";
    auto& to = checked(function, "the statistic", norms).norms;
    to.add(tamp_c::executor(function, where),
           view_of(function, "the matrix of activations", activations), count);
  });
}

size_t tamp_column_norm_features(const tamp_column_norm* norms) {
  return norms == nullptr ? 0 : norms->norms.features();
}

uint64_t tamp_column_norm_tokens(const tamp_column_norm* norms) {
  return norms == nullptr ? 0 : norms->norms.tokens();
}

tamp_status tamp_column_norm_values(const tamp_column_norm* norms, float* values, size_t size) {
  return guarded([&] {
    constexpr auto function = "tamp_column_norm_values";
    const auto numbers = checked(function, "the statistic", norms).norms.values();
    if (numbers.size() != size)
      tamp::detail::raise<tamp::shape_error>(function, ": there are ", numbers.size(),
                                             " norms, and room for ", size);
    if (size != 0) checked(function, "the place of the norms", values);
    std::copy(numbers.begin(), numbers.end(), values);
  });
}

void tamp_mask_free(tamp_mask* mask) { delete mask; }

size_t tamp_mask_rows(const tamp_mask* mask) { return mask == nullptr ? 0 : mask->keep.rows(); }

size_t tamp_mask_cols(const tamp_mask* mask) { return mask == nullptr ? 0 : mask->keep.cols(); }

size_t tamp_mask_count(const tamp_mask* mask) { return mask == nullptr ? 0 : mask->keep.count(); }

int tamp_mask_keeps(const tamp_mask* mask, size_t row, size_t col) {
  return row < tamp_mask_rows(mask) && col < tamp_mask_cols(mask) && mask->keep(row, col) ? 1 : 0;
}

const uint64_t* tamp_mask_row(const tamp_mask* mask, size_t row) {
  return row < tamp_mask_rows(mask) ? mask->keep.row(row).data() : nullptr;
}

tamp_status tamp_select(const tamp_executor* where, const tamp_matrix* weight, const float* norms,
                        size_t features, const tamp_recipe* recipe, tamp_mask** mask) {
  return guarded([&] {
    constexpr auto function = "tamp_select";
    auto& out = checked(function, "the place of the mask", mask);
    out = new tamp_mask{
        select(function, where, view_of(function, "the weight", weight), norms, features, recipe)};
  });
}

tamp_status tamp_apply(const tamp_executor* where, const tamp_matrix* weight,
                       const tamp_mask* mask) {
  return guarded([&] {
    constexpr auto function = "tamp_apply";
    tamp::apply(tamp_c::executor(function, where), view_of(function, "the weight", weight),
                checked(function, "the mask", mask).keep);
  });
}

tamp_status tamp_prune(const tamp_executor* where, const tamp_matrix* weight, const float* norms,
                       size_t features, const tamp_recipe* recipe, size_t* kept) {
  return guarded([&] {
    constexpr auto function = "tamp_prune";
    const auto view = view_of(function, "the weight", weight);
    const auto keep = select(function, where, view, norms, features, recipe);
    tamp::apply(tamp_c::executor(function, where), view, keep);
    if (kept != nullptr) *kept = keep.count();
  });
}
