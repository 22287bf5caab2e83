// A whole run: every layer as tamp::prune would have it, and all other bytes as they were.
#include <sys/stat.h>
#include <prune/run.hpp>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/io/norms_file.hpp>
#include <tamp/io/prune_report.hpp>
#include <tamp/io/pruning_plan.hpp>
#include <tamp/tamp.hpp>
#include <utility>
#include <vector>

#include "../support/errors.hpp"
#include "models.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_run)

namespace fs = std::filesystem;
using support::bytes_in;
using support::check_error;
using support::dtype;
using support::files_of;
using support::numbers;
using support::output_of;
using support::random_tensor;
using support::read_bytes;
using support::settings_for;
using support::stored;
using support::temporary_folder;
using tamp::compose;
using tamp::file_error;
using tamp::allocate::uniform;
using tamp::pattern::n_of_m;
using tamp::pattern::per_row;
using tamp::pattern::per_tensor;
using tamp::stat::column_norm;
using tamp_prune::settings;
using tamp_prune::surroundings;

namespace {

// The bytes of a tensor that is pruned in memory.
template <class T, class... More>
std::string pruned(const std::string& bytes, std::size_t rows, std::size_t cols,
                   const More&... statistics_and_recipe) {
  numbers<T> weight(bytes, rows, cols);
  tamp::prune(weight.view(), statistics_and_recipe...);
  return weight.bytes();
}

// Checks the layers of support::write_model, and that all else is as it was.
template <class Recipe>
void check_model(const fs::path& model, const fs::path& out, const Recipe& recipe) {
  const std::string q0 = "model.layers.0.self_attn.q_proj.weight",
                    d0 = "model.layers.0.mlp.down_proj.weight",
                    q1 = "model.layers.1.self_attn.q_proj.weight",
                    u1 = "model.layers.1.mlp.up_proj.weight";
  BOOST_TEST((bytes_in(out, q0) == pruned<float>(bytes_in(model, q0), 4, 6, recipe)));
  BOOST_TEST((bytes_in(out, d0) == pruned<tamp::bf16>(bytes_in(model, d0), 6, 8, recipe)));
  BOOST_TEST((bytes_in(out, q1) == pruned<double>(bytes_in(model, q1), 4, 6, recipe)));
  BOOST_TEST((bytes_in(out, u1) == pruned<tamp::f16>(bytes_in(model, u1), 8, 6, recipe)));
  BOOST_TEST((bytes_in(out, q0) != bytes_in(model, q0)));
  // All else, by putting the layers of the model back.
  auto files = files_of(out);
  for (auto& [name, bytes] : files)
    for (const std::string& layer : {q0, d0, q1, u1})
      if (const auto at = bytes.find(bytes_in(out, layer)); at != std::string::npos)
        bytes.replace(at, bytes_in(model, layer).size(), bytes_in(model, layer));
  BOOST_TEST((files == files_of(model)));
}

tamp::io::named_norms norms_of_the_model() {
  tamp::io::named_norms norms;
  float scale = 1;
  for (const auto& [name, columns] : std::vector<std::pair<std::string, std::size_t>>{
           {"model.layers.0.self_attn.q_proj.weight", 6},
           {"model.layers.0.mlp.down_proj.weight", 8},
           {"model.layers.1.self_attn.q_proj.weight", 6},
           {"model.layers.1.mlp.up_proj.weight", 6}}) {
    std::vector<float> values;
    for (std::size_t j = 0; j < columns; ++j)
      values.push_back(scale * static_cast<float>(1 + j * j) / 7);
    values[2] *= 20 * scale;  // an outlier, more so in later layers
    norms.add(name, std::move(values), 100);
    scale *= 2;
  }
  return norms;
}

void check_refused(const settings& s, const std::string& sentence) {
  check_error<file_error>(sentence, [&] { output_of(s); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(layers_are_pruned_by_magnitude_and_all_else_is_the_same) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder), out = folder / "out";
  const std::string text = output_of(settings_for(model, out));
  check_model(model, out, compose(tamp::score::magnitude{}, per_row{}, uniform{0.5}));
  BOOST_TEST(folder.count() == 2u);
  BOOST_TEST(text.starts_with(model.string() + ": 0.0 MB in 2 files, 11 tensors, 0.0 million "));
  BOOST_TEST(text.find("\n4 layers in 2 blocks, ") != std::string::npos);
  BOOST_TEST(text.find("magnitude, uniform 0.5, per_row, sparsity 0.5000\n") != std::string::npos);
  BOOST_TEST(
      text.find("\nleft as they are: model.layers.1.self_attn.k_proj.weight (holds I8, which "
                "is not pruned)\nleft as they are: model.embed_tokens.weight and 2 more (no "
                "linear layer of a block)\n") != std::string::npos);
  BOOST_TEST(text.find("\n" + out.string() +
                       ": magnitude, uniform 0.5, per_row; sparsity 0.5000 of "
                       "the layers, ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(patterns_and_sparsities) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  settings s = settings_for(model, folder / "a");
  s.sparsity = 0.75;
  s.pattern = "per_tensor";
  output_of(s);
  check_model(model, s.out, compose(tamp::score::magnitude{}, per_tensor{}, uniform{0.75}));
  s = settings_for(model, folder / "b");
  s.pattern = "1:2";
  output_of(s);
  check_model(model, s.out, compose(tamp::score::magnitude{}, n_of_m<1, 2>{}));
}

BOOST_AUTO_TEST_CASE(blocks_and_mixed_groups) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  settings s = settings_for(model, folder / "down");
  s.pattern = "block:16x1";
  BOOST_TEST(output_of(s).find("magnitude, uniform 0.5, block 16 x 1;") != std::string::npos);
  check_model(model, s.out,
              compose(tamp::score::magnitude{}, tamp::pattern::block<16, 1>{}, uniform{0.5}));
  s = settings_for(model, folder / "across");
  s.pattern = "block:1x16";
  s.sparsity = 0.4;
  output_of(s);
  check_model(model, s.out,
              compose(tamp::score::magnitude{}, tamp::pattern::block<1, 16>{}, uniform{0.4}));
  s = settings_for(model, folder / "mixed");
  s.pattern = "mixed:8";
  const std::string text = output_of(s);
  BOOST_TEST(text.find("magnitude, uniform 0.5 in groups of 8, N:8;") != std::string::npos);
  check_model(model, s.out,
              compose(tamp::score::magnitude{}, tamp::pattern::mixed_n_of_m<8>{}, uniform{0.5}));
  // Sparsities of an allocation are rounded to eighths.
  s = settings_for(model, folder / "rounded");
  s.pattern = "mixed:8";
  s.allocate = "erk";
  s.sparsity = 0.45;
  s.report = (folder / "report").string();
  output_of(s);
  const auto report = nlohmann::json::parse(read_bytes(s.report));
  for (const auto& layer : report["layers"]) {
    const double eighths = 8 * layer["asked"].get<double>();
    BOOST_TEST(std::abs(eighths - std::round(eighths)) < 1e-9);
  }
}

BOOST_AUTO_TEST_CASE(one_file_and_its_metadata) {
  const temporary_folder folder;
  const std::string name = "blocks.3.fc1.weight";
  const std::vector<stored> tensors{random_tensor(name, dtype::f32, {3, 5}),
                                    random_tensor("head", dtype::f32, {3, 5})};
  support::write_weights(folder / "no_extension", tensors, {{"format", "pt"}, {"by", "\xc3\xbc"}});
  const std::string text = output_of(settings_for(folder / "no_extension", folder / "out"));
  BOOST_TEST(text.find(" MB in 1 file, 2 tensors, ") != std::string::npos);
  BOOST_TEST(text.find("\n1 layer in 1 block, 50.0 % of the numbers: ") != std::string::npos);
  const tamp::io::safetensors_file written(folder / "out");
  BOOST_TEST(written.metadata().at("by") == "\xc3\xbc");
  const std::string before = read_bytes(folder / "no_extension"),
                    after = read_bytes(folder / "out");
  const std::string expected = pruned<float>(
      tensors[0].bytes, 3, 5, compose(tamp::score::magnitude{}, per_row{}, uniform{0.5}));
  std::string whole = before;
  BOOST_TEST((after == whole.replace(whole.find(tensors[0].bytes), 60, expected)));
}

BOOST_AUTO_TEST_CASE(transposed_weights_are_pruned_along_their_inputs) {
  const temporary_folder folder;
  const auto stored_weight = random_tensor("h.0.mlp.c_fc.weight", dtype::f32, {6, 8});
  support::write_weights(folder / "m",
                         {stored_weight, random_tensor("h.0.mlp.c_fc.bias", dtype::f32, {8})});
  output_of(settings_for(folder / "m", folder / "out"));
  numbers<float> weight(stored_weight.bytes, 8, 6, true);
  tamp::prune(weight.view(), compose(tamp::score::magnitude{}, per_row{}, uniform{0.5}));
  BOOST_TEST((bytes_in(folder / "out", stored_weight.name) == weight.bytes()));
  for (std::size_t i = 0; i < 8; ++i) {  // three of the six inputs of each output
    int zeros = 0;
    for (std::size_t j = 0; j < 6; ++j) zeros += weight.view()(i, j) == 0;
    BOOST_TEST(zeros == 3);
  }
}

BOOST_AUTO_TEST_CASE(experts_are_pruned_one_by_one_with_their_own_norms) {
  const temporary_folder folder;
  const auto stored_weight = random_tensor("blk.0.ffn_up_exps.weight", dtype::bf16, {3, 4, 6});
  support::write_weights(folder / "m", {stored_weight});
  tamp::io::named_norms norms;
  std::vector<float> values;
  for (int j = 0; j < 18; ++j) values.push_back(static_cast<float>((j * 7) % 11));
  norms.add(stored_weight.name, {6, values, {5, 0, 7}});  // the second saw no token
  tamp::io::save(folder / "norms", norms);
  settings s = settings_for(folder / "m", folder / "out");
  s.score = "wanda";
  s.statistics = (folder / "norms").string();
  output_of(s);
  const auto by_norms = compose(tamp::score::wanda{}, per_row{}, uniform{0.5});
  const auto blind = compose(tamp::score::magnitude{}, per_row{}, uniform{0.5});
  std::string expected;
  for (std::size_t e = 0; e < 3; ++e) {
    const std::string bytes = stored_weight.bytes.substr(e * 48, 48);
    const auto seen = column_norm::of(std::span<const float>(values).subspan(e * 6, 6), 1);
    expected += e == 1 ? pruned<tamp::bf16>(bytes, 4, 6, blind)
                       : pruned<tamp::bf16>(bytes, 4, 6, seen, by_norms);
  }
  BOOST_TEST((bytes_in(folder / "out", stored_weight.name) == expected));
}

BOOST_AUTO_TEST_CASE(wanda_ria_and_owl_use_the_norms) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  const auto norms = norms_of_the_model();
  tamp::io::save(folder / "norms", norms);
  settings s = settings_for(model, folder / "wanda");
  s.statistics = (folder / "norms").string();
  const std::string name = "model.layers.0.mlp.down_proj.weight", dense = bytes_in(model, name);
  const auto seen = column_norm::of(norms.of(name, 8), 100);
  s.score = "wanda";
  output_of(s);
  BOOST_TEST((bytes_in(s.out, name) ==
              pruned<tamp::bf16>(dense, 6, 8, seen,
                                 compose(tamp::score::wanda{}, per_row{}, uniform{0.5}))));
  s.out = (folder / "ria").string();
  s.score = "ria";
  s.pattern = "2:4";
  s.names.only = {name};
  output_of(s);
  BOOST_TEST((bytes_in(s.out, name) ==
              pruned<tamp::bf16>(dense, 6, 8, seen, compose(tamp::score::ria{}, n_of_m<2, 4>{}))));
  s = settings_for(model, folder / "owl");
  s.statistics = (folder / "norms").string();
  s.score = "wanda";
  s.allocate = "owl";
  s.save_plan = (folder / "plan").string();
  output_of(s);
  const auto plan = tamp::io::load<tamp::pruning_plan>(s.save_plan);
  BOOST_REQUIRE(plan.layers.size() == 4u);
  BOOST_TEST(plan.sparsity() == 0.5, boost::test_tools::tolerance(0.03));
  BOOST_TEST(plan.layers[0].sparsity != plan.layers[2].sparsity);
  for (const auto& layer : plan.layers)
    if (layer.name == name)
      BOOST_TEST(
          (bytes_in(s.out, name) ==
           pruned<tamp::bf16>(dense, 6, 8, seen,
                              compose(tamp::score::wanda{}, per_row{}, uniform{layer.sparsity}))));
}

BOOST_AUTO_TEST_CASE(a_plan_is_saved_edited_and_followed) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  settings s = settings_for(model, folder / "out");
  s.save_plan = (folder / "plan").string();
  s.dry_run = true;
  BOOST_TEST(output_of(s).find("  0.5000  6 x 8  model.layers.0.mlp.down_proj.weight\n") !=
             std::string::npos);
  BOOST_TEST(!fs::exists(s.out));
  auto plan = tamp::io::load<tamp::pruning_plan>(s.save_plan);
  plan.layers[0].sparsity = 0;
  plan.layers[1].excluded = true;
  plan.layers[1].sparsity = 0;
  plan.layers[1].drop.reset();
  plan.layers[2].sparsity = 1;
  tamp::io::save(folder / "plan", plan);
  s = settings_for(model, folder / "out");
  s.plan = (folder / "plan").string();
  output_of(s);
  for (const int k : {0, 1})
    BOOST_TEST((bytes_in(s.out, plan.layers[static_cast<std::size_t>(k)].name) ==
                bytes_in(model, plan.layers[static_cast<std::size_t>(k)].name)));
  for (const double w : numbers<double>(bytes_in(s.out, plan.layers[2].name), 4, 6).values)
    BOOST_TEST(w == 0);
}

BOOST_AUTO_TEST_CASE(any_number_of_threads_gives_the_same_bits) {
  const temporary_folder folder;
  std::vector<stored> tensors;
  for (int k = 0; k < 3; ++k)
    tensors.push_back(
        random_tensor("layers." + std::to_string(k) + ".q_proj.weight", dtype::f32, {150, 333}));
  support::write_weights(folder / "m", tensors);
  for (const char* allocate : {"uniform", "lamp", "erk"})
    for (const char* pattern : {"per_row", "per_tensor"}) {
      std::string first;
      for (const int threads : {1, 2, 3, 7, 0, 1}) {
        settings s = settings_for(folder / "m", folder / "out");
        s.allocate = allocate, s.pattern = pattern, s.threads = threads, s.overwrite = true;
        output_of(s);
        const std::string bytes = read_bytes(s.out);
        if (first.empty()) first = bytes;
        BOOST_TEST((bytes == first), allocate << ' ' << pattern << ' ' << threads);
      }
    }
}

BOOST_AUTO_TEST_CASE(a_report_says_what_was_done) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  settings s = settings_for(model, folder / "out");
  s.report = (folder / "report").string();
  output_of(s);
  const auto json = nlohmann::ordered_json::parse(read_bytes(s.report));
  const double bytes =
      static_cast<double>(read_bytes(model / "model-00001-of-00002.safetensors").size() +
                          read_bytes(model / "model-00002-of-00002.safetensors").size());
  BOOST_TEST(json["model"] == model.string());
  BOOST_TEST(json["bytes_before"] == bytes);
  BOOST_TEST(json["bytes_after"] == bytes);
  BOOST_TEST(json["layers"].size() == 4u);
  BOOST_TEST(json["layers"][1]["name"] == "model.layers.0.mlp.down_proj.weight");
  BOOST_TEST(json["layers"][1]["kept"] == 24u);
  BOOST_TEST(json["dense"].size() == 4u);
  // Of 24 + 48 + 24 + 48 weights half, of all numbers of floating point: 60 + 24 + 6 + 48 + 6 in
  // the first shard, 24 + 0 + 18 + 48 + 60 in the second.
  BOOST_TEST(json["sparsity_of_files"] == 72.0 / 294.0);
  // Half of each layer's numbers, a bit for each weight, 8 bytes a row and 16 a layer.
  const double dense = 24 * 4 + 48 * 2 + 24 * 8 + 48 * 2;
  const double packed = dense / 2 + (4 * 1 + 6 * 1 + 4 * 1 + 8 * 1) + (4 + 6 + 4 + 8) * 8 + 4 * 16;
  BOOST_TEST(json["bytes_if_packed"] == bytes - dense + packed);
}

