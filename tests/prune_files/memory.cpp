// Bounds of memory: what a run needs, and what one layer at a time leaves the same.
#include <prune/memory.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <tamp/error.hpp>
#include <tamp/io/norms_file.hpp>
#include <vector>

#include "../io/gguf_bytes.hpp"
#include "../support/errors.hpp"
#include "models.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_memory)

namespace fs = std::filesystem;
using support::check_error;
using support::dtype;
using support::files_of;
using support::output_of;
using support::random_tensor;
using support::settings_for;
using support::temporary_folder;
using tamp::value_error;
using tamp_prune::bytes_of;
using tamp_prune::memory_need;
using tamp_prune::places_within;
using tamp_prune::settings;

namespace {

memory_need need_of(const settings& s) {
  const auto model = tamp_prune::find_model(s.model);
  auto layers = tamp_prune::choose_layers(model, s.names);
  const auto files = s.retype.empty() ? tamp_prune::same_layout(model, layers)
                                      : tamp_prune::retyped_layout(model, layers, "Q8_0");
  return tamp_prune::need_of(s, model, layers, files);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_number_of_bytes) {
  BOOST_TEST(bytes_of("1") == 1u);
  BOOST_TEST(bytes_of("500000000") == 500000000u);
  BOOST_TEST(bytes_of("3K") == 3072u);
  BOOST_TEST(bytes_of("3KiB") == 3072u);
  BOOST_TEST(bytes_of("2M") == 2097152u);
  BOOST_TEST(bytes_of("2MiB") == 2097152u);
  BOOST_TEST(bytes_of("1G") == 1073741824u);
  BOOST_TEST(bytes_of("1GiB") == 1073741824u);
  BOOST_TEST(bytes_of("1T") == 1099511627776u);
  BOOST_TEST(bytes_of("18446744073709551615") == 18446744073709551615u);
}

BOOST_AUTO_TEST_CASE(what_is_no_number_of_bytes_is_refused) {
  for (const std::string text : {"", "G", "-1", "+1", "1.5G", " 1G", "1 G", "1g", "1GB", "1Gi",
                                 "1GiBs", "1P", "0", "0G", "0x10", "1e9", "1G\n"})
    BOOST_CHECK_EXCEPTION(bytes_of(text), value_error, [](const auto& problem) {
      return std::string_view(problem.what())
          .ends_with("is no number of bytes, such as 500000000, 500M or 4GiB");
    });
  check_error<value_error>("--memory: '1GB' is no number of bytes, such as 500000000, 500M or 4GiB",
                           [] { bytes_of("1GB"); });
  for (const std::string text : {"18446744073709551616", "16777216T", "18014398509481984K"})
    check_error<value_error>("--memory: '" + text + "' is too large", [&] { bytes_of(text); });
}

BOOST_AUTO_TEST_CASE(each_place_holds_the_largest_layer) {
  const temporary_folder folder;
  // Of 2 x 3 floats, and of 4 x 70 numbers of 16 bits, whose mask has two words a row.
  support::write_weights(folder / "m",
                         {random_tensor("layers.0.q_proj.weight", dtype::f32, {2, 3}),
                          random_tensor("layers.1.q_proj.weight", dtype::bf16, {4, 70})});
  settings s = settings_for(folder / "m", folder / "out");
  s.threads = 3;
  const memory_need need = need_of(s);
  const std::uint64_t rows = 3 * 70 * 4 * 4;  // a few rows of floats for each thread
  BOOST_REQUIRE(need.steps.size() == 1u);
  BOOST_TEST(need.steps[0].what == "to prune layers.1.q_proj.weight");
  BOOST_TEST(need.steps[0].bytes_of_place == 560u);
  BOOST_TEST(need.steps[0].bytes == 4 * 2 * 8 + rows);
  // 64 MiB, 1 MiB for each thread, 4 KiB for each tensor and each layer.
  BOOST_TEST(need.bytes_of_all == (std::uint64_t{64 + 3} << 20) + 4 * 4096);
  BOOST_TEST(need.bytes(2) == need.bytes_of_all + need.steps[0].bytes + 2 * 560);
  BOOST_TEST(need.bytes(1) == need.bytes(2) - 560);
}

BOOST_AUTO_TEST_CASE(options_need_more) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  const settings plain = settings_for(model, folder / "out");
  const auto bytes = [&](auto&& change) {
    settings s = plain;
    change(s);
    return need_of(s).bytes(1);
  };
  const std::uint64_t least = bytes([](settings&) {});
  BOOST_TEST(bytes([](settings& s) { s.pattern = "per_tensor"; }) > least);
  BOOST_TEST(bytes([](settings& s) { s.allocate = "lamp"; }) > least + (16u << 20));
  BOOST_TEST(bytes([](settings& s) { s.packed = true; }) > least);
  // Norms are read from a file, and are 20 bytes a column: of 6 + 8 + 6 + 6.
  const std::string norms = folder.write("norms", std::string(1000, 'x'));
  BOOST_TEST(bytes([&](settings& s) { s.statistics = norms, s.score = "wanda"; }) ==
             least + 2 * 1000 + 26 * 20);
  BOOST_TEST(bytes([](settings& s) { s.pattern = "block:16x1"; }) > least);
  // Refinements: of the largest layer, of 8 columns, its Gram matrix and two or five more of its size.
  settings refined = plain;
  refined.refine = "swaps:5";
  refined.statistics = norms;
  const memory_need swaps = need_of(refined);
  BOOST_TEST(swaps.bytes_of_statistic == 8u * 8 * 8);
  BOOST_REQUIRE(swaps.refinement.has_value());
  BOOST_TEST(swaps.refinement->what == "to refine model.layers.0.mlp.down_proj.weight");
  refined.refine = "repair";
  const memory_need repair = need_of(refined);
  BOOST_TEST(repair.refinement->bytes >= swaps.refinement->bytes + 3 * 8 * 8 * 8 + 6 * 8 * 8);
  refined.refine = "dsnot";
  BOOST_TEST(need_of(refined).bytes_of_statistic == 2u * 8 * 8);
  // The rest of a bound is for more statistics.
  const std::uint64_t just = swaps.bytes_of_all + swaps.refinement->bytes;
  BOOST_TEST(tamp_prune::room_for_statistics(just, swaps) == 8u * 8 * 8);
  BOOST_TEST(tamp_prune::room_for_statistics(just + 1000, swaps) == 8u * 8 * 8 + 1000);
  BOOST_TEST(tamp_prune::room_for_statistics(0, swaps) == 0u);
  // A plan that is there allocates nothing.
  BOOST_TEST(bytes([](settings& s) { s.allocate = "lamp", s.plan = "plan"; }) == least);
}

