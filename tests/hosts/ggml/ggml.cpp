#include <tamp/adapt/ggml.hpp>

#include <ggml-alloc.h>
#include <ggml-backend-impl.h>
#include <ggml-backend.h>
#include <ggml.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <tamp/tamp.hpp>
#include <type_traits>
#include <utility>
#include <vector>

#include "../../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(adapt_ggml)

namespace {

using support::check_error;

/// A context of ggml, which owns the tensors that are made in it.
struct context {
  explicit context(bool no_alloc = false) : context_(ggml_init({8u << 20, nullptr, no_alloc})) {}
  operator ggml_context*() const { return context_.get(); }

 private:
  struct free {
    void operator()(ggml_context* c) const { ggml_free(c); }
  };
  std::unique_ptr<ggml_context, free> context_;
};

/// Normally distributed weights, with one that is zero.
std::vector<float> weights(std::size_t count) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal(0, 0.05f);
  std::vector<float> numbers(count);
  for (float& number : numbers) number = normal(random);
  numbers[count / 2] = 0;
  return numbers;
}

/// A matrix of any type that ggml can make of floats.
ggml_tensor* tensor_of(ggml_context* c, ggml_type type, std::int64_t rows, std::int64_t cols,
                       const char* name = "blk.0.ffn_up.weight") {
  ggml_tensor* const t = ggml_new_tensor_2d(c, type, cols, rows);
  ggml_set_name(t, name);
  const auto numbers = weights(static_cast<std::size_t>(rows * cols));
  if (type == GGML_TYPE_F64)
    for (std::size_t k = 0; k < numbers.size(); ++k)
      static_cast<double*>(t->data)[k] = double(numbers[k]);
  else if (type == GGML_TYPE_I8)
    for (std::size_t k = 0; k < numbers.size(); ++k)
      static_cast<std::int8_t*>(t->data)[k] = static_cast<std::int8_t>(500 * numbers[k]);
  else
    ggml_quantize_chunk(type, numbers.data(), t->data, 0, rows, cols, nullptr);
  return t;
}

/// The weights as ggml itself reads them.
std::vector<float> read_by_ggml(const ggml_tensor* t) {
  std::vector<float> numbers(static_cast<std::size_t>(ggml_nelements(t)));
  for (std::size_t k = 0; k < numbers.size(); ++k) {
    if (t->type == GGML_TYPE_F32)
      numbers[k] = static_cast<const float*>(t->data)[k];
    else if (t->type == GGML_TYPE_F64)
      numbers[k] = static_cast<float>(static_cast<const double*>(t->data)[k]);
    else if (t->type == GGML_TYPE_I8)
      numbers[k] = static_cast<const std::int8_t*>(t->data)[k];
  }
  if (const auto to_float = ggml_get_type_traits(t->type)->to_float)
    to_float(t->data, numbers.data(), ggml_nelements(t));
  return numbers;
}

/// The weights as tamp reads them.
template <class Tensor>
std::vector<float> read_by_tamp(Tensor&& tensor) {
  return tamp::tensor_traits<std::remove_cvref_t<Tensor>>::visit(tensor, [](auto&& shown) {
    std::vector<float> numbers;
    std::vector<float> row(shown.cols());
    for (std::size_t i = 0; i < shown.rows(); ++i) {
      if constexpr (tamp::viewable<decltype(shown)>) {
        using element = typename std::remove_cvref_t<decltype(shown)>::value_type;
        for (std::size_t j = 0; j < row.size(); ++j)
          row[j] = static_cast<float>(tamp::element_traits<element>::load(shown(i, j)));
      } else {
        shown.read_row(i, std::span(row));
      }
      numbers.insert(numbers.end(), row.begin(), row.end());
    }
    return numbers;
  });
}

std::vector<std::byte> bytes_of(const ggml_tensor* t) {
  const auto* const from = static_cast<const std::byte*>(t->data);
  return {from, from + ggml_nbytes(t)};
}

const auto halved =
    tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
const auto two_of_four = tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{});