BOOST_AUTO_TEST_CASE(a_report_may_lie_in_the_output) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  settings s = settings_for(model, folder / "out/");
  s.report = (folder / "out/report.json").string();
  output_of(s);
  BOOST_TEST(fs::exists(s.report));
}

BOOST_AUTO_TEST_CASE(a_stopped_run_goes_on_to_the_same_bits) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  output_of(settings_for(model, folder / "whole"));
  for (int stop_after = 0; stop_after < 16; ++stop_after) {
    settings s = settings_for(model, folder / "out");
    int begun = 0, asked = 0;
    surroundings around;
    around.on_begin = [&] { ++begun; };
    around.is_stopped = [&] { return asked++ >= stop_after; };
    const auto [code, output, errors] = support::result_of(s, around);
    BOOST_TEST(begun == 1);
    if (code == 130) {
      BOOST_TEST(errors == "Stopped. " + (fs::canonical(folder / ".") / "out.unfinished").string() +
                               " has what is done; the same command with --resume goes on.\n");
      BOOST_TEST(!fs::exists(s.out));
      s.resume = true;
      output_of(s);
    }
    BOOST_TEST((code == 130 || (code == 0 && stop_after > 6)));
    BOOST_TEST((files_of(s.out) == files_of(folder / "whole")), "after " << stop_after);
    BOOST_TEST(folder.count() == 3u);
    fs::remove_all(s.out);
  }
}

