#include <tamp/io/calibration.hpp>

#include <tamp/stat/column_norm.hpp>
#include <tamp/stat/column_variance.hpp>
#include <tamp/stat/hidden_change.hpp>
#include <tamp/stat/pairwise.hpp>

#include <bit>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/model.hpp"
#include "files.hpp"

BOOST_AUTO_TEST_SUITE(io_calibration)

using support::check_error;
using support::open_mlp;
using support::temporary_folder;
using tamp::file_error;
using tamp::value_error;
using tamp::detail::hexadecimal;
using tamp::io::declaration;
using tamp::io::dtype;
using tamp::io::safetensors_file;
using tamp::io::safetensors_writer;
using tamp::stat::column_norm;
using tamp::stat::hidden_change;

namespace {

using both = tamp::calibration<column_norm, hidden_change>;

both calibrated(open_mlp& host, std::size_t blocks = 99) {
  both seen;
  tamp::calibrate(host, seen, [&](const tamp::progress& p) { return p.block != blocks; });
  return seen;
}

// The contents of a calibration file, to be written again with something changed.
struct contents {
  std::map<std::string, std::string> metadata;
  std::map<std::string, std::vector<double>> numbers;
  std::map<std::string, std::int64_t> words;

  explicit contents(const std::filesystem::path& path) {
    const safetensors_file file(path);
    metadata = file.metadata();
    for (const auto& tensor : file.tensors())
      if (tensor.type == dtype::f64) {
        const auto values = file.values<double>(tensor.name);
        numbers[tensor.name].assign(values.begin(), values.end());
      } else {
        words[tensor.name] = file.values<std::int64_t>(tensor.name)[0];
      }
  }
  void write(const std::filesystem::path& path) const {
    std::vector<declaration> tensors;
    for (const auto& [name, values] : numbers)
      tensors.push_back({name, dtype::f64, {values.size()}});
    for (const auto& [name, word] : words) tensors.push_back({name, dtype::i64, {}});
    safetensors_writer out(path, tensors, metadata);
    for (const auto& [name, values] : numbers) out.write<double>(name, values);
    for (const auto& [name, word] : words) out.write<std::int64_t>(name, std::span(&word, 1));
    out.commit();
  }
};

// A saved calibration of 2 blocks, and attempts to load it into one that must not change.
struct saved {
  temporary_folder folder;
  open_mlp host{2, 4, 6, 1};
  std::filesystem::path path = folder / "seen";
  both seen = calibrated(host), untouched = calibrated(host, 1);

  saved() { tamp::io::save(path, seen); }

  template <class Error, class Change>
  void refused(const std::string& sentence, Change&& change) {
    contents file(path);
    change(file);
    file.write(folder / "changed");
    both other = untouched;
    check_error<Error>(sentence, [&] { tamp::io::load(folder / "changed", host, other); });
    BOOST_TEST((other == untouched));
  }
  std::string changed() const { return (folder / "changed").string(); }
};

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_saved_is_loaded_to_the_bit) {
  saved s;
  for (const auto& exec : support::every_executor) {
    both loaded;
    tamp::io::load(exec, s.path, s.host, loaded);
    BOOST_TEST((loaded == s.seen), exec);
    BOOST_TEST(loaded.complete());
  }
  BOOST_TEST(s.folder.count() == 1u);
}

BOOST_AUTO_TEST_CASE(means_and_variances_are_saved_and_summed_up_like_norms) {
  using tamp::stat::column_variance, tamp::stat::pairwise;
  const temporary_folder folder;
  open_mlp host(2, 4, 6, 1);
  tamp::calibration<column_variance, pairwise<column_variance>> seen, loaded;
  tamp::calibrate(host, seen);
  tamp::io::save(folder / "seen", seen);
  tamp::io::load(folder / "seen", host, loaded);
  BOOST_TEST((loaded == seen));
  BOOST_TEST(loaded.of<column_variance>(3).variances()[0] > 0);
  BOOST_TEST(loaded.of<pairwise<column_variance>>(3).total().tokens() ==
             loaded.of<column_variance>(3).tokens());

  tamp::calibration<column_variance> alone;
  tamp::calibrate(host, alone);
  tamp::io::save(folder / "alone", alone);
  contents file(folder / "alone");
  file.numbers.at("layer.3.0.squared_deviations")[1] = -1;
  file.write(folder / "changed");
  check_error<tamp::value_error>((folder / "changed").string() +
                                     ": layer.3.0: column_variance: the squared deviation of "
                                     "feature 1 is -1",
                                 [&] { tamp::io::load(folder / "changed", host, alone); });
}

BOOST_AUTO_TEST_CASE(the_file_says_what_it_is) {
  const saved s;
  const safetensors_file file(s.path);
  const std::map<std::string, std::string> expected = {
      {"tamp_calibration", "1"},
      {"statistics", "column_norm, hidden_change"},
      {"model", hexadecimal(s.seen.model())},
      {"samples", hexadecimal(s.host.fingerprint())},
      {"layers", R"({"names":["0.up","0.down","1.up","1.down"],"inputs":[0,1,2,3]})"},
      {"blocks", "2"},
      {"blocks_done", "2"}};
  BOOST_TEST((file.metadata() == expected));
  BOOST_TEST((file.at("layer.3.0.sum_of_squares").shape == std::vector<std::size_t>{6}));
  BOOST_TEST(file.values<std::int64_t>("layer.3.0.tokens")[0] == 18);
  BOOST_TEST(file.tensors().size() == 4u * 5);
}