BOOST_AUTO_TEST_CASE(the_bound_decides_how_many_layers_are_in_memory) {
  memory_need need;
  need.bytes_of_all = 1000;
  need.steps = {{"to prune a", 10, 100}, {"to pack b", 150, 0}};
  BOOST_TEST(need.bytes(1) == 1150u);
  BOOST_TEST(need.bytes(2) == 1210u);
  BOOST_TEST(places_within(1210, need) == 2u);
  BOOST_TEST(places_within(1209, need) == 1u);
  BOOST_TEST(places_within(1150, need) == 1u);
  check_error<value_error>(
      "--memory: to pack b, the run needs 1150 bytes with one layer at a time, and may use 1149",
      [&] { places_within(1149, need); });
}

BOOST_AUTO_TEST_CASE(one_layer_at_a_time_gives_the_same_bytes) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  for (const char* allocate : {"uniform", "lamp", "erk"})
    for (const bool packed : {false, true}) {
      settings s = settings_for(model, folder / "two");
      s.allocate = allocate, s.packed = packed;
      BOOST_TEST(output_of(s).find("--memory") == std::string::npos);
      s.out = (folder / "one").string();
      const memory_need need = need_of(s);
      s.memory = need.bytes(1);
      const bool tells = output_of(s).find(
                             "\n--memory allows one layer at a time: each waits for "
                             "the disk\n") != std::string::npos;
      BOOST_TEST(tells == (need.bytes(1) != need.bytes(2)));
      BOOST_TEST((files_of(s.out) == files_of(folder / "two")), allocate << ' ' << packed);
      fs::remove_all(folder / "one");
      fs::remove_all(folder / "two");
    }
}

BOOST_AUTO_TEST_CASE(one_layer_at_a_time_goes_on_after_each_stop) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  output_of(settings_for(model, folder / "whole"));
  for (int stop_after = 0; stop_after < 12; ++stop_after) {
    settings s = settings_for(model, folder / "out");
    s.memory = need_of(s).bytes(1);
    int asked = 0;
    tamp_prune::surroundings around;
    around.is_stopped = [&] { return asked++ >= stop_after; };
    if (support::result_of(s, around).code == 130) {
      s.memory.reset();  // it is no part of what is written
      s.resume = true;
      output_of(s);
    }
    BOOST_TEST((files_of(s.out) == files_of(folder / "whole")), "after " << stop_after);
    fs::remove_all(s.out);
  }
}

BOOST_AUTO_TEST_CASE(too_little_memory_is_refused_before_anything_is_written) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  settings s = settings_for(model, folder / "out");
  s.save_plan = (folder / "plan").string();
  const std::uint64_t needed = need_of(s).bytes(1);
  s.memory = needed - 1;
  check_error<value_error>(
      "--memory: to prune model.layers.1.self_attn.q_proj.weight, the run needs " +
          std::to_string(needed) + " bytes with one layer at a time, and may use " +
          std::to_string(needed - 1),
      [&] { output_of(s); });
  BOOST_TEST(folder.count() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
