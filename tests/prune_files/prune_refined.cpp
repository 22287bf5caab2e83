// Refined masks and repaired weights in files: those that the library makes of the same statistics.
#include <prune/prune_refined.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <llama/tamp_host.hpp>
#include <nlohmann/json.hpp>
#include <prune/input_statistics.hpp>
#include <prune/layout.hpp>
#include <prune/memory.hpp>
#include <prune/text_model.hpp>
#include <prune/text_norms.hpp>
#include <span>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/io/calibration.hpp>
#include <tamp/refine/repair.hpp>
#include <tamp/tamp.hpp>
#include <vector>

#include "../io/gguf_bytes.hpp"
#include "../support/errors.hpp"
#include "text_models.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_prune_refined)

namespace fs = std::filesystem;
using support::both_forms;
using support::bytes_in;
using support::check_error;
using support::dtype;
using support::files_of;
using support::numbers;
using support::output_of;
using support::random_tensor;
using support::settings_for;
using support::temporary_folder;
using tamp::compose;
using tamp::stat::column_norm;
using tamp::stat::gram;
using tamp::stat::joint;
using tamp::stat::sequence_moments;
using tamp_prune::settings;
using tamp_prune::surroundings;

namespace {

// The inputs of each layer of a folder, of the text that goes through it.
struct seen_inputs {
  tamp::io::named_norms norms;
  tamp::calibration<gram, sequence_moments> others;

  explicit seen_inputs(const both_forms& forms) {
    const auto model = tamp_prune::find_model(forms.model);
    norms = tamp_prune::norms_of_text(model, {.text = forms.text}, [] { return false; });
    auto loaded = tamp_prune::load_text_model(model, {.text = forms.text});
    llama::tamp_host host(loaded.language.model, loaded.samples);
    tamp::calibrate(host, others);
  }
  column_norm norm(std::size_t k) const {
    const auto& of_layer = norms.at(others.name(k));
    return column_norm::of(of_layer.values, of_layer.tokens[0]);
  }
};

settings refined(const both_forms& forms, const std::string& score, const std::string& pattern,
                 const std::string& refine) {
  settings s = settings_for(forms.model, forms.folder / (score + pattern + refine));
  s.score = score;
  s.pattern = pattern;
  s.refine = refine;
  s.text = forms.text;
  return s;
}

// Checks all layers against tamp::prune with what each has seen, and the report's errors.
template <class Recipe, class Seen>
void check_run(settings s, const seen_inputs& inputs, const Recipe& recipe, const Seen& seen_by) {
  const fs::path model = s.model;
  s.report = s.out + ".json";
  const std::string printed = output_of(s);
  const auto report = nlohmann::json::parse(support::read_bytes(s.report));
  BOOST_TEST(report["recipe"].get<std::string>() == recipe.label());
  BOOST_TEST(report["layers"].size() == inputs.others.layers());
  for (std::size_t k = 0; k < inputs.others.layers(); ++k) {
    const std::string name = inputs.others.name(k);
    const auto rows = report["layers"][k]["rows"].get<std::size_t>();
    const std::string of_layer = report["layers"][k]["name"];
    const std::string dense = bytes_in(model, of_layer);
    const auto at = [&](std::string_view wanted) {
      for (std::size_t l = 0; l < inputs.others.layers(); ++l)
        if (inputs.others.name(l) == wanted) return l;
      BOOST_ERROR("no layer " << wanted);
      return std::size_t{0};
    };
    const std::size_t l = at(of_layer);
    numbers<float> weight(dense, rows, dense.size() / 4 / rows);
    const auto seen = seen_by(inputs, l);
    tamp::prune(weight.view(), seen, recipe);
    BOOST_TEST((bytes_in(s.out, of_layer) == weight.bytes()), of_layer);
    if (!s.refine.starts_with("dsnot")) {
      const double before = report["layers"][k]["error"]["before"];
      const double after = report["layers"][k]["error"]["after"];
      BOOST_TEST(after < before, name);
    }
  }
  BOOST_TEST((printed.find("refined 14 layers") != std::string::npos) ==
             !s.refine.starts_with("dsnot"));
}

}  // namespace