BOOST_AUTO_TEST_CASE(one_that_was_stopped_and_saved_goes_on_to_the_same_bits) {
  const temporary_folder folder;
  const open_mlp fresh(4, 8, 12, 2);
  open_mlp host = fresh;
  const both expected = calibrated(host);
  for (std::size_t stop = 0; stop < 4; ++stop) {
    open_mlp first = fresh, second = fresh;
    tamp::io::save(folder / "seen", calibrated(first, stop));
    both seen;
    tamp::io::load(folder / "seen", second, seen);
    BOOST_TEST(seen.blocks_done() == stop);
    BOOST_TEST(tamp::calibrate(second, seen));
    BOOST_TEST((seen == expected));
  }
}

BOOST_AUTO_TEST_CASE(it_may_be_saved_before_each_block_from_the_callback) {
  const temporary_folder folder;
  open_mlp host(3, 4, 6, 3);
  both seen, loaded;
  BOOST_TEST(tamp::calibrate(host, seen, [&](const tamp::progress& p) {
    tamp::io::save(folder / "seen", seen);
    tamp::io::load(folder / "seen", host, loaded);
    BOOST_TEST(loaded.blocks_done() == p.block);
    BOOST_TEST((loaded == seen));
    return true;
  }));
}

BOOST_AUTO_TEST_CASE(every_bit_of_a_count_survives) {
  for (const std::uint64_t count :
       {std::uint64_t{1} << 63, ~std::uint64_t{0}, (std::uint64_t{1} << 53) + 1}) {
    saved s;
    s.seen.fields(s.seen, [&](std::string_view name, auto& value) {
      if constexpr (std::is_same_v<decltype(value), std::uint64_t&>)
        if (name == "layer.1.0.count") value = count;
    });
    tamp::io::save(s.path, s.seen);
    both loaded;
    tamp::io::load(s.path, s.host, loaded);
    BOOST_TEST(loaded.of<column_norm>(1).count() == count);
  }
}

BOOST_AUTO_TEST_CASE(numbers_survive_that_text_would_round) {
  saved s;
  const std::vector<double> numbers = {0.1, 1e76, std::numeric_limits<double>::denorm_min(), -0.0};
  s.seen.fields(s.seen, [&](std::string_view name, auto& value) {
    if constexpr (requires { value = numbers; })
      if (name == "layer.0.0.sum_of_squares") value = numbers;
  });
  tamp::io::save(s.path, s.seen);
  both loaded;
  tamp::io::load(s.path, s.host, loaded);
  const auto sums = loaded.of<column_norm>(0).sum_of_squares();
  for (std::size_t k = 0; k < 4; ++k)
    BOOST_TEST(std::bit_cast<std::uint64_t>(sums[k]) == std::bit_cast<std::uint64_t>(numbers[k]));
}

BOOST_AUTO_TEST_CASE(another_model_is_refused_with_both_fingerprints) {
  saved s;
  open_mlp other = s.host;
  other.weights[0].down(0, 0) *= 2;
  const std::uint64_t model = tamp::detail::model_fingerprint(support::one_thread, other);
  both seen = s.untouched;
  check_error<value_error>(s.path.string() + ": made with the model " +
                               hexadecimal(s.seen.model()) + ", this one is " + hexadecimal(model),
                           [&] { tamp::io::load(s.path, other, seen); });
  BOOST_TEST((seen == s.untouched));
}

BOOST_AUTO_TEST_CASE(another_calibration_set_is_refused_with_both_fingerprints) {
  saved s;
  auto other = s.host.with_samples({s.host.samples[0]});
  both seen = s.untouched;
  check_error<value_error>(s.path.string() + ": made with the samples " +
                               hexadecimal(s.host.fingerprint()) + ", these are " +
                               hexadecimal(other.fingerprint()),
                           [&] { tamp::io::load(s.path, other, seen); });
  BOOST_TEST((seen == s.untouched));
}

BOOST_AUTO_TEST_CASE(other_statistics_are_refused_by_name) {
  saved s;
  tamp::calibration<column_norm> seen;
  check_error<value_error>(
      s.path.string() + ": holds the statistics column_norm, hidden_change, and not column_norm",
      [&] { tamp::io::load(s.path, s.host, seen); });
  BOOST_TEST((seen == tamp::calibration<column_norm>()));
}