BOOST_AUTO_TEST_CASE(statistics_may_be_written_anew_and_not_change) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  auto norms = norms_of_the_model();
  tamp::io::save(folder / "norms", norms);
  settings s = settings_for(model, folder / "out");
  s.score = "wanda";
  s.statistics = (folder / "norms").string();
  surroundings around;
  int asked = 0;
  around.is_stopped = [&] { return asked++ >= 4; };
  BOOST_TEST(support::result_of(s, around).code == 130);
  s.resume = true;
  norms.add("another.weight", std::vector<float>{1, 2}, 1);
  tamp::io::save(folder / "norms", norms);
  check_refused(s, (fs::canonical(folder / ".") / "out.unfinished").string() +
                       ": was begun with another statistics; go on with the options and files it "
                       "was begun with, or remove it");
  fs::remove(s.statistics);
  s.statistics = (folder / "the same, later").string();
  tamp::io::save(s.statistics, norms_of_the_model());
  output_of(s);
  BOOST_TEST(fs::exists(s.out));
}

BOOST_AUTO_TEST_CASE(a_model_that_changes_is_noticed) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder), config = model / "config.json";
  settings s = settings_for(model, folder / "out");
  surroundings around;
  int asked = 0;
  around.is_stopped = [&] {
    if (++asked == 5)
      fs::last_write_time(config, fs::last_write_time(config) + std::chrono::hours(1));
    return false;
  };
  const std::string parts = (fs::canonical(folder / ".") / "out.unfinished").string();
  check_error<file_error>(
      model.string() + ": was changed while it was pruned: remove " + parts + " and begin anew",
      [&] { output_of(s, around); });
  BOOST_TEST(!fs::exists(s.out));
  s.resume = true;
  check_refused(s, parts +
                       ": was begun with another model; go on with the options and files it was "
                       "begun with, or remove it");
}