BOOST_AUTO_TEST_CASE(layers_are_refined_as_the_library_refines_them) {
  using namespace tamp::score;
  using namespace tamp::pattern;
  using namespace tamp::refine;
  const tamp::allocate::uniform half{0.5};
  const both_forms forms("llama");
  const seen_inputs inputs(forms);
  const auto with_gram = [](const seen_inputs& all, std::size_t k) {
    return joint<column_norm, gram>(all.norm(k), all.others.of<gram>(k));
  };
  const auto gram_alone = [](const seen_inputs& all, std::size_t k) {
    return all.others.of<gram>(k);
  };
  check_run(refined(forms, "wanda", "per_row", "swaps:3"), inputs,
            compose(wanda{}, per_row{}, half, swaps{3}), with_gram);
  check_run(refined(forms, "ria", "2:4", "swaps:2+repair"), inputs,
            compose(ria{}, n_of_m<2, 4>{}, swaps{2}, repair{}), with_gram);
  check_run(refined(forms, "magnitude", "per_tensor", "repair"), inputs,
            compose(magnitude{}, per_tensor{}, half, repair{}), gram_alone);
  check_run(
      refined(forms, "magnitude", "per_row", "dsnot"), inputs,
      compose(magnitude{}, per_row{}, half, dsnot{}),
      [](const seen_inputs& all, std::size_t k) { return all.others.of<sequence_moments>(k); });
  check_run(refined(forms, "wanda", "per_tensor", "dsnot"), inputs,
            compose(wanda{}, per_tensor{}, half, dsnot{}),
            [](const seen_inputs& all, std::size_t k) {
              return joint<column_norm, sequence_moments>(all.norm(k),
                                                          all.others.of<sequence_moments>(k));
            });
}

BOOST_AUTO_TEST_CASE(memory_threads_and_interruptions_leave_every_bit) {
  const both_forms forms("llama");
  settings s = refined(forms, "wanda", "per_row", "swaps:3+repair");
  output_of(s);
  const auto expected = files_of(s.out);

  settings bounded = s;
  bounded.out = (forms.folder / "bounded").string();
  bounded.threads = 1;
  {  // room for a single statistic
    const auto model = tamp_prune::find_model(s.model);
    auto layers = tamp_prune::choose_layers(model, s.names);
    const auto need =
        tamp_prune::need_of(bounded, model, layers, tamp_prune::same_layout(model, layers));
    bounded.memory = need.bytes(1);
    BOOST_TEST(tamp_prune::room_for_statistics(need.bytes_of_all + need.refinement->bytes, need) ==
               48u * 48 * 8);
  }
  output_of(bounded);
  BOOST_TEST((files_of(bounded.out) == expected));

  settings again = s;
  again.out = (forms.folder / "again").string();
  int runs = 0;
  for (int code = 130; code == 130; ++runs) {
    BOOST_REQUIRE(runs < 30);
    const std::string unfinished = again.out + ".unfinished";
    surroundings around;
    bool has_begun = false;
    int asked = 0;
    around.on_begin = [&] { has_begun = true; };
    around.is_stopped = [&] { return has_begun && ++asked > 8; };
    code = support::result_of(again, around).code;
    again.resume = true;
  }
  BOOST_TEST(runs > 3);
  BOOST_TEST((files_of(again.out) == expected));

  settings other = s;
  other.out = (forms.folder / "other").string();
  surroundings stops;
  bool has_begun = false;
  int asked = 0;
  stops.on_begin = [&] { has_begun = true; };
  stops.is_stopped = [&] { return has_begun && ++asked > 12; };
  BOOST_TEST(support::result_of(other, stops).code == 130);
  other.resume = true;
  other.refine = "swaps:4+repair";
  BOOST_CHECK_EXCEPTION(output_of(other), tamp::file_error, [](const auto& problem) {
    return std::string_view(problem.what()).find("refine") != std::string_view::npos;
  });
}

BOOST_AUTO_TEST_CASE(a_gguf_file_has_the_masks_of_the_folder_with_the_same_numbers) {
  const both_forms forms("qwen3");
  settings s = refined(forms, "magnitude", "2:4", "swaps:5");
  output_of(s);
  settings of_gguf = s;
  of_gguf.model = forms.gguf;
  of_gguf.out = (forms.folder / "pruned.gguf").string();
  output_of(of_gguf);
  const auto pruned = tamp_prune::find_model(of_gguf.out);
  for (const auto& t : pruned.tensors) {
    if (t.name.find("ffn_down.weight") == std::string::npos) continue;
    const std::string file = support::read_bytes(of_gguf.out);
    const std::string block = t.name.substr(4, t.name.find('.', 4) - 4);
    BOOST_TEST((file.substr(t.offset, t.length) ==
                bytes_in(s.out, "model.layers." + block + ".mlp.down_proj.weight")));
  }
}

