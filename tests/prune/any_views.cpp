// Views whose type of number is known at run time give the results of those whose type is known at
// compile time, to the bit, and are refused with a sentence where they cannot be used.

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <tamp/score/sparsegpt.hpp>
#include <tamp/tamp.hpp>
#include <tuple>
#include <vector>

#include "../support/errors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(prune_any_views)

using support::matrix;
using tamp::any_view;
using tamp::dtype;
using tamp::allocate::uniform;

namespace {

using every_number =
    std::tuple<double, float, tamp::f16, tamp::bf16, tamp::f8_e4m3, tamp::f8_e5m2, std::int8_t>;
// Of each kind: read in place, converted, of 8 bits.
using some_types = std::tuple<double, float, tamp::bf16, std::int8_t>;

// Multiples of 1/4 between -8 and 8 for floating point, and whole numbers for integers.
template <class T>
matrix<T> some_numbers(std::size_t rows, std::size_t cols, unsigned seed) {
  matrix<float> numbers = support::random_matrix(rows, cols, seed);
  for (std::size_t k = 0; k < rows * cols; ++k) numbers.data()[k] *= 4;
  return support::as<T>(numbers);
}

const auto wanda = tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{}, uniform{0.5});
const auto two_of_four = tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{});

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(weights_are_pruned_as_those_of_a_known_type, T, every_number) {
  const auto weight = some_numbers<T>(13, 70, 1);
  const auto norms = support::random_norms(70, 2);
  const auto keep = tamp::select(weight, norms, wanda);
  auto expected = weight;
  tamp::apply(expected, keep);
  support::in_every_layout(weight, [&](tamp::matrix_view<T> m) {
    const any_view view(m);
    BOOST_TEST((tamp::select(view, norms, wanda) == keep));
    BOOST_TEST((tamp::select(view.as_const(), norms, wanda) == keep));
    const auto result = tamp::prune(view, norms, wanda);
    BOOST_TEST((result == tamp::pruned{13 * 70, keep.count()}));
    BOOST_TEST((support::copy_of(m) == expected));
  });
  auto copy = weight;
  tamp::apply(any_view(tamp::view(copy)), keep);
  BOOST_TEST((copy == expected));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(statistics_are_those_of_a_known_type, T, every_number) {
  const auto activations = some_numbers<T>(9, 21, 3), later = some_numbers<T>(9, 21, 4);
  const auto typed = tamp::view(activations);
  const any_view view(typed), after(tamp::view(later));
  const std::vector<double> weights{0, 1, 2, 0.5, 0, 1, 1, 3, 1};
  const auto check = [&](auto with, auto without) {
    with.add(view).add(view.as_const()).add(view, std::span<const double>(weights), 2);
    without.add(typed).add(typed).add(typed, std::span<const double>(weights), 2);
    BOOST_TEST((with == without));
  };
  check(tamp::stat::column_norm{}, tamp::stat::column_norm{});
  check(tamp::stat::gram{}, tamp::stat::gram{});
  check(tamp::stat::column_variance{}, tamp::stat::column_variance{});
  BOOST_TEST((tamp::observe<tamp::stat::column_norm>(view) ==
              tamp::observe<tamp::stat::column_norm>(typed)));
  BOOST_TEST((tamp::stat::token_diversity{}.add(view) == tamp::stat::token_diversity{}.add(typed)));
  BOOST_TEST((tamp::stat::hidden_change{}.add(view, after) ==
              tamp::stat::hidden_change{}.add(typed, tamp::view(later))));
  BOOST_TEST((tamp::stat::hidden_change{}.add(typed, after) ==
              tamp::stat::hidden_change{}.add(typed, tamp::view(later))));
  BOOST_TEST(tamp::fingerprint{}.add(view).value() == tamp::fingerprint{}.add(typed).value());
  const std::vector<float> attention(9, 1.0f / 9);
  const tamp::stat::amia_select amia;
  BOOST_TEST(amia(tamp::execute::sequential{}, view, {}, attention) ==
             amia(tamp::execute::sequential{}, typed, {}, attention));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(gains_are_those_of_a_known_type, T, some_types) {
  matrix<T> attention(6, 3);
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j <= i % 3; ++j) attention(i, j) = tamp::element_traits<T>::store(1);
  const auto values = some_numbers<T>(3, 4, 5), residual = some_numbers<T>(3, 6, 6);
  const auto projection = some_numbers<T>(6, 4, 7);
  const auto view = [](const auto& m) { return any_view(tamp::view(m)); };
  BOOST_TEST((tamp::stat::contribution_gain(view(attention), view(values), view(projection),
                                            view(residual)) ==
              tamp::stat::contribution_gain(attention, values, projection, residual)));
  const auto gains = some_numbers<T>(3, 3, 8);
  matrix<T> positive = gains;
  for (std::size_t k = 0; k < 9; ++k)
    if (tamp::element_traits<T>::load(positive.data()[k]) < 0)
      positive.data()[k] = tamp::element_traits<T>::store(0);
  BOOST_TEST((tamp::stat::token_gains(view(positive)) == tamp::stat::token_gains(positive)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(repaired_weights_are_those_of_a_known_type, T, some_types) {
  const auto recipe = tamp::compose(tamp::score::sparsegpt{}, tamp::pattern::n_of_m<2, 4>{});
  const auto gram = tamp::observe<tamp::stat::gram>(some_numbers<float>(40, 16, 9));
  auto expected = some_numbers<T>(5, 16, 10), weight = expected;
  const auto kept = tamp::prune(expected, gram, recipe);
  BOOST_TEST((tamp::prune(any_view(tamp::view(weight)), gram, recipe) == kept));
  BOOST_TEST((weight == expected));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(products_are_those_of_a_known_type, T, some_types) {
  const auto weight = some_numbers<T>(11, 70, 11), x = some_numbers<T>(5, 70, 12);
  const auto sparse = tamp::sparse::pack_as<float>(any_view(tamp::view(weight)));
  BOOST_TEST((sparse == tamp::sparse::pack_as<float>(weight)));
  matrix<T> y(5, 11);
  if constexpr (sizeof(T) > 1) {
    matrix<T> expected(5, 11);
    tamp::sparse::multiply(sparse, x, expected);
    tamp::sparse::multiply(sparse, any_view(tamp::view(x)), any_view(tamp::view(y)));
    BOOST_TEST((y == expected));
  } else {
    support::check_error<tamp::value_error>(
        "multiply: results of 8 bits, or without elements in memory, are not written",
        [&] { tamp::sparse::multiply(sparse, x, any_view(tamp::view(y))); });
  }
  matrix<float> of_dense(5, 11), of_any(5, 11);
  tamp::sparse::multiply(weight, x, of_dense);
  tamp::sparse::multiply(any_view(tamp::view(weight)), any_view(tamp::view(x)), of_any);
  BOOST_TEST((of_any == of_dense));
  matrix<T> unpacked(11, 70);
  tamp::sparse::unpack(sparse, any_view(tamp::view(unpacked)));
  BOOST_TEST((unpacked == weight));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(gathered_lines_are_those_of_a_known_type, T, some_types) {
  const auto weight = some_numbers<T>(7, 9, 13);
  const std::vector<std::size_t> indices{6, 0, 3};
  matrix<T> expected(3, 9), out(3, 9);
  tamp::compute::gather_rows(weight, indices, expected);
  tamp::compute::gather_rows(any_view(tamp::view(weight)), indices, any_view(tamp::view(out)));
  BOOST_TEST((out == expected));
  matrix<T> expected_columns(7, 3), columns(7, 3);
  tamp::compute::gather_columns(weight, indices, expected_columns);
  tamp::compute::gather_columns(any_view(tamp::view(weight)), indices,
                                any_view(tamp::view(columns)));
  BOOST_TEST((columns == expected_columns));
  const tamp::compute::dynamic_ffn ffn{.keep_ratio = 0.5};
  BOOST_TEST(ffn.channels(tamp::execute::sequential{}, any_view(tamp::view(weight))) ==
             ffn.channels(tamp::execute::sequential{}, weight));
}

namespace {

// A model of one block whose tensors are of types known at run time.
struct run_time_host {
  static constexpr tamp::observable shows = tamp::observable::input | tamp::observable::output |
                                            tamp::observable::modality |
                                            tamp::observable::last_query | tamp::observable::hidden;

  std::size_t blocks() const { return 1; }
  void rewind() {}
  void advance(std::size_t) {}
  void visit_layers(std::size_t, auto&& visit) {
    visit("up", up);
    visit("gate", any_view(tamp::view(gate)));
  }
  void observe_block(std::size_t, auto& observer) {
    const any_view input(tamp::view(x));
    observer.modality(kinds);
    observer.attention(last_query);
    observer.linear(0, input, any_view(tamp::view(y)));
    observer.linear(1, input, any_view(tamp::view(y)));
    observer.hidden(input, input);
  }

  matrix<float> weight = some_numbers<float>(6, 8, 1), x = some_numbers<float>(4, 8, 2);
  matrix<tamp::bf16> gate = some_numbers<tamp::bf16>(6, 8, 3);
  matrix<tamp::f16> y = some_numbers<tamp::f16>(4, 6, 4);
  any_view up{tamp::view(weight)};
  std::vector<tamp::modality> kinds = std::vector(4, tamp::modality::text);
  std::vector<float> last_query = std::vector(4, 0.25f);
};

// The same with types known at compile time.
struct typed_host : run_time_host {
  void visit_layers(std::size_t, auto&& visit) {
    visit("up", weight);
    visit("gate", gate);
  }
  void observe_block(std::size_t, auto& observer) {
    observer.modality(kinds);
    observer.attention(last_query);
    observer.linear(0, x, y);
    observer.linear(1, x, y);
    observer.hidden(x, x);
  }
};

template <class Recipe>
void check_model(const Recipe& recipe) {
  typed_host expected;
  run_time_host host;
  const auto by_definition = tamp::prune_model(expected, recipe);
  const auto report = tamp::prune_model(host, recipe);
  BOOST_TEST(report.achieved() == by_definition.achieved());
  BOOST_TEST((host.weight == expected.weight));
  BOOST_TEST((host.gate == expected.gate));
  BOOST_TEST((host.weight != run_time_host{}.weight));
}

}  // namespace

BOOST_AUTO_TEST_CASE(models_are_pruned_as_those_of_known_types) {
  check_model(wanda);
  check_model(tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{},
                            tamp::allocate::owl{.sparsity = 0.5}));
  check_model(tamp::compose(tamp::score::amia{}, tamp::pattern::per_row{},
                            tamp::allocate::das{.sparsity = 0.5}));
}

BOOST_AUTO_TEST_CASE(a_model_with_a_weight_that_cannot_be_written_is_refused_before_anything_is) {
  run_time_host host;
  host.up = host.up.as_const();
  support::check_error<tamp::value_error>(
      "any_view: this tensor of 6 x 8 F32 is read-only and cannot be written to",
      [&] { tamp::prune_model(host, two_of_four); });
  BOOST_TEST((host.gate == run_time_host{}.gate));
}

BOOST_AUTO_TEST_CASE(views_that_cannot_be_used_are_refused_with_a_sentence) {
  float numbers[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const auto refused = [&]<class Error>(std::type_identity<Error>, const std::string& sentence,
                                        const any_view& view) {
    support::check_error<Error>(sentence, [&] { tamp::prune(view, two_of_four); });
    BOOST_TEST(numbers[0] == 1.0f);
  };
  constexpr std::type_identity<tamp::shape_error> shape;
  constexpr std::type_identity<tamp::value_error> value;
  refused(shape, "tensor: 3 x 4 elements lie at a null pointer",
          any_view(static_cast<void*>(nullptr), dtype::f32, 3, 4));
  refused(value,
          "any_view: the elements of this tensor of 3 x 4 are I64, and tamp reads F64, F32, F16, "
          "BF16, F8_E4M3, F8_E5M2 and I8",
          any_view(numbers, dtype::i64, 3, 4));
  refused(value, "any_view: this tensor of 3 x 4 F32 is read-only and cannot be written to",
          any_view(static_cast<const void*>(numbers), dtype::f32, 3, 4));
  refused(shape,
          "prune: the elements (0, 0) and (1, 0) of the weight share their memory: its strides are "
          "0 and 1",
          any_view(numbers, dtype::f32, 3, 4, 0, 1));
  refused(shape,
          "tensor: 3 x 4 elements with strides of 4611686018427387904 and 1 do not fit into memory",
          any_view(numbers, dtype::f32, 3, 4, std::ptrdiff_t{1} << 62, 1));
  numbers[5] = std::numeric_limits<float>::quiet_NaN();
  refused(value, "prune: the weight in row 1, column 1 is nan",
          any_view(numbers, dtype::f32, 3, 4));
}

BOOST_AUTO_TEST_SUITE_END()
