#include <tamp/io/save_load.hpp>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <tamp/io/attention_recording.hpp>
#include <tamp/io/calibration.hpp>
#include <tamp/io/compute_plan.hpp>
#include <tamp/io/layer_ranking.hpp>
#include <tamp/io/pruning_plan.hpp>
#include <tamp/io/relative_schedule.hpp>
#include <tamp/io/schedule.hpp>
#include <tamp/prune/calibrate.hpp>
#include <tamp/stat/column_norm.hpp>

#include "../support/errors.hpp"
#include "files.hpp"

BOOST_AUTO_TEST_SUITE(io_save_load)

using support::check_error;
using support::read_bytes;
using support::temporary_folder;
using tamp::file_error;
using tamp::pruning_plan;
using tamp::compute::compute_plan;
using tamp::compute::evaluated_sets;
using tamp::token::relative_schedule;
using tamp::token::schedule;

namespace {

pruning_plan plan() {
  pruning_plan plan;
  plan.recipe = "wanda, per_row";
  plan.layers = {{"0.up", 0, 6, 4, 0.5}, {"1.up", 1, 6, 4, 1.0 / 3}};
  plan.notes = {"a note"};
  return plan;
}

compute_plan whole_plan() {
  compute_plan whole;
  whole.selector = "fitprune";
  whole.tokens.drops = {0, 12};
  whole.weights = plan();
  return whole;
}

evaluated_sets sets() {
  evaluated_sets known;
  known.insert({0, 3}, 0.25);
  known.insert({3}, std::numeric_limits<double>::infinity());
  return known;
}

// A value, what its file is called in sentences, and the key with which it begins.
template <class Check>
void with_every_value(Check&& check) {
  check(plan(), "plan", "tamp_plan");
  check(schedule{{0, 12, 3}}, "schedule", "tamp_schedule");
  check(relative_schedule{{0, 0.25}}, "relative schedule", "tamp_relative_schedule");
  check(whole_plan(), "compute plan", "tamp_compute_plan");
  check(sets(), "list of evaluated sets", "tamp_evaluated_sets");
}

template <class T>
T loaded(const std::filesystem::path& path, const T&) {
  return tamp::io::load<T>(path);
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_value_is_saved_and_loaded_by_the_same_two_verbs) {
  with_every_value([](const auto& value, const std::string&, const std::string& key) {
    const temporary_folder folder;
    tamp::io::save(folder / "value.json", value);
    BOOST_TEST((loaded(folder / "value.json", value) == value));
    const auto json = nlohmann::ordered_json::parse(read_bytes(folder / "value.json"));
    BOOST_TEST(json.begin().key() == key);
    BOOST_TEST(json.begin().value().template get<int>() == 1);
    BOOST_TEST(folder.count() == 1u);
  });
}

BOOST_AUTO_TEST_CASE(a_text_file_ends_with_one_newline) {
  with_every_value([](const auto& value, const std::string&, const std::string&) {
    const temporary_folder folder;
    tamp::io::save(folder / "value.json", value);
    const std::string text = read_bytes(folder / "value.json");
    BOOST_TEST(text.ends_with("}\n"));
  });
}

BOOST_AUTO_TEST_CASE(an_older_file_is_replaced) {
  with_every_value([](const auto& value, const std::string&, const std::string&) {
    const temporary_folder folder;
    const std::string path = folder.write("value.json", std::string(10'000, 'x'));
    tamp::io::save(path, value);
    BOOST_TEST((loaded(path, value) == value));
  });
}

BOOST_AUTO_TEST_CASE(what_was_loaded_is_saved_as_the_same_bytes) {
  with_every_value([](const auto& value, const std::string&, const std::string&) {
    const temporary_folder folder;
    tamp::io::save(folder / "first", value);
    tamp::io::save(folder / "second", loaded(folder / "first", value));
    BOOST_TEST(read_bytes(folder / "first") == read_bytes(folder / "second"));
  });
}

// A value of deeper JSON is refused before its first key is looked at.
BOOST_AUTO_TEST_CASE(no_value_is_taken_for_another) {
  with_every_value([](const auto& value, const std::string&, const std::string& key) {
    const temporary_folder folder;
    const std::string path = (folder / "value.json").string();
    tamp::io::save(path, value);
    with_every_value([&](const auto& other, const std::string& name, const std::string& other_key) {
      if (key == other_key) return;
      const std::string is_no = path + ": is no " + name + ": it has no '" + other_key + "'";
      BOOST_CHECK_EXCEPTION(loaded(path, other), file_error, [&](const file_error& e) {
        const std::string_view said = e.what();
        return said == is_no || (said.starts_with(path) && said.ends_with(" levels deep"));
      });
    });
  });
}

BOOST_AUTO_TEST_CASE(later_versions_and_unknown_keys_are_refused) {
  with_every_value([](const auto& value, const std::string& name, const std::string& key) {
    const temporary_folder folder;
    nlohmann::json json = value;
    json[key] = 2;
    std::string path = folder.write("version", json.dump());
    check_error<file_error>(path + ": is a " + name + " of version 2, and tamp reads version 1",
                            [&] { loaded(path, value); });
    json[key] = 1;
    json["note"] = 3;
    path = folder.write("unknown_key", json.dump());
    check_error<file_error>(path + ": note is no part of a " + name, [&] { loaded(path, value); });
    json.erase("note");
    json[""] = 3;
    path = folder.write("empty_key", json.dump());
    BOOST_CHECK_THROW(loaded(path, value), file_error);
  });
}

// The reader of each value says why. An older file stays.
BOOST_AUTO_TEST_CASE(a_value_that_the_reader_refuses_is_not_written) {
  const temporary_folder folder;
  const std::string path = folder.write("value.json", "old");
  const auto not_saved = [&](const auto& value, const std::string& sentence) {
    check_error<file_error>(path + ": " + sentence, [&] { tamp::io::save(path, value); });
    BOOST_TEST(read_bytes(path) == "old");
    BOOST_TEST(folder.count() == 1u);
  };
  pruning_plan broken = plan();
  broken.layers[1].sparsity = 1.5;
  not_saved(broken, "layers[1] (1.up) has a sparsity of 1.5, which is not in [0, 1]");
  compute_plan whole = whole_plan();
  whole.weights = broken;
  not_saved(whole, "weights: layers[1] (1.up) has a sparsity of 1.5, which is not in [0, 1]");
  broken = plan();
  broken.layers[0].rows = std::numeric_limits<std::size_t>::max();
  not_saved(broken,
            "layers[0] (0.up) is 18446744073709551615 x 4, which is too large for a weight");
  broken = plan();
  broken.layers[0].tied_to = "1.up";
  not_saved(broken, "layers[0] (0.up) is tied to 1.up, which is no layer before it");
  whole = whole_plan();
  whole.ffn.probe_every = 0;
  not_saved(whole, "dynamic_ffn.probe_every is 0");
}

BOOST_AUTO_TEST_CASE(text_that_is_not_utf_8_is_not_written) {
  const temporary_folder folder;
  const std::string path = folder.write("value.json", "old");
  for (const std::string bytes : {"\x80", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80"}) {
    const auto not_saved = [&](const auto& value, const std::string& texts) {
      check_error<file_error>(path + ": " + texts + " is not valid UTF-8",
                              [&] { tamp::io::save(path, value); });
      BOOST_TEST(read_bytes(path) == "old");
    };
    const std::string texts = "the recipe, a name or a note";
    pruning_plan broken = plan();
    broken.recipe += bytes;
    not_saved(broken, texts);
    broken = plan();
    broken.layers[0].name = bytes;
    not_saved(broken, texts);
    broken.layers[1].tied_to = bytes;
    not_saved(broken, texts);
    compute_plan whole = whole_plan();
    whole.weights = broken;
    not_saved(whole, "the selector or a text of the weights");
    whole = whole_plan();
    whole.selector = bytes;
    not_saved(whole, "the selector or a text of the weights");
  }
}

// Characters that JSON writes in another way.
BOOST_AUTO_TEST_CASE(every_text_of_utf_8_is_read_back) {
  const temporary_folder folder;
  std::string all;
  for (char c = 0; c < 0x7f; ++c) all += c;
  all += "\x7f\xc2\x80 \xef\xbf\xbd \xf0\x9f\x90\x99";
  pruning_plan texts = plan();
  texts.recipe = texts.layers[1].name = all;
  texts.notes = {all, "", all};
  tamp::io::save(folder / "plan.json", texts);
  BOOST_TEST((tamp::io::load<pruning_plan>(folder / "plan.json") == texts));
  compute_plan whole = whole_plan();
  whole.selector = all;
  whole.weights = texts;
  tamp::io::save(folder / "whole.json", whole);
  BOOST_TEST((tamp::io::load<compute_plan>(folder / "whole.json") == whole));
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_or_written_is_named) {
  with_every_value([](const auto& value, const std::string&, const std::string&) {
    const temporary_folder folder;
    check_error<file_error>(
        (folder / "none").string() + ": cannot be opened: No such file or directory",
        [&] { loaded(folder / "none", value); });
    const std::string empty = folder.write("empty", "");
    BOOST_CHECK_EXCEPTION(loaded(empty, value), file_error, [&](const file_error& e) {
      const std::string_view said = e.what();
      return said.starts_with(empty + ": the ") && said.ends_with(" is not valid JSON");
    });
    const auto nowhere = folder / "none/value";
    BOOST_CHECK_EXCEPTION(tamp::io::save(nowhere, value), file_error, [&](const file_error& e) {
      return std::string_view(e.what()).starts_with(nowhere.string() + ": cannot be written");
    });
    BOOST_TEST(folder.count() == 1u);
  });
}

// The questions that a program can ask before it calls; io::save and io::load say it in a sentence
// (tests/fail).
BOOST_AUTO_TEST_CASE(other_types_are_no_values) {
  using tamp::detail::loadable;
  using tamp::detail::saveable;
  static_assert(saveable<pruning_plan> && loadable<pruning_plan>);
  static_assert(saveable<schedule> && loadable<schedule>);
  static_assert(saveable<relative_schedule> && loadable<relative_schedule>);
  static_assert(saveable<compute_plan> && loadable<compute_plan>);
  static_assert(saveable<evaluated_sets> && loadable<evaluated_sets>);
  using recording = tamp::token::attention_recording;
  static_assert(saveable<recording> && loadable<recording>);
  using calibration = tamp::calibration<tamp::stat::column_norm>;
  static_assert(!loadable<calibration>);  // needs a host
  static_assert(!saveable<int> && !loadable<int>);
  static_assert(!saveable<std::string> && !loadable<std::string>);
  static_assert(!saveable<nlohmann::json> && !loadable<nlohmann::json>);
  static_assert(!loadable<const pruning_plan> && !loadable<pruning_plan&> && !loadable<void>);
}

BOOST_AUTO_TEST_SUITE_END()