namespace {

// A calibration of Gram matrices, and of moments, of random tokens; layers named in `unseen` saw none.
void write_calibration(const fs::path& path, const fs::path& model_path, bool grams,
                       std::string_view unseen = "") {
  const auto model = tamp_prune::find_model(model_path);
  const auto layers = tamp_prune::choose_layers(model, {});
  tamp_prune::file_host host(model, layers);
  const auto fill = [&](auto& seen, std::string_view name, std::size_t cols) {
    if (name == unseen) return;
    const auto tokens = random_tensor(std::string(name) + " tokens", dtype::f32, {40, cols});
    numbers<float> x(tokens.bytes, 40, cols);
    seen.add(x.view());
  };
  if (grams)
    tamp::io::save(path, tamp::calibration_from<gram>(
                             host, [&](std::string_view name, std::size_t, std::size_t cols) {
                               gram seen;
                               fill(seen, name, cols);
                               return seen;
                             }));
  else
    tamp::io::save(path, tamp::calibration_from<sequence_moments>(
                             host, [&](std::string_view name, std::size_t, std::size_t cols) {
                               sequence_moments seen;
                               fill(seen, name, cols);
                               return seen;
                             }));
}

template <class T>
void check_layer(const fs::path& model, const fs::path& out, const std::string& name,
                 std::size_t rows, std::size_t cols, const auto& recipe) {
  const auto tokens = random_tensor(name + " tokens", dtype::f32, {40, cols});
  numbers<float> x(tokens.bytes, 40, cols);
  gram seen;
  seen.add(x.view());
  numbers<T> weight(bytes_in(model, name), rows, cols);
  tamp::prune(weight.view(), seen, recipe);
  BOOST_TEST((bytes_in(out, name) == weight.bytes()), name);
}

}  // namespace

BOOST_AUTO_TEST_CASE(statistics_of_a_calibration_file_and_all_types_of_numbers) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  write_calibration(folder / "seen", model, true);
  for (const std::string refine : {"swaps:4", "swaps:4+repair"}) {
    settings s = settings_for(model, folder / refine);
    s.refine = refine;
    s.statistics = (folder / "seen").string();
    output_of(s);
    const auto check = [&](const auto& recipe) {
      check_layer<float>(model, s.out, "model.layers.0.self_attn.q_proj.weight", 4, 6, recipe);
      check_layer<tamp::bf16>(model, s.out, "model.layers.0.mlp.down_proj.weight", 6, 8, recipe);
      check_layer<double>(model, s.out, "model.layers.1.self_attn.q_proj.weight", 4, 6, recipe);
      check_layer<tamp::f16>(model, s.out, "model.layers.1.mlp.up_proj.weight", 8, 6, recipe);
    };
    const tamp::allocate::uniform half{0.5};
    if (refine == "swaps:4")
      check(compose(tamp::score::magnitude{}, tamp::pattern::per_row{}, half,
                    tamp::refine::swaps{4}));
    else
      check(compose(tamp::score::magnitude{}, tamp::pattern::per_row{}, half,
                    tamp::refine::swaps{4}, tamp::refine::repair{}));
  }
  // Repair follows blocks, too.
  settings blocks = settings_for(model, folder / "blocks");
  blocks.pattern = "block:1x16";
  blocks.refine = "repair";
  blocks.statistics = (folder / "seen").string();
  output_of(blocks);
  check_layer<float>(model, blocks.out, "model.layers.0.self_attn.q_proj.weight", 4, 6,
                     compose(tamp::score::magnitude{}, tamp::pattern::block<1, 16>{},
                             tamp::allocate::uniform{0.5}, tamp::refine::repair{}));
  // Its diagonals are the norms of wanda.
  settings s = settings_for(model, folder / "wanda");
  s.score = "wanda";
  s.refine = "swaps:1";
  s.statistics = (folder / "seen").string();
  output_of(s);
}