BOOST_AUTO_TEST_CASE(numbers_that_are_not_finite_are_refused_by_name) {
  const temporary_folder folder;
  auto bad = random_tensor("layers.1.q_proj.weight", dtype::f32, {2, 4});
  bad.bytes.replace(4, 4, support::bytes_of(std::numeric_limits<float>::quiet_NaN()));
  support::write_weights(folder / "m",
                         {random_tensor("layers.0.q_proj.weight", dtype::f32, {2, 4}), bad});
  const settings s = settings_for(folder / "m", folder / "out");
  BOOST_CHECK_EXCEPTION(output_of(s), tamp::file_error, [](const auto& problem) {
    const std::string_view text = problem.what();
    return text.find("layers.1.q_proj.weight") != std::string_view::npos &&
           text.find("/m was changed") != std::string_view::npos &&
           text.ends_with("goes on when the reason is gone; to begin anew, remove it");
  });
  BOOST_TEST(!fs::exists(s.out));
}

BOOST_AUTO_TEST_CASE(a_plan_that_does_not_fit_is_refused_before_anything_is_copied) {
  const temporary_folder folder;
  support::write_weights(folder / "m",
                         {random_tensor("layers.0.q_proj.weight", dtype::f32, {2, 4})});
  settings s = settings_for(folder / "m", folder / "out");
  s.save_plan = (folder / "plan").string();
  s.dry_run = true;
  output_of(s);
  auto plan = tamp::io::load<tamp::pruning_plan>(s.save_plan);
  s.plan = std::exchange(s.save_plan, "");
  plan.layers[0].block = 3;
  tamp::io::save(s.plan, plan);
  check_error<tamp::shape_error>(
      "prune: layer 0 of the plan is layers.0.q_proj.weight (2 x 4), that of the model is "
      "layers.0.q_proj.weight (2 x 4), of block 0 and not 3",
      [&] { output_of(s); });
  s.dry_run = false;
  plan.layers[0].block = 0;
  plan.layers[0].rows = 3;
  tamp::io::save(s.plan, plan);
  check_error<tamp::shape_error>(
      "prune: layer 0 of the plan is layers.0.q_proj.weight (3 x 4), that of the model is "
      "layers.0.q_proj.weight (2 x 4)",
      [&] { output_of(s); });
  BOOST_TEST(folder.count() == 2u);
}

