#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <tamp/allocate/uniform.hpp>
#include <tamp/cuda/amia_select.cuh>
#include <tamp/cuda/apply.cuh>
#include <tamp/cuda/attention_top_k.cuh>
#include <tamp/cuda/column_norm.cuh>
#include <tamp/cuda/compressed_2_of_4.cuh>
#include <tamp/cuda/dynamic_ffn.cuh>
#include <tamp/cuda/fitprune.cuh>
#include <tamp/cuda/gram.cuh>
#include <tamp/cuda/owl.cuh>
#include <tamp/cuda/select.cuh>
#include <tamp/cuda/token_diversity.cuh>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/wanda.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "cublas_handle.hpp"

// Tensors with a shape but no memory, and shapes that no memory can hold.
BOOST_AUTO_TEST_SUITE(cuda_shapes)

namespace {

using support::matrix, support::device_matrix, support::device_row, support::check_error;
using tamp::modality;
using tamp::shape_error, tamp::value_error;
using device_view = tamp::matrix_view<float, tamp::cuda_space>;
const auto on = tamp::on(nullptr);

device_view nowhere(std::size_t rows, std::size_t cols) { return {nullptr, rows, cols}; }

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t huge = std::size_t{1} << 33;

const auto half =
    tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
const auto half_by_norms =
    tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});

/// One unit of one layer, for OWL.
struct one_layer {
  device_view weight;
  tamp::matrix_view<const float, tamp::cuda_space> norms;

