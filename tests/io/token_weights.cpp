#include <tamp/io/token_weights.hpp>

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <tamp/io/calibration.hpp>
#include <tamp/io/safetensors_writer.hpp>
#include <tamp/stat/column_norm.hpp>
#include <tamp/stat/reach.hpp>
#include <tamp/stat/weighted.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/mixing_model.hpp"
#include "files.hpp"

BOOST_AUTO_TEST_SUITE(io_token_weights)

using support::check_error;
using support::mixing_mlp;
using support::temporary_folder;
using tamp::token_weights;
using tamp::io::declaration;
using tamp::io::dtype;
using tamp::stat::reach;

namespace {

token_weights example() {
  token_weights weights(2, 7, 0xffffffffffffffff);
  weights.add(std::vector<std::vector<double>>{{1, 0.1}, {1e300, 0}});
  weights.add(std::vector<std::vector<double>>{{5e-324}, {3}});
  return weights;
}

}  // namespace

BOOST_AUTO_TEST_CASE(weights_are_read_back_to_the_bit_complete_or_not) {
  const temporary_folder folder;
  token_weights weights = example();
  tamp::io::save(folder / "weights", weights);
  BOOST_TEST((tamp::io::load<token_weights>(folder / "weights") == weights));
  weights.finish();
  tamp::io::save(folder / "weights", weights);
  BOOST_TEST((tamp::io::load<token_weights>(folder / "weights") == weights));
  tamp::io::save(folder / "none", token_weights());
  BOOST_TEST((tamp::io::load<token_weights>(folder / "none") == token_weights()));
}

BOOST_AUTO_TEST_CASE(measuring_goes_on_from_a_file) {
  const temporary_folder folder;
  mixing_mlp host(2, 3, 5, 1);
  token_weights whole, part;
  reach::measure(tamp::execute::sequential{}, host, whole);
  reach::measure(tamp::execute::sequential{}, host, part,
                 [](const tamp::progress& now) { return now.samples_done < 2; });
  tamp::io::save(folder / "weights", part);
  auto again = tamp::io::load<token_weights>(folder / "weights");
  BOOST_TEST(again.samples() == 2u);
  reach::measure(tamp::execute::sequential{}, host, again);
  BOOST_TEST((again == whole));
}

BOOST_AUTO_TEST_CASE(a_calibration_file_holds_its_weights) {
  using norm = tamp::stat::weighted<tamp::stat::column_norm, reach>;
  const temporary_folder folder;
  mixing_mlp host(3, 3, 5, 1);
  tamp::calibration<norm> whole, part, again;
  tamp::calibrate(host, whole);
  // Stopped among the samples, and among the blocks.
  for (const auto go_on : {+[](const tamp::progress& now) { return now.samples_done < 2; },
                           +[](const tamp::progress& now) { return now.block < 1; }}) {
    tamp::calibrate(host, part, go_on);
    tamp::io::save(folder / "seen", part);
    tamp::io::load(folder / "seen", host, again);
    BOOST_TEST((again == part));
    BOOST_TEST(tamp::calibrate(host, again));
    BOOST_TEST((again == whole));
  }
  tamp::io::save(folder / "seen", whole);
  tamp::io::load(folder / "seen", host, again);
  BOOST_TEST((again == whole));
}

BOOST_AUTO_TEST_CASE(files_of_other_contents_are_refused) {
  const temporary_folder folder;
  const auto refused = [&]<class Error>(const std::string& sentence) {
    check_error<Error>((folder / "weights").string() + ": " + sentence, [&] {
      static_cast<void>(tamp::io::load<token_weights>(folder / "weights"));
    });
  };
  const auto write = [&](std::vector<double> numbers, std::vector<double> ends,
                         std::map<std::string, std::string> metadata, bool extra = false) {
    std::vector<declaration> tensors{{"numbers", dtype::f64, {numbers.size()}},
                                     {"ends", dtype::f64, {ends.size()}}};
    for (const char* word : {"blocks", "model", "samples", "complete"})
      tensors.push_back({word, dtype::i64, {}});
    if (extra) tensors.push_back({"more", dtype::i64, {}});
    tamp::io::safetensors_writer out(folder / "weights", tensors, metadata);
    out.write<double>("numbers", numbers);
    out.write<double>("ends", ends);
    const std::int64_t one = 1;
    for (const auto& tensor : tensors)
      if (tensor.type == dtype::i64) out.write<std::int64_t>(tensor.name, std::span(&one, 1));
    out.commit();
  };
  const std::map<std::string, std::string> right{{"tamp_token_weights", "1"}};
  write({1, 2}, {2}, right);
  BOOST_TEST(tamp::io::load<token_weights>(folder / "weights").samples() == 1u);
  write({1, 2}, {2}, {});
  refused.template operator()<tamp::file_error>(
      "is no list of token weights: its metadata lack 'tamp_token_weights'");
  write({1, 2}, {2}, {{"tamp_token_weights", "2"}});
  refused.template operator()<tamp::file_error>(
      "is a list of token weights of version 2, and tamp reads version 1");
  write({1, 2}, {2}, right, true);
  refused.template operator()<tamp::file_error>(
      "holds 7 tensors, a list of token weights like this one has 6");
  write({1, 2}, {3}, right);
  refused.template operator()<tamp::value_error>(
      "token_weights: 2 weights cannot be those of 1 samples in 1 blocks");
  write({1, -2}, {2}, right);
  refused.template operator()<tamp::value_error>("token_weights: weight 1 of block 0 is -2");
  std::ofstream(folder / "weights") << "no tensors";
  BOOST_CHECK_THROW(static_cast<void>(tamp::io::load<token_weights>(folder / "weights")),
                    tamp::file_error);
}

BOOST_AUTO_TEST_SUITE_END()