BOOST_AUTO_TEST_CASE(files_beside_the_output_replace_nothing_that_is_read) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  const std::string norms = (folder / "norms").string(), plan = folder.write("plan", "{}");
  tamp::io::save(norms, norms_of_the_model());
  const auto refused = [&](const fs::path& report, const fs::path& save_plan,
                           const std::string& sentence) {
    settings s = settings_for(model, folder / "out");
    s.score = "wanda";
    s.statistics = norms;
    s.plan = plan;
    s.report = report.string();
    s.save_plan = save_plan.string();
    const auto before = files_of(model);
    for (const bool dry_run : {false, true}) {
      s.dry_run = dry_run;
      check_refused(s, (report.empty() ? save_plan : report).string() + ": " + sentence);
      BOOST_TEST((files_of(model) == before));
      BOOST_TEST(folder.count() == 3u);
    }
  };
  const fs::path out = folder / "out", nowhere = folder / "none/x";
  refused(model / "config.json", "", "--report would change the model");
  refused("", model / "new.json", "--save-plan would change the model");
  refused(norms, "", "--report would replace what is read");
  refused("", norms, "--save-plan would replace what is read");
  refused(plan, "", "--report would replace what is read");
  refused(out, "", "--report would replace OUT");
  refused(out / "config.json", "", "--report would replace a file of OUT");
  refused("", out / "plan.json", "--save-plan would replace OUT");
  refused(folder / "out.unfinished/x", "", "--report lies in the folder of the unfinished output");
  refused(nowhere, "",
          "--report cannot be written: there is no folder " + nowhere.parent_path().string());
  refused(folder / "r", folder / "r", "--save-plan would replace the file of --report");
  refused("/dev/null", "", "--report cannot be written: it is no regular file");
}

