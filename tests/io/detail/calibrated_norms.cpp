#include <tamp/io/detail/calibrated_norms.hpp>

#include <tamp/io/norms_file.hpp>
#include <tamp/stat/column_norm.hpp>
#include <tamp/stat/hidden_change.hpp>
#include <tamp/stat/pairwise.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "../../support/errors.hpp"
#include "../../support/model.hpp"
#include "../files.hpp"

BOOST_AUTO_TEST_SUITE(io_detail_calibrated_norms)

using support::check_error;
using support::open_mlp;
using support::temporary_folder;
using tamp::calibration;
using tamp::file_error;
using tamp::io::read_norms;
using tamp::stat::column_norm;
using tamp::stat::hidden_change;
using tamp::stat::pairwise;

namespace {

// Both layers of a block see the same input.
struct shared_input : open_mlp {
  using open_mlp::open_mlp;
  std::size_t input_of(std::size_t, std::size_t) const { return 0; }
};

template <class... Statistics, class Host>
calibration<Statistics...> calibrated(Host& host) {
  calibration<Statistics...> seen;
  tamp::calibrate(host, seen);
  return seen;
}

// A file like the one at `path`, with one entry of its metadata changed, or left out.
void change(const std::filesystem::path& path, const std::string& key, const std::string& text) {
  const tamp::io::safetensors_file file(path);
  auto metadata = file.metadata();
  metadata.erase(key);
  if (!text.empty()) metadata[key] = text;
  std::vector<tamp::io::declaration> tensors;
  std::map<std::string, std::vector<double>> numbers;
  std::map<std::string, std::int64_t> words;
  for (const auto& tensor : file.tensors()) {
    tensors.push_back({tensor.name, tensor.type, tensor.shape});
    if (tensor.type == tamp::io::dtype::f64) {
      const auto values = file.values<double>(tensor.name);
      numbers[tensor.name].assign(values.begin(), values.end());
    } else {
      words[tensor.name] = file.values<std::int64_t>(tensor.name)[0];
    }
  }
  tamp::io::safetensors_writer out(path, tensors, metadata);
  for (const auto& [name, values] : numbers) out.write<double>(name, values);
  for (const auto& [name, word] : words) out.write<std::int64_t>(name, std::span(&word, 1));
  out.commit();
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // One sample of two tokens at both layers of the only block: column 0 sees 3 and 4, column 1
  // sees 0 and 1. Norms are per token: sqrt((9 + 16) / 2), sqrt(1 / 2).
  auto host = shared_input(1, 2, 2, 1);
  host.samples = {{{3, 0}, {4, 1}}};
  const temporary_folder folder;
  const auto path = folder / "seen.safetensors";
  calibration<column_norm> seen;
  seen.prepare(tamp::execute::standard{}, host);
  seen.observe_next(tamp::execute::standard{}, host);
  tamp::io::save(path, seen);
  const auto norms = read_norms(path);
  BOOST_TEST(norms.size() == 2u);
  for (const char* name : {"0.up", "0.down"}) {
    BOOST_TEST(norms.of(name, 2)[0] == static_cast<float>(std::sqrt(12.5)));
    BOOST_TEST(norms.of(name, 2)[1] == static_cast<float>(std::sqrt(0.5)));
    BOOST_TEST(norms.at(name).tokens[0] == 2u);
  }
}

BOOST_AUTO_TEST_CASE(column_norms_are_found_among_other_statistics_and_as_pairwise_sums) {
  const temporary_folder folder;
  open_mlp host(2, 4, 6, 1);
  const auto path = folder / "seen.safetensors";
  tamp::io::save(path, calibrated<column_norm>(host));
  const auto alone = read_norms(path);
  BOOST_TEST(alone.size() == 4u);
  BOOST_TEST(alone.of("1.down", 6).size() == 6u);

  tamp::io::save(path, calibrated<hidden_change, column_norm>(host));
  BOOST_TEST((read_norms(path) == alone));

  const auto parts = calibrated<pairwise<column_norm>>(host);
  tamp::io::save(path, parts);
  const auto totals = read_norms(path);
  BOOST_TEST(totals.size() == 4u);
  const auto all = parts.totals();
  const auto& seen = all.of<column_norm>(3);
  BOOST_TEST(totals.at("1.down").tokens[0] == seen.tokens());
  BOOST_TEST(
      totals.of("1.down", 6)[5] ==
      static_cast<float>(std::sqrt(seen.sum_of_squares()[5] / static_cast<double>(seen.tokens()))));
}

BOOST_AUTO_TEST_CASE(calibrations_without_norms_for_all_layers_are_refused) {
  const temporary_folder folder;
  open_mlp host(2, 4, 6, 1);
  const auto path = folder / "seen.safetensors";
  const std::string name = path.string();
  calibration<column_norm> begun;
  tamp::calibrate(host, begun, [](const tamp::progress& p) { return p.block == 0; });
  tamp::io::save(path, begun);
  check_error<file_error>(name + ": has seen 1 of 2 blocks: calibrate to the end first",
                          [&] { read_norms(path); });

  tamp::io::save(path, calibrated<hidden_change>(host));
  check_error<file_error>(name + ": holds the statistics hidden_change, and no column_norm",
                          [&] { read_norms(path); });

  const auto refused = [&](const std::string& layers, const std::string& sentence) {
    tamp::io::save(path, calibrated<column_norm>(host));
    change(path, "layers", layers);
    check_error<file_error>(name + ": " + sentence, [&] { read_norms(path); });
  };
  refused("", "was written without the names of its layers, which later versions write");
  refused(R"({"names":["a","b"],"inputs":[0]})", "names 2 layers, and the inputs of 1");
  refused(R"({"names":["a","b"],"inputs":[0,7]})", "says that layer 1 has the input of layer 7");
  refused(R"({"names":["a",5],"inputs":[0,1]})", "names[1] is not a text");
  refused(R"({"names":["a","b","c","d","e"],"inputs":[0,1,2,3,4]})",
          "has no tensor named 'layer.4.0.sum_of_squares'");
}

BOOST_AUTO_TEST_SUITE_END()