  std::size_t size() const { return 1; }
  std::string name(std::size_t) const { return "block 0"; }
  template <class Use>
  void visit(std::size_t, const Use& use) const {
    use(std::string_view("block 0.q"), weight, norms);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(tensors_at_a_null_pointer_are_refused) {
  const support::handle h;
  const device_matrix<float> w(matrix<float>(4, 8, 1.0f));
  const auto row = device_row(std::vector<float>(8, 1.0f)), four = device_row({1, 1, 1, 1});
  const auto refused = [](std::string_view what, const auto& use) {
    BOOST_TEST_CONTEXT(what)
    check_error<shape_error>("tensor: 4 x 8 elements lie at a null pointer", use);
  };
  const auto keep = tamp::select(on, w.view(), half);
  const std::vector<modality> kinds(4, modality::image);
  refused("select", [&] { static_cast<void>(tamp::select(on, nowhere(4, 8), half)); });
  refused("apply", [&] { tamp::apply(on, nowhere(4, 8), keep); });
  refused("compress", [&] { tamp::cuda::compress(on, nowhere(4, 8), keep); });
  refused("column_norm", [&] { tamp::cuda::column_norm().add(on, nowhere(4, 8)); });
  refused("gram", [&] { tamp::cuda::gram<>(on, 8).add(on, h.cublas, nowhere(4, 8)); });
  refused("token_diversity",
          [&] { tamp::cuda::token_diversity(on).add(on, h.cublas, nowhere(4, 8), kinds); });
  refused("amia_select", [&] {
    tamp::stat::select_tokens(on, h.cublas, nowhere(4, 8), kinds, four.view(),
                              tamp::stat::amia_select{});
  });
  refused("channels",
          [&] { tamp::compute::channels(on, nowhere(4, 8), tamp::compute::dynamic_ffn{}); });
  refused("channels_of_probe", [&] {
    tamp::compute::channels_of_probe(on, nowhere(4, 8), tamp::compute::dynamic_ffn{});
  });
  refused("owl", [&] {
    tamp::cuda::outlier_ratios_of(on, one_layer{nowhere(4, 8), row.view()},
                                  tamp::allocate::owl<>{});
  });
}

BOOST_AUTO_TEST_CASE(statistics_and_attention_at_a_null_pointer_are_refused) {
  const support::handle h;
  const device_matrix<float> w(matrix<float>(4, 8, 1.0f));
  const std::string sentence = "tensor: 1 x 8 elements lie at a null pointer";
  check_error<shape_error>(sentence, [&] {
    static_cast<void>(tamp::select(on, w.view(), nowhere(1, 8), half_by_norms));
  });
  check_error<shape_error>(sentence, [&] {
    tamp::cuda::outlier_ratios_of(on, one_layer{w.view(), nowhere(1, 8)}, tamp::allocate::owl<>{});
  });
  check_error<shape_error>("tensor: 1 x 4 elements lie at a null pointer", [&] {
    tamp::stat::select_tokens(on, h.cublas, w.view(), {}, nowhere(1, 4), tamp::stat::amia_select{});
  });

  const std::vector<modality> kinds{modality::image, modality::image, modality::text};
  const tamp::cuda::token_context<float> context{kinds, {nullptr, 2, 3}};
  check_error<shape_error>("attention_top_k: the attention lies at a null pointer", [&] {
    tamp::token::select(on, context, tamp::token::attention_top_k{}, {.keep = 1});
  });
  check_error<shape_error>("fitprune: the attention lies at a null pointer", [&] {
    tamp::token::select(on, context, tamp::token::fitprune{}, {.keep = 1});
  });
  check_error<shape_error>("fitprune: the attention lies at a null pointer",
                           [&] { tamp::cuda::fitprune_statistics(on, context); });

  const std::span<const modality> no_kinds(static_cast<const modality*>(nullptr), 4);
  check_error<shape_error>("attention_top_k: 4 kinds lie at a null pointer", [&] {
    tamp::token::select(on, tamp::cuda::token_context<float>{no_kinds, {}},
                        tamp::token::attention_top_k{}, {.keep = 1});
  });
  check_error<shape_error>("token_diversity: 4 modalities lie at a null pointer", [&] {
    tamp::cuda::token_diversity(on).add(on, h.cublas, w.view(), no_kinds);
  });
}

BOOST_AUTO_TEST_CASE(statistics_are_one_row) {
  const device_matrix<float> w(matrix<float>(4, 8, 1.0f)), column(matrix<float>(8, 1, 1.0f));
  check_error<shape_error>("select: the statistics are 8 x 1; they must be one row", [&] {
    static_cast<void>(tamp::select(on, w.view(), column.view(), half_by_norms));
  });
  check_error<shape_error>("owl: the statistics of block 0.q are 8 x 1; they must be one row", [&] {
    tamp::cuda::outlier_ratios_of(on, one_layer{w.view(), column.view()}, tamp::allocate::owl<>{});
  });
}

BOOST_AUTO_TEST_CASE(where_work_is_only_measured_no_memory_is_needed) {
  BOOST_TEST(tamp::cuda::bytes_needed([](const tamp::cuda::on_stream& given) {
               const auto keep = tamp::select(given, nowhere(4, 8), half);
               tamp::apply(given, nowhere(4, 8), keep);
               tamp::cuda::column_norm().add(given, nowhere(4, 8));
             }) != 0u);
}

BOOST_AUTO_TEST_CASE(tensors_without_elements_need_no_memory) {
  BOOST_TEST(tamp::select(on, nowhere(0, 8), half).size() == 0u);
  BOOST_TEST(tamp::select(on, nowhere(4, 0), half).to_host(on).size() == 0u);
  BOOST_TEST(tamp::cuda::column_norm().add(on, nowhere(0, 8)).features() == 8u);
}

BOOST_AUTO_TEST_CASE(shapes_that_no_memory_can_hold_are_refused) {
  check_error<shape_error>(
      "matrix_view: 8589934592 x 8589934592 elements are more than memory can hold",
      [] { tamp::cuda::view(static_cast<float*>(nullptr), huge, huge); });
  check_error<shape_error>(
      "bitmask: 8589934592 x 8589934592 elements are more than memory can hold",
      [] { tamp::cuda::bitmask(on, huge, huge); });
  check_error<shape_error>(
      "bitmask: 8589934592 x 8388608 numbers of 8 bytes are more than memory can hold",
      [] { tamp::cuda::bitmask(on, huge, huge / 16); });
  check_error<shape_error>(
      "gram: 4294967296 x 4294967296 numbers of 8 bytes are more than memory can hold",
      [] { tamp::cuda::gram<>(on, huge / 2); });
  check_error<shape_error>(
      "compress: 8589934592 x 8589934592 numbers of 4 bytes are more than memory can hold", [] {
        tamp::cuda::compressed_2_of_4<float>(on, huge, huge, tamp::cuda::metadata_order::row_major);
      });
  check_error<shape_error>(
      "index_list: 18446744073709551615 numbers of 4 bytes are more than memory can hold",
      [] { tamp::cuda::index_list(on, most, {}); });
  check_error<shape_error>("attention_view: 8589934592 times 8589934592 is too large to be counted",
                           [] { tamp::cuda::attention_view<float>(nullptr, huge, huge, huge, 0); });
  check_error<shape_error>(
      "attention_view: 8589934592 x 8589934592 elements are more than memory can hold",
      [] { tamp::cuda::attention_view<float>(nullptr, huge, 1, huge, 0); });
}

BOOST_AUTO_TEST_CASE(products_of_sizes_do_not_wrap) {
  const support::handle h;
  // Without features there is nothing to read; of all pairs of tokens there is much to write.
  check_error<shape_error>(
      "token_diversity: 4294967296 x 4294967296 numbers of 4 bytes are more than memory can hold",
      [&] { tamp::cuda::token_diversity(on).add(on, h.cublas, nowhere(huge / 2, 0), {}); });
  // One number, shown as very many.
  const auto one = device_row({1.0f});
  const device_view broadcast(one.view().data(), 1, std::size_t{1} << 62, 0, 0);
  check_error<shape_error>(
      "column_norm: 1 x 4611686018427387904 numbers of 8 bytes are more than "
      "memory can hold",
      [&] { tamp::cuda::column_norm().add(on, broadcast); });
  check_error<shape_error>(
      "dynamic_ffn: 4611686018427387904 channels of 1 tokens are more than "
      "the kernels count",
      [&] { tamp::compute::channels(on, broadcast, tamp::compute::dynamic_ffn{}); });
}

BOOST_AUTO_TEST_CASE(counts_do_not_wrap_and_nothing_is_added_then) {
  const support::handle h;
  const device_matrix<float> x(matrix<float>(2, 4, 1.0f));
  tamp::cuda::column_norm norms;
  norms.add(on, x.view(), most);
  const std::string sentence = ": 18446744073709551615 and 1 together are too large to be counted";
  check_error<value_error>("column_norm" + sentence, [&] { norms.add(on, x.view()); });
  tamp::cuda::column_norm one;
  one.add(on, x.view());
  check_error<value_error>("column_norm" + sentence, [&] { norms.combine(on, one); });
  BOOST_TEST(norms.count() == most);
  BOOST_TEST(norms.tokens() == 2u);

  tamp::cuda::gram<> gram(on, 4), other(on, 4);
  gram.add(on, h.cublas, x.view(), most);
  check_error<value_error>("gram" + sentence, [&] { gram.add(on, h.cublas, x.view()); });
  other.add(on, h.cublas, x.view());
  check_error<value_error>("gram" + sentence, [&] { gram.combine(on, other); });
  BOOST_TEST(gram.to_host(on).tokens() == 2u);
}

BOOST_AUTO_TEST_CASE(a_workspace_has_memory_and_hands_out_no_more_than_it_has) {
  check_error<shape_error>("cuda::workspace: 4096 bytes lie at a null pointer",
                           [] { tamp::cuda::workspace(nullptr, 4096); });
  BOOST_TEST(tamp::cuda::workspace(nullptr, 0).size() == 0u);
  alignas(256) std::byte room[512];
  tamp::cuda::workspace space(room, sizeof room);
  check_error<shape_error>(
      "cuda: 18446744073709551615 and 255 together are too large to be counted",
      [&] { space.allocate(most, nullptr); });
  BOOST_TEST(space.used() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