BOOST_AUTO_TEST_CASE(metadata_that_no_calibration_has_are_refused) {
  saved s;
  for (const char* key :
       {"tamp_calibration", "statistics", "model", "samples", "blocks", "blocks_done"})
    s.refused<file_error>(s.changed() + ": is no calibration: its metadata lack '" + key + "'",
                          [&](contents& file) { file.metadata.erase(key); });
  s.refused<file_error>(s.changed() + ": is a calibration of version 2, and tamp reads version 1",
                        [](contents& file) { file.metadata["tamp_calibration"] = "2"; });
  for (const char* count : {"", "-1", "2 ", "two", "99999999999999999999"})
    s.refused<file_error>(
        s.changed() + ": the metadata 'blocks_done' are '" + count + "' and not a count",
        [&](contents& file) { file.metadata["blocks_done"] = count; });
  s.refused<file_error>(s.changed() + ": has seen 3 of 2 blocks, the model has 2",
                        [](contents& file) { file.metadata["blocks_done"] = "3"; });
  s.refused<file_error>(s.changed() + ": has seen 2 of 5 blocks, the model has 2",
                        [](contents& file) { file.metadata["blocks"] = "5"; });
}

BOOST_AUTO_TEST_CASE(tensors_that_no_calibration_has_are_refused) {
  saved s;
  s.refused<file_error>(s.changed() + ": has no tensor named 'layer.2.1.tokens'",
                        [](contents& file) { file.words.erase("layer.2.1.tokens"); });
  s.refused<file_error>(s.changed() + ": holds 21 tensors, a calibration like this one has 20",
                        [](contents& file) { file.words["another"] = 1; });
  s.refused<file_error>(s.changed() + ": holds 20 tensors, a calibration like this one has 10",
                        [](contents& file) { file.metadata["blocks_done"] = "1"; });
  s.refused<file_error>(s.changed() +
                            ": tensor 'layer.0.0.sum_of_squares' has 0 dimensions "
                            "instead of 1",
                        [](contents& file) {
                          file.numbers.erase("layer.0.0.sum_of_squares");
                          file.words["layer.0.0.sum_of_squares"] = 1;
                        });
  s.refused<file_error>(s.changed() + ": tensor 'layer.0.0.count' holds F64, not I64",
                        [](contents& file) {
                          file.words.erase("layer.0.0.count");
                          file.numbers["layer.0.0.count"] = {1};
                        });
}

BOOST_AUTO_TEST_CASE(numbers_that_cannot_have_been_summed_up_are_refused) {
  saved s;
  s.refused<value_error>(
      s.changed() + ": layer.3.0: column_norm: the sum of squares of feature 5 is -0.5",
      [](contents& file) { file.numbers["layer.3.0.sum_of_squares"][5] = -0.5; });
  s.refused<value_error>(
      s.changed() + ": layer.0.0: column_norm: the sum of squares of feature 0 is nan",
      [](contents& file) {
        file.numbers["layer.0.0.sum_of_squares"][0] = std::numeric_limits<double>::quiet_NaN();
      });
  s.refused<value_error>(
      s.changed() + ": layer.0.1: hidden_change: there are 2 sums of changes instead of 1",
      [](contents& file) { file.numbers["layer.0.1.sum_of_changes"] = {1, 2}; });
}

BOOST_AUTO_TEST_CASE(what_load_would_refuse_is_not_saved) {
  saved s;
  both broken = s.seen;
  broken.fields(broken, [](const std::string& name, auto& value) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, std::vector<double>>)
      if (name == "layer.3.0.sum_of_squares") value[5] = -0.5;
  });
  check_error<value_error>(
      s.path.string() + ": layer.3.0: column_norm: the sum of squares of feature 5 is -0.5",
      [&] { tamp::io::save(s.path, broken); });
  both loaded = s.untouched;
  tamp::io::load(s.path, s.host, loaded);
  BOOST_TEST((loaded == s.seen));
}

// Cut off anywhere the file is refused; with bytes overwritten it is refused or loaded in full.
BOOST_AUTO_TEST_CASE(damaged_files_are_refused_and_change_nothing) {
  const temporary_folder folder;
  open_mlp host(1, 2, 2, 4);
  tamp::calibration<column_norm> seen;
  tamp::calibrate(host, seen);
  tamp::io::save(folder / "seen", seen);
  support::damage(
      support::read_bytes(folder / "seen"),
      [&](const std::string& path) {
        tamp::calibration<column_norm> loaded;
        try {
          tamp::io::load(path, host, loaded);
          BOOST_TEST(loaded.complete());
        } catch (const value_error&) {  // of the statistic, which does not know the file
          BOOST_TEST((loaded == tamp::calibration<column_norm>()));
        } catch (const file_error&) {
          BOOST_TEST((loaded == tamp::calibration<column_norm>()));
          throw;
        }
      },
      [](std::size_t) { return true; });
}

BOOST_AUTO_TEST_CASE(an_old_file_is_replaced_in_one_step) {
  saved s;
  tamp::io::save(s.path, s.untouched);
  both loaded;
  tamp::io::load(s.path, s.host, loaded);
  BOOST_TEST((loaded == s.untouched));
  BOOST_TEST(s.folder.count() == 1u);
  const auto nowhere = s.folder / "none/seen";
  BOOST_CHECK_EXCEPTION(tamp::io::save(nowhere, s.seen), file_error, [&](const file_error& e) {
    return std::string_view(e.what()).starts_with(nowhere.string() + ": cannot be written");
  });
}

BOOST_AUTO_TEST_SUITE_END()