constexpr ggml_type plain[] = {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16, GGML_TYPE_F64,
                               GGML_TYPE_I8};
constexpr ggml_type with_zero[] = {GGML_TYPE_Q4_0, GGML_TYPE_Q5_0, GGML_TYPE_Q8_0,
                                   GGML_TYPE_Q3_K, GGML_TYPE_Q6_K, GGML_TYPE_MXFP4};
constexpr ggml_type without_zero[] = {GGML_TYPE_Q4_1,  GGML_TYPE_Q5_1, GGML_TYPE_Q2_K,
                                      GGML_TYPE_Q4_K,  GGML_TYPE_Q5_K, GGML_TYPE_IQ4_NL,
                                      GGML_TYPE_IQ4_XS};

std::vector<ggml_type> all_types() {
  std::vector<ggml_type> types(std::begin(plain), std::end(plain));
  types.insert(types.end(), std::begin(with_zero), std::end(with_zero));
  types.insert(types.end(), std::begin(without_zero), std::end(without_zero));
  return types;
}

/// A kind of buffer that the CPU does not see, in the manner of a device's.
ggml_backend_buffer_type* on_a_device() {
  static ggml_backend_buffer_type kind{};
  kind.iface.get_name = [](ggml_backend_buffer_type*) { return "DEVICE0"; };
  kind.iface.is_host = nullptr;  // ggml takes this for false
  return &kind;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_tensor_and_pointers_to_it_are_known_at_run_time) {
  static_assert(tamp::any_tensor<ggml_tensor> && tamp::any_tensor<const ggml_tensor>);
  static_assert(tamp::any_tensor<ggml_tensor*> && tamp::any_tensor<const ggml_tensor*>);
  static_assert(tamp::any_tensor<ggml_tensor* const>);
  static_assert(tamp::tensor<ggml_tensor*> && tamp::prunable_tensor<ggml_tensor*>);
  context c;
  ggml_tensor* const t = tensor_of(c, GGML_TYPE_F32, 3, 8);
  const auto expected = weights(24);
  BOOST_TEST(read_by_tamp(t) == expected, boost::test_tools::per_element());
  BOOST_TEST(read_by_tamp(*t) == expected, boost::test_tools::per_element());
  BOOST_TEST(read_by_tamp(std::as_const(*t)) == expected, boost::test_tools::per_element());
  BOOST_TEST(read_by_tamp(static_cast<const ggml_tensor*>(t)) == expected,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(rows_are_ne_1_and_columns_ne_0) {
  context c;
  ggml_tensor* const t = tensor_of(c, GGML_TYPE_F32, 3, 8);
  const auto keep = tamp::select(t, two_of_four);
  BOOST_TEST(keep.rows() == 3u);
  BOOST_TEST(keep.cols() == 8u);
  ggml_tensor* const one_row = ggml_new_tensor_1d(c, GGML_TYPE_F32, 8);
  std::memset(one_row->data, 0, ggml_nbytes(one_row));
  BOOST_TEST(tamp::select(one_row, two_of_four).rows() == 1u);
}

BOOST_AUTO_TEST_CASE(every_type_is_read_as_ggml_reads_it) {
  for (const ggml_type type : all_types()) {
    context c;
    const ggml_tensor* const t = tensor_of(c, type, 5, 512);
    BOOST_TEST_CONTEXT(ggml_type_name(type)) {
      BOOST_TEST(read_by_tamp(t) == read_by_ggml(t), boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(pruning_is_in_place_and_as_that_of_the_same_weights_in_floats) {
  for (const ggml_type type : all_types()) {
    if (std::find(std::begin(without_zero), std::end(without_zero), type) != std::end(without_zero))
      continue;
    BOOST_TEST_CONTEXT(ggml_type_name(type)) {
      context c;
      ggml_tensor* const t = tensor_of(c, type, 5, 512);
      auto dense = read_by_ggml(t);
      const auto expected = tamp::select(tamp::view(dense, 5, 512), halved);
      const void* const data = t->data;

      const auto keep = tamp::select(t, halved);
      BOOST_TEST((keep == expected));
      BOOST_TEST(read_by_ggml(t) == dense, boost::test_tools::per_element());

      tamp::apply(t, keep);
      BOOST_TEST(t->data == data);
      tamp::apply(tamp::view(dense, 5, 512), expected);
      BOOST_TEST(read_by_ggml(t) == dense, boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(scales_and_the_codes_of_kept_weights_keep_their_bits) {
  context c;
  ggml_tensor* const t = tensor_of(c, GGML_TYPE_Q8_0, 4, 64);
  auto expected = bytes_of(t);
  const auto keep = tamp::select(t, halved);
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 64; ++j)  // blocks of a 16-bit scale and 32 codes
      if (!keep(i, j)) expected[i * 68 + j / 32 * 34 + 2 + j % 32] = std::byte{0};
  tamp::apply(t, keep);
  BOOST_TEST((bytes_of(t) == expected));
}

BOOST_AUTO_TEST_CASE(prune_takes_tensors_of_ggml) {
  context c;
  ggml_tensor* const t = tensor_of(c, GGML_TYPE_F16, 4, 64);
  auto dense = read_by_ggml(t);
  const std::vector<float> X(2 * 64, 1.0f);
  const auto norms = tamp::observe<tamp::stat::column_norm>(tamp::view(X, 2, 64));
  const auto recipe = tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{});
  tamp::prune(t, norms, recipe);
  tamp::prune(tamp::view(dense, 4, 64), norms, recipe);
  BOOST_TEST(read_by_ggml(t) == dense, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(types_without_a_zero_are_selected_from_and_not_pruned) {
  for (const ggml_type type : without_zero) {
    BOOST_TEST_CONTEXT(ggml_type_name(type)) {
      context c;
      ggml_tensor* const t = tensor_of(c, type, 5, 512);
      const auto before = bytes_of(t);
      const auto dense = read_by_ggml(t);
      const auto keep = tamp::select(t, halved);
      BOOST_TEST((keep == tamp::select(tamp::view(dense, 5, 512), halved)));
      const std::string sentence =
          std::string("ggml: blk.0.ffn_up.weight is of type ") + ggml_type_name(type) +
          ", which has no code for zero: its weights can be selected from, and not pruned in "
          "place; convert it to q8_0 or f16 first";
      check_error<tamp::value_error>(sentence, [&] { tamp::apply(t, keep); });
      check_error<tamp::value_error>(sentence, [&] { tamp::prune(t, halved); });
      BOOST_TEST((bytes_of(t) == before));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_type_without_a_zero_is_packed_as_another) {
  context c;
  const ggml_tensor* const t = tensor_of(c, GGML_TYPE_Q4_1, 4, 64);
  const auto keep = tamp::select(t, halved);
  const auto packed = tamp::sparse::pack_as<float>(t, keep);
  auto expected = read_by_ggml(t);
  tamp::apply(tamp::view(expected, 4, 64), keep);
  std::vector<float> row(64);
  for (std::size_t i = 0; i < 4; ++i) {
    packed.read_row(i, std::span(row));
    for (std::size_t j = 0; j < 64; ++j) BOOST_TEST(row[j] == expected[i * 64 + j]);
  }
}

BOOST_AUTO_TEST_CASE(transposed_and_permuted_tensors_are_views_of_the_same_memory) {
  context c;
  ggml_tensor* const t = tensor_of(c, GGML_TYPE_F32, 8, 4);
  ggml_tensor* const across = ggml_transpose(c, t);
  ggml_tensor* const permuted = ggml_permute(c, t, 1, 0, 2, 3);
  const auto numbers = weights(32);
  std::vector<float> expected;
  for (std::size_t j = 0; j < 4; ++j)
    for (std::size_t i = 0; i < 8; ++i) expected.push_back(numbers[i * 4 + j]);
  BOOST_TEST(read_by_tamp(across) == expected, boost::test_tools::per_element());
  BOOST_TEST(read_by_tamp(permuted) == expected, boost::test_tools::per_element());
  tamp::prune(across, two_of_four);
  tamp::prune(tamp::view(expected, 4, 8), two_of_four);
  const auto* const data = static_cast<const float*>(t->data);
  for (std::size_t j = 0; j < 4; ++j)
    for (std::size_t i = 0; i < 8; ++i) BOOST_TEST(data[i * 4 + j] == expected[j * 8 + i]);
}

BOOST_AUTO_TEST_CASE(a_part_of_a_tensor_is_pruned_and_the_rest_is_not) {
  context c;
  ggml_tensor* const t = tensor_of(c, GGML_TYPE_F32, 6, 12);
  // Rows 1 to 4 and columns 4 to 11.
  ggml_tensor* const part = ggml_view_2d(c, t, 8, 4, t->nb[1], t->nb[1] + 4 * t->nb[0]);
  auto expected = weights(72);
  tamp::prune(tamp::matrix_view<float>(&expected[12 + 4], 4, 8, 12, 1), two_of_four);
  tamp::prune(part, two_of_four);
  BOOST_TEST(read_by_ggml(t) == expected, boost::test_tools::per_element());

  // Whole rows of blocks.
  ggml_tensor* const q = tensor_of(c, GGML_TYPE_Q4_0, 6, 64);
  ggml_tensor* const rows = ggml_view_2d(c, q, 64, 3, q->nb[1], 2 * q->nb[1]);
  auto dense = read_by_ggml(q);
  tamp::prune(tamp::view(&dense[2 * 64], 3, 64), halved);
  tamp::prune(rows, halved);
  BOOST_TEST(read_by_ggml(q) == dense, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(three_dimensions_are_refused_and_pruned_matrix_by_matrix) {
  context c;
  ggml_tensor* const experts = ggml_new_tensor_3d(c, GGML_TYPE_F32, 8, 4, 3);
  ggml_set_name(experts, "blk.0.ffn_up_exps.weight");
  auto expected = weights(96);
  std::memcpy(experts->data, expected.data(), ggml_nbytes(experts));
  const char* const sentence =
      "ggml: blk.0.ffn_up_exps.weight has ne = 8, 4, 3, 1, and a matrix has 1 at the end twice: "
      "show one matrix of it, ggml_view_2d(context, tensor, ne[0], ne[1], nb[1], k * nb[2])";
  check_error<tamp::shape_error>(sentence, [&] { tamp::select(experts, halved); });
  check_error<tamp::shape_error>(sentence, [&] { tamp::prune(experts, halved); });

  ggml_tensor* const second =
      ggml_view_2d(c, experts, experts->ne[0], experts->ne[1], experts->nb[1], 1 * experts->nb[2]);
  tamp::prune(second, two_of_four);
  tamp::prune(tamp::view(&expected[32], 4, 8), two_of_four);
  BOOST_TEST(read_by_ggml(experts) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(null_pointers_and_tensors_without_memory_are_refused) {
  const char* const sentence =
      "ggml: this pointer to a tensor is null, as ggml_get_tensor returns it for a name that a "
      "context has not";
  context c(true);
  check_error<tamp::value_error>(
      sentence, [&] { tamp::select(ggml_get_tensor(c, "blk.0.misspelt.weight"), halved); });
  check_error<tamp::value_error>(sentence, [] {
    ggml_tensor* const none = nullptr;
    tamp::prune(none, halved);
  });
  ggml_tensor* const t = ggml_new_tensor_2d(c, GGML_TYPE_F32, 8, 4);
  check_error<tamp::shape_error>(
      "ggml: this tensor has 4 rows of 8 at a null pointer: no memory was given to it",
      [&] { tamp::select(t, halved); });
  ggml_tensor* const q = ggml_new_tensor_2d(c, GGML_TYPE_Q8_0, 32, 4);
  check_error<tamp::shape_error>(
      "ggml: this tensor has 4 rows of 32 at a null pointer: no memory was given to it",
      [&] { tamp::prune(q, halved); });
}

BOOST_AUTO_TEST_CASE(tensors_without_elements_keep_their_shape) {
  context c(true);
  for (const ggml_type type : {GGML_TYPE_F32, GGML_TYPE_Q8_0}) {
    ggml_tensor* const t = ggml_new_tensor_2d(c, type, 32, 0);
    const auto keep = tamp::select(t, halved);
    BOOST_TEST(keep.rows() == 0u);
    BOOST_TEST(keep.cols() == 32u);
    tamp::apply(t, keep);
  }
}

BOOST_AUTO_TEST_CASE(other_types_are_refused_by_their_names) {
  context c;
  ggml_tensor* const t = ggml_new_tensor_2d(c, GGML_TYPE_I32, 8, 4);
  ggml_set_name(t, "positions");
  check_error<tamp::value_error>("ggml: positions is of type i32, which tamp does not read",
                                 [&] { tamp::select(t, halved); });
  check_error<tamp::value_error>("ggml: positions is of type i32, which tamp does not read",
                                 [&] { tamp::prune(t, halved); });
  ggml_tensor* const q = ggml_new_tensor_2d(c, GGML_TYPE_IQ2_XXS, 256, 4);
  check_error<tamp::value_error>("ggml: this tensor is of type iq2_xxs, which tamp does not read",
                                 [&] { tamp::select(q, halved); });
  q->type = static_cast<ggml_type>(GGML_TYPE_COUNT + 5);
  check_error<tamp::value_error>("ggml: this tensor is of type unknown, which tamp does not read",
                                 [&] { tamp::select(q, halved); });
}

BOOST_AUTO_TEST_CASE(a_const_tensor_is_selected_from_and_not_pruned) {
  context c;
  for (const ggml_type type : {GGML_TYPE_F32, GGML_TYPE_Q8_0}) {
    const ggml_tensor* const t = tensor_of(c, type, 4, 32);
    const auto before = bytes_of(t);
    const auto keep = tamp::select(t, halved);
    const char* const sentence = "ggml: blk.0.ffn_up.weight is const and cannot be written to";
    check_error<tamp::value_error>(sentence, [&] { tamp::apply(t, keep); });
    check_error<tamp::value_error>(sentence, [&] { tamp::apply(*t, keep); });
    BOOST_TEST((bytes_of(t) == before));
  }
}

BOOST_AUTO_TEST_CASE(blocks_that_do_not_lie_side_by_side_are_refused) {
  context c;
  ggml_tensor* const t = tensor_of(c, GGML_TYPE_Q8_0, 4, 64);
  ggml_tensor* const left = ggml_view_2d(c, t, 32, 4, t->nb[1], 0);
  ggml_set_name(left, "left half");
  check_error<tamp::shape_error>(
      "ggml: left half has strides of 34 and 68 bytes; blocks of q8_0 are read if they lie side by "
      "side, 34 and 34 bytes apart",
      [&] { tamp::select(left, halved); });
  ggml_tensor* const across = ggml_transpose(c, tensor_of(c, GGML_TYPE_Q8_0, 32, 64));
  ggml_set_name(across, "across");
  check_error<tamp::shape_error>(
      "ggml: across has strides of 68 and 34 bytes; blocks of q8_0 are read if they lie side by "
      "side, 34 and 34 bytes apart",
      [&] { tamp::select(across, halved); });
}

BOOST_AUTO_TEST_CASE(strides_between_numbers_are_refused) {
  context c;
  ggml_tensor* const t = tensor_of(c, GGML_TYPE_F32, 4, 8);
  t->nb[1] = 30;
  check_error<tamp::shape_error>(
      "ggml: blk.0.ffn_up.weight has strides of 4 and 30 bytes, which are no multiples of the 4 of "
      "its type f32",
      [&] { tamp::select(t, halved); });
}

BOOST_AUTO_TEST_CASE(tensors_in_a_buffer_of_the_cpu_are_pruned_there) {
  context c(true);
  ggml_tensor* const t = ggml_new_tensor_2d(c, GGML_TYPE_F32, 8, 4);
  ggml_backend_buffer* const buffer =
      ggml_backend_alloc_ctx_tensors_from_buft(c, ggml_backend_cpu_buffer_type());
  BOOST_REQUIRE(t->buffer == buffer);
  auto expected = weights(32);
  ggml_backend_tensor_set(t, expected.data(), 0, ggml_nbytes(t));
  tamp::prune(t, two_of_four);
  tamp::prune(tamp::view(expected, 4, 8), two_of_four);
  std::vector<float> pruned(32);
  ggml_backend_tensor_get(t, pruned.data(), 0, ggml_nbytes(t));
  BOOST_TEST(pruned == expected, boost::test_tools::per_element());
  ggml_backend_buffer_free(buffer);
}

BOOST_AUTO_TEST_CASE(tensors_in_a_buffer_of_a_device_are_refused) {
  context c(true);
  std::vector<float> memory(32);  // where it is makes no difference: the buffer is asked
  ggml_backend_buffer* const buffer = ggml_backend_buffer_init(on_a_device(), {}, nullptr, 128);
  ggml_tensor* const t = ggml_new_tensor_2d(c, GGML_TYPE_F32, 8, 4);
  ggml_set_name(t, "output.weight");
  t->buffer = buffer;
  t->data = memory.data();
  check_error<tamp::value_error>(
      "ggml: output.weight lies in the buffer DEVICE0, which is no memory of the CPU: prune it "
      "before it is copied there",
      [&] { tamp::select(t, halved); });

  ggml_tensor* const view = ggml_view_2d(c, t, 4, 4, t->nb[1], 0);  // has no buffer of its own
  ggml_set_name(view, "left half");
  BOOST_REQUIRE(view->buffer == nullptr);
  check_error<tamp::value_error>(
      "ggml: left half lies in the buffer DEVICE0, which is no memory of the CPU: prune it before "
      "it is copied there",
      [&] { tamp::prune(view, halved); });
  ggml_backend_buffer_free(buffer);
}

namespace {

/// A model of one block, with a layer of each of two types, that saw two tokens.
struct two_layers {
  ggml_tensor *up, *down, *seen;

  std::size_t blocks() const { return 1; }
  void visit_layers(std::size_t, auto&& visit) {
    visit("up", up);
    visit("down", *down);
  }
  void observe_block(std::size_t, auto& observer) {
    observer.input(0, seen);
    observer.input(1, static_cast<const ggml_tensor*>(seen));
  }
  void advance(std::size_t) {}
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_model_shows_tensors_of_ggml_of_several_types) {
  context c;
  two_layers model{tensor_of(c, GGML_TYPE_Q8_0, 4, 64), tensor_of(c, GGML_TYPE_F16, 8, 64),
                   tensor_of(c, GGML_TYPE_F32, 2, 64, "activations")};
  auto up = read_by_ggml(model.up), down = read_by_ggml(model.down);
  const auto activations = weights(128);
  const auto norms = tamp::observe<tamp::stat::column_norm>(tamp::view(activations, 2, 64));
  const auto recipe =
      tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
  const auto report = tamp::prune_model(model, recipe);
  BOOST_TEST(report.layers.size() == 2u);
  BOOST_TEST(report.layers[0].achieved() == 0.5);
  tamp::prune(tamp::view(up, 4, 64), norms, recipe);
  tamp::prune(tamp::view(down, 8, 64), norms, recipe);
  BOOST_TEST(read_by_ggml(model.up) == up, boost::test_tools::per_element());
  BOOST_TEST(read_by_ggml(model.down) == down, boost::test_tools::per_element());

  two_layers without_zero{tensor_of(c, GGML_TYPE_F32, 4, 64, "up"),
                          tensor_of(c, GGML_TYPE_Q4_1, 4, 64, "down"), model.seen};
  const auto before = bytes_of(without_zero.up);
  check_error<tamp::value_error>(
      "ggml: down is of type q4_1, which has no code for zero: its weights can be selected from, "
      "and not pruned in place; convert it to q8_0 or f16 first",
      [&] { tamp::prune_model(without_zero, recipe); });
  BOOST_TEST((bytes_of(without_zero.up) == before));
}

BOOST_AUTO_TEST_SUITE_END()