BOOST_AUTO_TEST_CASE(experts_that_saw_no_token_are_pruned_by_magnitude) {
  const temporary_folder folder;
  const auto stored = random_tensor("blk.0.ffn_up_exps.weight", dtype::bf16, {3, 4, 6});
  support::write_weights(folder / "m", {stored});
  write_calibration(folder / "seen", folder / "m", true, stored.name + "[1]");
  settings s = settings_for(folder / "m", folder / "out");
  s.refine = "swaps:4";
  s.statistics = (folder / "seen").string();
  s.report = (folder / "report").string();
  output_of(s);
  const auto report = nlohmann::json::parse(support::read_bytes(s.report));
  const std::string after = bytes_in(s.out, stored.name);
  for (std::size_t e = 0; e < 3; ++e) {
    BOOST_TEST(report["layers"][e]["fell_back"].get<bool>() == (e == 1));
    BOOST_TEST(report["layers"][e].contains("error") == (e != 1));
    numbers<tamp::bf16> weight(stored.bytes.substr(e * 48, 48), 4, 6);
    if (e == 1) {
      tamp::prune(weight.view(), compose(tamp::score::magnitude{}, tamp::pattern::per_row{},
                                         tamp::allocate::uniform{0.5}));
      BOOST_TEST((after.substr(e * 48, 48) == weight.bytes()));
    }
  }
}

BOOST_AUTO_TEST_CASE(transposed_weights) {
  const temporary_folder folder;
  const auto stored = random_tensor("h.0.mlp.c_fc.weight", dtype::f32, {6, 8});
  support::write_weights(folder / "m",
                         {stored, random_tensor("h.0.mlp.c_fc.bias", dtype::f32, {8})});
  write_calibration(folder / "seen", folder / "m", true);
  settings s = settings_for(folder / "m", folder / "out");
  s.refine = "repair";
  s.statistics = (folder / "seen").string();
  output_of(s);
  const auto tokens = random_tensor(stored.name + " tokens", dtype::f32, {40, 6});
  numbers<float> x(tokens.bytes, 40, 6);
  gram seen;
  seen.add(x.view());
  numbers<float> weight(stored.bytes, 8, 6, true);
  tamp::prune(weight.view(), seen,
              compose(tamp::score::magnitude{}, tamp::pattern::per_row{},
                      tamp::allocate::uniform{0.5}, tamp::refine::repair{}));
  BOOST_TEST((bytes_in(folder / "out", stored.name) == weight.bytes()));
}

// Statistics that a run needs and does not have are found out by a dry run, too.
BOOST_AUTO_TEST_CASE(unusable_statistics_are_refused_before_anything_is_written) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  const std::string seen = (folder / "seen").string();
  settings s = settings_for(model, folder / "out");
  s.refine = "swaps:4";
  s.statistics = seen;
  s.save_plan = (folder / "plan").string();
  const auto refused = [&](const std::string& sentence) {
    const std::size_t count = folder.count();
    for (const bool dry_run : {true, false}) {
      s.dry_run = dry_run;
      check_error<tamp::file_error>(sentence, [&] { output_of(s); });
      BOOST_TEST(folder.count() == count);
    }
  };
  write_calibration(seen, model, false);
  refused(seen + ": holds the statistics sequence_moments, and no gram");
  s.refine = "dsnot";
  output_of(s);
  BOOST_TEST(fs::remove(s.save_plan));
  fs::remove_all(s.out);
  s.refine = "repair";
  // Of other layers, and of a layer with another number of columns.
  support::write_weights(folder / "other",
                         {random_tensor("layers.0.q_proj.weight", dtype::f32, {2, 3})});
  write_calibration(seen, folder / "other", true);
  refused(seen + ": has no gram of model.layers.0.self_attn.q_proj.weight among those of 1 layer");
  support::write_weights(folder / "other",
                         {random_tensor("layers.0.q_proj.weight", dtype::f32, {2, 5})});
  s.model = (folder / "other").string();
  refused(seen + ": has a gram of 3 columns for layers.0.q_proj.weight, which has 5");
  support::write_weights(seen, {random_tensor("a", dtype::f32, {2})});
  refused(seen + ": is no calibration: its metadata lack 'tamp_calibration'");
}

