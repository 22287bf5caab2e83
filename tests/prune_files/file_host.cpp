// The layers of files as a model that tamp can prune.
#include <prune/file_host.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/model/host.hpp>
#include <tamp/tensor/traits.hpp>
#include <type_traits>
#include <vector>

#include "../support/errors.hpp"
#include "models.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_file_host)

namespace fs = std::filesystem;
using support::dtype;
using support::temporary_folder;
using tamp_prune::choose_layers;
using tamp_prune::file_host;
using tamp_prune::find_model;

static_assert(tamp::layered_model<file_host>);

namespace {

std::string as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

BOOST_AUTO_TEST_CASE(weights_are_shown_as_they_are_in_the_files) {
  const temporary_folder folder;
  const std::string path = support::write_model(folder);
  const auto model = find_model(path);
  const auto layers = choose_layers(model, {});
  file_host host(model, layers);
  BOOST_TEST(host.blocks() == 2u);
  std::string shapes, kinds;
  for (std::size_t b = 0; b < host.blocks(); ++b) {
    host.visit_shapes(b, [&](std::string_view, std::size_t rows, std::size_t cols) {
      shapes += std::to_string(rows) + 'x' + std::to_string(cols) + ' ';
    });
    host.visit_layers(b, [&](std::string_view name, auto&& weight) {
      if constexpr (tamp::viewable<decltype(weight)>) {
        using T = typename std::remove_cvref_t<decltype(weight)>::value_type;
        kinds += std::is_same_v<T, double>       ? "f64 "
                 : std::is_same_v<T, float>      ? "f32 "
                 : std::is_same_v<T, tamp::f16>  ? "f16 "
                 : std::is_same_v<T, tamp::bf16> ? "bf16 "
                                                 : "? ";
        support::numbers<std::remove_const_t<T>> expected(support::bytes_in(path, name),
                                                          weight.rows(), weight.cols());
        for (std::size_t i = 0; i < weight.rows(); ++i)
          for (std::size_t j = 0; j < weight.cols(); ++j)
            BOOST_TEST((weight(i, j) == expected.view()(i, j)));
      } else {
        BOOST_ERROR(name << " is no plain number");
      }
    });
  }
  BOOST_TEST(shapes == "4x6 6x8 4x6 8x6 ");
  BOOST_TEST(kinds == "f32 bf16 f64 f16 ");
}

BOOST_AUTO_TEST_CASE(a_transposed_weight_is_shown_as_out_by_in) {
  const temporary_folder folder;
  const auto stored = support::random_tensor("h.0.attn.c_attn.weight", dtype::f32, {2, 6});
  support::write_weights(folder / "m",
                         {stored, support::random_tensor("h.0.attn.c_attn.bias", dtype::f32, {6})});
  const auto model = find_model(folder / "m");
  const auto layers = choose_layers(model, {});
  file_host host(model, layers);
  const support::numbers<float> in_file(stored.bytes, 2, 6);
  bool was_shown = false;
  host.visit_layers(0, [&](std::string_view, auto&& weight) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(weight)>, tamp::matrix_view<float>>) {
      BOOST_TEST((weight.rows() == 6u && weight.cols() == 2u));
      for (std::size_t i = 0; i < 6; ++i)
        for (std::size_t j = 0; j < 2; ++j) BOOST_TEST(weight(i, j) == in_file.values[j * 6 + i]);
      was_shown = true;
    }
  });
  BOOST_TEST(was_shown);
}

BOOST_AUTO_TEST_CASE(a_finished_layer_is_handed_on_with_its_bytes) {
  const temporary_folder folder;
  const std::string path = support::write_model(folder);
  const auto model = find_model(path);
  const auto layers = choose_layers(model, {});
  file_host host(model, layers);
  std::string finished;
  std::string written;
  host.on_finish = [&](const tamp_prune::layer& l) {
    finished += l.name + '\n';
    return [&](std::span<const std::byte> bytes) {
      std::string expected = support::bytes_in(path, l.name);
      expected.replace(0, 2, 2, '\0');
      if (as_text(bytes) == expected) written += l.name + '\n';
    };
  };
  std::size_t k = 0;
  host.visit_layers(1, [&](std::string_view, auto&& weight) {
    if constexpr (tamp::viewable<decltype(weight)>)
      *reinterpret_cast<unsigned short*>(weight.data()) = 0;
    host.finish_layer(1, k++);
  });
  BOOST_TEST(finished ==
             "model.layers.1.self_attn.q_proj.weight\nmodel.layers.1.mlp.up_proj.weight\n");
  host.flush();
  BOOST_TEST(written == finished);
}

BOOST_AUTO_TEST_CASE(a_file_that_became_shorter_is_refused) {
  const temporary_folder folder;
  const std::string path = support::write_model(folder);
  const auto model = find_model(path);
  const auto layers = choose_layers(model, {});
  file_host host(model, layers);
  const std::string name = path + "/model-00002-of-00002.safetensors";
  const auto end = layers.blocks[1].layers[0].offset + 5;
  fs::resize_file(name, end);
  support::check_error<tamp::file_error>(
      name + ": ends at byte " + std::to_string(end) + "; it has become shorter",
      [&] { host.visit_layers(1, [](auto&&...) {}); });
}

BOOST_AUTO_TEST_SUITE_END()