BOOST_AUTO_TEST_CASE(what_is_no_regular_file_is_not_waited_for) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  const std::string pipe = (folder / "pipe").string();
  BOOST_REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  for (const std::string& path : {pipe, std::string("/dev/zero"), model.string()})
    for (const auto option : {&settings::text, &settings::statistics, &settings::plan}) {
      settings s = settings_for(model, folder / "out");
      s.*option = path;
      check_refused(s, path + ": is not a regular file");
    }
  check_refused(settings_for(pipe, folder / "out"), pipe + ": is not a regular file");
  BOOST_TEST(folder.count() == 2u);
}

BOOST_AUTO_TEST_CASE(what_a_model_of_links_refers_to_is_not_replaced) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder), links = folder / "links";
  fs::create_directory(links);
  for (const auto& entry : fs::directory_iterator(model))
    if (entry.is_regular_file()) fs::create_symlink(entry.path(), links / entry.path().filename());
  settings s = settings_for(links, folder / "out");
  const auto before = files_of(model);
  for (const char* name : {"config.json", "model-00002-of-00002.safetensors"}) {
    s.report = (model / name).string();
    check_refused(s, s.report + ": --report would change the model");
    BOOST_TEST((files_of(model) == before));
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_pruned_leaves_nothing_behind) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  settings s = settings_for(model, model / "out");
  check_refused(s, s.out + ": lies inside the model " + s.model);
  s = settings_for(model, folder / "out");
  s.plan = folder.write("plan", "{}");
  BOOST_CHECK_THROW(output_of(s), file_error);
  s.plan.clear();
  s.score = "wanda";
  s.statistics = folder.write("norms", "nothing");
  BOOST_CHECK_THROW(output_of(s), file_error);
  s.statistics = s.model + "/model-00001-of-00002.safetensors";
  check_refused(s, s.statistics +
                       ": holds no column norms: the metadata 'format' are 'pt', not 'tamp column "
                       "norms'");
  BOOST_TEST(folder.count() == 3u);
}

BOOST_AUTO_TEST_CASE(names_of_any_bytes) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder, "m \xff\n'\"{}");
  settings s = settings_for(model, folder / "out \xfe\n{}%");
  s.report = (folder / "report \xfd").string();
  output_of(s);
  check_model(model, s.out, compose(tamp::score::magnitude{}, per_row{}, uniform{0.5}));
  BOOST_TEST(nlohmann::json::accept(read_bytes(s.report)));
  fs::create_directory(s.out + ".unfinished");
  fs::remove_all(s.out);
  s.resume = true;
  output_of(s);
  BOOST_TEST(fs::exists(s.out));
}

BOOST_AUTO_TEST_SUITE_END()