BOOST_AUTO_TEST_CASE(a_dry_run_looks_at_the_statistics_and_tells_of_memory) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  const std::string seen = (folder / "seen").string();
  write_calibration(seen, model, true);
  settings s = settings_for(model, folder / "out");
  s.refine = "swaps:4+repair";
  s.statistics = seen;
  s.threads = 1;
  s.dry_run = true;
  const auto megabytes = [](std::uint64_t bytes) {
    const auto tenths = static_cast<std::uint64_t>(static_cast<double>(bytes) / 1e5 + 0.5);
    return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " MB";
  };
  const auto found = tamp_prune::find_model(model);
  auto layers = tamp_prune::choose_layers(found, s.names);
  const auto need = tamp_prune::need_of(s, found, layers, tamp_prune::same_layout(found, layers));
  const std::size_t count = folder.count();
  const std::string printed = output_of(s);
  BOOST_TEST(printed.find(
                 "\n--refine: at most " + megabytes(need.bytes_of_all + need.refinement->bytes) +
                 " of it, to refine model.layers.0.mlp.down_proj.weight, with " +
                 megabytes(8 * 8 * 8) + " for the statistic of one input\n") != std::string::npos);
  BOOST_TEST(printed.find("\nmemory: at most " + megabytes(need.bytes(2)) +
                          " with two layers at a time and " + megabytes(need.bytes(1)) +
                          " with one, to refine model.layers.0.mlp.down_proj.weight\n") !=
             std::string::npos);
  BOOST_TEST(folder.count() == count);
  s.refine.clear();
  s.statistics.clear();
  const std::string plain = output_of(s);
  BOOST_TEST(plain.find("\nmemory: at most ") != std::string::npos);
  BOOST_TEST(plain.find("--refine") == std::string::npos);
  s.memory = 1000;
  BOOST_CHECK_THROW(output_of(s), tamp::value_error);
}

// A text that is too short for one sequence is as bad for a dry run as for one that writes.
BOOST_AUTO_TEST_CASE(a_dry_run_sends_the_text_through_the_model) {
  const both_forms forms("llama");
  settings s = refined(forms, "magnitude", "per_row", "repair");
  s.dry_run = true;
  const std::size_t count = forms.folder.count();
  BOOST_TEST(output_of(s).find("--refine: at most ") != std::string::npos);
  BOOST_TEST(forms.folder.count() == count);
  s.text = forms.folder.write("short", "ab");
  for (const bool dry_run : {true, false}) {
    s.dry_run = dry_run;
    BOOST_CHECK_THROW(output_of(s), tamp::error);
  }
  BOOST_TEST(!fs::exists(s.out));
}

namespace {

// A GGUF file of one layer of 4 rows of 64 weights of a type.
fs::path gguf_of_one_layer(const temporary_folder& folder, std::string_view type) {
  const auto& info = *tamp::io::ggml::find_type(type);
  std::string data;
  if (type == "Q8_0") {
    data.resize(4 * 2 * info.bytes);
    tamp::io::ggml_rows<std::byte> rows(
        info.id, std::span(reinterpret_cast<std::byte*>(data.data()), data.size()), 4, 64, "w");
    for (std::size_t i = 0; i < 4; ++i) {
      std::vector<float> numbers;
      for (std::size_t j = 0; j < 64; ++j)
        numbers.push_back(static_cast<float>((i * 64 + j) * 37 % 101) - 50);
      rows.encode_row(i, numbers);
    }
  } else {  // any codes, and the scale 1
    for (std::size_t block = 0; block < 8; ++block) {
      data += std::string("\x00\x3c", 2);
      while (data.size() % info.bytes != 0) data += static_cast<char>((data.size() * 89) % 251);
    }
  }
  support::gguf_bytes file;
  file.tensor("blk.0.ffn_down.weight", {64, 4}, info.id, data);
  return folder.write("model.gguf", file.bytes());
}

}  // namespace

