// The weights kept of each pruned tensor.
#include <prune/masks.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/io/gguf.hpp>
#include <tamp/io/safetensors.hpp>
#include <tamp/tensor/traits.hpp>
#include <vector>

#include "../io/gguf_bytes.hpp"
#include "../support/errors.hpp"
#include "models.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_masks)

namespace fs = std::filesystem;
using support::bytes_in;
using support::dtype;
using support::files_of;
using support::output_of;
using support::random_tensor;
using support::read_bytes;
using support::settings_for;
using support::stored;
using support::temporary_folder;
using tamp::io::safetensors_file;
using tamp_prune::settings;

namespace {

// The rows of a mask as text, # for what is kept; "4 x 6" before them.
std::string shown(const safetensors_file& masks, const std::string& name) {
  const auto shape = masks.values<std::int64_t>(name + ".shape");
  const auto bits = masks.values<std::uint8_t>(name + ".bitmask");
  const auto rows = static_cast<std::size_t>(shape[0]), cols = static_cast<std::size_t>(shape[1]);
  const std::size_t row_bytes = (cols + 7) / 8;
  BOOST_TEST((masks.at(name + ".bitmask").shape == std::vector<std::size_t>{rows, row_bytes}));
  std::string text = std::to_string(rows) + " x " + std::to_string(cols);
  for (std::size_t i = 0; i < rows; ++i) {
    text += '\n';
    for (std::size_t j = 0; j < 8 * row_bytes; ++j) {
      const bool is_kept = (bits[i * row_bytes + j / 8] >> j % 8 & 1) != 0;
      if (j < cols)
        text += is_kept ? '#' : '.';
      else
        BOOST_TEST(!is_kept);
    }
  }
  return text;
}

// The same by the values of a tensor.
template <class T>
std::string expected(const std::string& bytes, std::size_t rows, std::size_t cols) {
  const support::numbers<T> values(bytes, rows, cols);
  std::string text = std::to_string(rows) + " x " + std::to_string(cols);
  for (std::size_t k = 0; k < rows * cols; ++k)
    text += (k % cols == 0 ? "\n" : "") + std::string(values.values[k] == T(0.f) ? "." : "#");
  return text;
}

settings with_masks(const fs::path& model, const temporary_folder& folder) {
  settings s = settings_for(model, folder / "out");
  s.masks = (folder / "masks").string();
  return s;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const temporary_folder folder;
  stored weight{"layers.0.q_proj.weight", dtype::f32, {2, 10}};
  for (const float w : {1.f, 9.f, 2.f, 8.f,  3.f, 7.f, 4.f, 6.f, 5.f, 0.f,    //
                        9.f, 8.f, 7.f, -0.f, 0.f, 0.f, 0.f, 0.f, 0.f, -6.f})  // five are zero
    weight.bytes += support::bytes_of(w);
  support::write_weights(folder / "m", {weight});
  const settings s = with_masks(folder / "m", folder);
  output_of(s);
  const safetensors_file masks(s.masks);
  BOOST_TEST(masks.metadata().at("format") == "tamp masks");
  BOOST_TEST(masks.metadata().at("version") == "1");
  BOOST_TEST(masks.tensors().size() == 2u);
  BOOST_TEST(shown(masks, weight.name) ==
             "2 x 10\n"
             ".#.#.#.##.\n"
             "###......#");  // a kept zero counts as dropped
  const auto bits = masks.values<std::uint8_t>(weight.name + ".bitmask");
  BOOST_TEST((bits[0] == 0b10101010 && bits[1] == 0b01 && bits[2] == 0b111 && bits[3] == 0b10));
}

BOOST_AUTO_TEST_CASE(each_type_and_no_other_tensor) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  const settings s = with_masks(model, folder);
  output_of(s);
  const safetensors_file masks(s.masks);
  const std::string q0 = "model.layers.0.self_attn.q_proj.weight",
                    d0 = "model.layers.0.mlp.down_proj.weight",
                    q1 = "model.layers.1.self_attn.q_proj.weight",
                    u1 = "model.layers.1.mlp.up_proj.weight";
  BOOST_TEST(masks.tensors().size() == 8u);
  BOOST_TEST(shown(masks, q0) == expected<float>(bytes_in(s.out, q0), 4, 6));
  BOOST_TEST(shown(masks, d0) == expected<tamp::bf16>(bytes_in(s.out, d0), 6, 8));
  BOOST_TEST(shown(masks, q1) == expected<double>(bytes_in(s.out, q1), 4, 6));
  BOOST_TEST(shown(masks, u1) == expected<tamp::f16>(bytes_in(s.out, u1), 8, 6));
}