BOOST_AUTO_TEST_CASE(quantised_weights) {
  const temporary_folder folder;
  const auto numbers_in = [&](const fs::path& path) {
    const auto model = tamp_prune::find_model(path);
    const auto& t = model.tensors[0];
    std::string bytes = support::read_bytes(path).substr(t.offset, t.length);
    std::vector<float> all(256);
    if (t.kind == tamp_prune::number::f16) {
      numbers<tamp::f16> stored(bytes, 4, 64);
      for (std::size_t k = 0; k < 256; ++k)
        all[k] = tamp::element_traits<tamp::f16>::load(stored.values[k]);
      return all;
    }
    const tamp::io::ggml_rows<std::byte> rows(
        t.ggml_type, std::span(reinterpret_cast<std::byte*>(bytes.data()), bytes.size()), 4, 64,
        t.name);
    for (std::size_t i = 0; i < 4; ++i) rows.read_row(i, std::span(all).subspan(i * 64, 64));
    return all;
  };
  const auto zeros_in = [](const std::vector<float>& all) {
    return std::count(all.begin(), all.end(), 0.f);
  };
  for (const std::string type : {"Q8_0", "Q4_0"}) {
    const fs::path model = gguf_of_one_layer(folder, type);
    write_calibration(folder / "seen", model, true);
    settings s = settings_for(model, folder / (type + ".gguf"));
    s.statistics = (folder / "seen").string();
    const auto dense = numbers_in(model);
    // Swaps leave every weight that stays as it is.
    s.refine = "swaps:3";
    output_of(s);
    const auto swapped = numbers_in(s.out);
    BOOST_TEST(zeros_in(swapped) >= 128);
    for (std::size_t k = 0; k < 256; ++k) BOOST_TEST((swapped[k] == 0 || swapped[k] == dense[k]));
    // Repair changes them.
    s.out = (folder / (type + "-repaired.gguf")).string();
    s.refine = "swaps:3+repair";
    s.names.changes_weights = true;
    if (type == "Q4_0") {
      check_error<tamp::value_error>(
          "blk.0.ffn_down.weight is of type Q4_0, which tamp does not write, and --refine repair "
          "changes the weights that stay: --retype q8_0 or --retype f16 stores such layers as a "
          "type that it writes, and --exclude leaves them as they are",
          [&] { output_of(s); });
      s.retype = "q8_0";
      s.names.may_retype = true;
    }
    output_of(s);
    const auto repaired = numbers_in(s.out);
    BOOST_TEST(zeros_in(repaired) >= 128);
    std::size_t changed = 0;
    for (std::size_t k = 0; k < 256; ++k) {
      if (swapped[k] == 0) BOOST_TEST((repaired[k] == 0 || dense[k] == 0));  // zeros stay
      changed += repaired[k] != swapped[k];
    }
    BOOST_TEST(changed > 50u);
    BOOST_TEST(tamp_prune::find_model(s.out).tensors[0].type == "Q8_0");
    BOOST_TEST((repaired != dense));
  }
}

BOOST_AUTO_TEST_CASE(layers_whose_statistics_fit_are_held_together) {
  // q, k and v see one input, o, gate and up another each; a statistic takes a square of columns.
  std::vector<tamp_prune::layer> block;
  for (const char* name : {"q", "k", "v", "o", "gate", "up", "down"}) {
    tamp_prune::layer l;
    l.name = name;
    l.cols = l.name == "down" ? 20 : 10;
    block.push_back(l);
  }
  const auto input_of = [](const tamp_prune::layer& l) {
    return std::size_t(std::string("qkv").find(l.name) != std::string::npos ? 0
                       : l.name == "o"                                      ? 1
                       : l.name == "down"                                   ? 3
                                                                            : 2);
  };
  const auto bytes_of = [](const tamp_prune::layer& l) { return std::uint64_t(l.cols * l.cols); };
  const auto as_text = [&](std::uint64_t room) {
    std::string text;
    for (const auto& group : tamp_prune::groups_within(room, block, input_of, bytes_of)) {
      text += text.empty() ? "" : " | ";
      for (const auto& l : group) text += l.name + ' ';
    }
    return text;
  };
  BOOST_TEST(as_text(std::numeric_limits<std::uint64_t>::max()) == "q k v o gate up down ");
  BOOST_TEST(as_text(700) == "q k v o gate up down ");
  BOOST_TEST(as_text(699) == "q k v o gate up  | down ");
  BOOST_TEST(as_text(200) == "q k v o  | gate up  | down ");
  BOOST_TEST(as_text(0) == "q k v  | o  | gate up  | down ");
  block.clear();
  BOOST_TEST(as_text(5) == "");
}

BOOST_AUTO_TEST_SUITE_END()