BOOST_AUTO_TEST_CASE(transposed_weights_and_experts_are_shown_as_they_are_stored) {
  const temporary_folder folder;
  const std::string fc = "h.0.mlp.c_fc.weight", experts = "blk.0.ffn_up_exps.weight";
  support::write_weights(folder / "m", {random_tensor(fc, dtype::f32, {6, 9}),
                                        random_tensor("h.0.mlp.c_fc.bias", dtype::f32, {9}),
                                        random_tensor(experts, dtype::bf16, {3, 4, 10})});
  const settings s = with_masks(folder / "m", folder);
  output_of(s);
  const safetensors_file masks(s.masks);
  BOOST_TEST(shown(masks, fc) == expected<float>(bytes_in(s.out, fc), 6, 9));
  BOOST_TEST(shown(masks, experts) == expected<tamp::bf16>(bytes_in(s.out, experts), 12, 10));
}

BOOST_AUTO_TEST_CASE(blocks_of_gguf_files_by_what_they_stand_for) {
  const temporary_folder folder;
  std::mt19937 random(3);
  support::gguf_bytes file;
  for (const std::uint32_t type : {8u, 3u}) {  // Q8_0, and Q4_1, which is stored as F16
    std::string blocks;
    for (int block = 0; block < 6; ++block) {
      blocks += support::random_numbers<tamp::f16>(type == 3 ? 2 : 1, random);
      for (int k = 0; k < (type == 3 ? 16 : 32); ++k) blocks += static_cast<char>(random());
    }
    file.tensor(type == 3 ? "blk.0.attn_k.weight" : "blk.0.attn_q.weight", {64, 3}, type, blocks);
  }
  settings s = with_masks(folder.write("m", file.bytes()), folder);
  s.retype = "f16", s.names.may_retype = true;
  output_of(s);
  const tamp::io::gguf_file out(s.out);
  const safetensors_file masks(s.masks);
  for (const char* name : {"blk.0.attn_q.weight", "blk.0.attn_k.weight"}) {
    std::string values;
    std::vector<float> row(64);
    for (std::size_t i = 0; i < 3; ++i) {
      out.tensor(name).read_row(i, row);
      for (const float w : row) values += support::bytes_of(w);
    }
    BOOST_TEST(shown(masks, name) == expected<float>(values, 3, 64));
  }
}

// A run that was stopped knows nothing of the layers of the one before, but for their files.
BOOST_AUTO_TEST_CASE(a_stopped_run_goes_on_to_the_same_masks) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  settings s = with_masks(model, folder);
  output_of(s);
  const std::string whole = read_bytes(s.masks);
  int stopped = 0;
  for (int stop_after = 0; stop_after < 20; ++stop_after) {
    fs::remove_all(s.out);
    fs::remove(s.masks);
    s.resume = false;
    int asked = 0;
    tamp_prune::surroundings around;
    around.is_stopped = [&] { return asked++ >= stop_after; };
    if (support::result_of(s, around).code == 130) {
      ++stopped;
      BOOST_TEST((!fs::exists(s.masks) && !fs::exists(s.out)));
      s.resume = true;
      output_of(s);
    }
    BOOST_TEST((read_bytes(s.masks) == whole), "after " << stop_after);
    BOOST_TEST(folder.count() == 3u);
  }
  BOOST_TEST((stopped > 8 && stopped < 20));
}

// A run that was stopped after its last step writes masks of what is in its place.
BOOST_AUTO_TEST_CASE(an_output_that_is_in_its_place) {
  const temporary_folder folder;
  support::write_weights(folder / "m",
                         {random_tensor("layers.0.q_proj.weight", dtype::f32, {2, 9})});
  for (const fs::path& model : {fs::path(support::write_model(folder)), folder / "m"}) {
    settings s = settings_for(model, folder / "out");
    s.report = (folder / "none/report").string();
    fs::create_directory(folder / "none");
    tamp_prune::surroundings around;
    around.on_begin = [&] { fs::remove(folder / "none"); };
    BOOST_CHECK_THROW(output_of(s, around), tamp::file_error);
    BOOST_TEST((fs::exists(s.out) && fs::exists(s.out + ".unfinished")));
    s = with_masks(model, folder);
    s.resume = true;
    output_of(s);
    const std::string late = read_bytes(s.masks);
    fs::remove_all(s.out);
    s.resume = false;
    output_of(s);
    BOOST_TEST((read_bytes(s.masks) == late));
    fs::remove_all(s.out);
  }
}

BOOST_AUTO_TEST_CASE(masks_replace_nothing_that_is_read_or_written) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  const auto refused = [&](const fs::path& masks, const std::string& sentence) {
    settings s = settings_for(model, folder / "out");
    s.report = (folder / "report").string();
    s.masks = masks.string();
    const auto before = files_of(model);
    support::check_error<tamp::file_error>(masks.string() + ": " + sentence, [&] { output_of(s); });
    BOOST_TEST((files_of(model) == before));
    BOOST_TEST(folder.count() == 1u);
  };
  refused(model / "masks", "--masks would change the model");
  refused(folder / "out", "--masks would replace OUT");
  refused(folder / "out/masks", "--masks would replace OUT");
  refused(folder / "report", "--masks would replace the file of --report");
}

BOOST_AUTO_TEST_SUITE_END()
