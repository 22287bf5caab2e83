// A whole run of --structure: what stays has its bits, and the configuration says what there is.
#include <prune/run_structure.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <llama/load_gguf.hpp>
#include <nlohmann/json.hpp>
#include <numeric>
#include <prune/model_ties.hpp>
#include <prune/smaller_folder.hpp>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/io/norms_file.hpp>
#include <tamp/io/unit_plan.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "models.hpp"
#include "text_models.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_run_structure)

namespace fs = std::filesystem;
using nlohmann::json;
using support::bytes_in;
using support::check_error;
using support::dtype;
using support::files_of;
using support::numbers;
using support::output_of;
using support::random_tensor;
using support::stored;
using support::temporary_folder;
using tamp::structure::unit_plan;
using tamp_prune::settings;

namespace {

constexpr std::size_t hidden = 6, heads = 4, kv_heads = 2, head_dim = 2, ffn = 8;

// Two layers with grouped queries, in float and, of the second, in bf16.
std::vector<stored> tensors_of_a_llama() {
  std::vector<stored> all{random_tensor("model.embed_tokens.weight", dtype::f32, {10, hidden}),
                          random_tensor("model.norm.weight", dtype::f32, {hidden})};
  for (const std::string n : {"0", "1"}) {
    const dtype type = n == "0" ? dtype::f32 : dtype::bf16;
    const std::string in = "model.layers." + n + '.';
    const auto add = [&](std::string_view name, std::size_t rows, std::size_t cols) {
      all.push_back(random_tensor(in + std::string(name) + ".weight", type, {rows, cols}));
    };
    all.push_back(random_tensor(in + "input_layernorm.weight", type, {hidden}));
    add("self_attn.q_proj", heads * head_dim, hidden);
    add("self_attn.k_proj", kv_heads * head_dim, hidden);
    add("self_attn.v_proj", kv_heads * head_dim, hidden);
    add("self_attn.o_proj", hidden, heads * head_dim);
    add("mlp.gate_proj", ffn, hidden);
    add("mlp.up_proj", ffn, hidden);
    add("mlp.down_proj", hidden, ffn);
  }
  return all;
}

json config_of_a_llama() {
  return {{"model_type", "llama"},           {"hidden_size", hidden},
          {"num_hidden_layers", 2},          {"num_attention_heads", heads},
          {"num_key_value_heads", kv_heads}, {"head_dim", head_dim},
          {"intermediate_size", ffn},        {"layer_types", {"full_attention", "full_attention"}}};
}

std::string write_llama(const temporary_folder& folder, const json& config = config_of_a_llama(),
                        const std::vector<stored>& tensors = tensors_of_a_llama()) {
  fs::create_directories(folder / "model");
  support::write_weights(folder / "model/model.safetensors", tensors);
  folder.write("model/config.json", config.dump());
  folder.write("model/tokenizer.json", "{}");
  return (folder / "model").string();
}

settings settings_for(const temporary_folder& folder, std::vector<std::string> structure) {
  settings s = support::settings_for(folder / "model", folder / "out");
  s.structure = std::move(structure);
  return s;
}

unit_plan by_hand(std::vector<tamp::structure::unit_choice> choices) {
  return {"by hand", std::move(choices), {}};
}

// The rows, then the columns, of a matrix of T.
template <class T>
std::string part_of(const std::string& bytes, std::size_t cols,
                    const std::vector<std::size_t>& kept_rows,
                    const std::vector<std::size_t>& kept_cols) {
  std::string part;
  for (const std::size_t i : kept_rows)
    for (const std::size_t j : kept_cols)
      part += bytes.substr((i * cols + j) * sizeof(T), sizeof(T));
  return part;
}
std::vector<std::size_t> range(std::size_t first, std::size_t count) {
  std::vector<std::size_t> all(count);
  std::iota(all.begin(), all.end(), first);
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(neurons_of_least_norm_leave) {
  const temporary_folder folder;
  const fs::path model = write_llama(folder), out = folder / "out";
  settings s = settings_for(folder, {"neurons:0.25"});
  s.save_plan = (folder / "plan.json").string();
  const std::string printed = output_of(s);
  BOOST_TEST(printed.find("12 of 16 neurons stay, 6 in each of 2 blocks") != std::string::npos);
  const auto plan = tamp::io::load<unit_plan>(s.save_plan);
  const std::string in = "model.layers.0.mlp.";
  // The norms by definition.
  std::vector<double> energy(ffn, 0.0);
  for (const std::string name : {"gate_proj", "up_proj", "down_proj"}) {
    const bool is_down = name == "down_proj";
    const std::string bytes = bytes_in(model, in + name + ".weight");
    numbers<float> w(bytes, is_down ? hidden : ffn, is_down ? ffn : hidden);
    for (std::size_t k = 0; k < ffn; ++k)
      for (std::size_t i = 0; i < hidden; ++i) {
        const double number = is_down ? w.view()(i, k) : w.view()(k, i);
        energy[k] += number * number;
      }
  }
  std::vector<double> sorted = energy;
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::size_t> kept;
  for (std::size_t k = 0; k < ffn; ++k)
    if (energy[k] > sorted[1]) kept.push_back(k);
  BOOST_TEST(plan.find("model.layers.0.ffn")->kept == kept, boost::test_tools::per_element());
  for (const std::string name : {"gate_proj", "up_proj"})
    BOOST_TEST(
        (bytes_in(out, in + name + ".weight") ==
         part_of<float>(bytes_in(model, in + name + ".weight"), hidden, kept, range(0, hidden))));
  BOOST_TEST(
      (bytes_in(out, in + "down_proj.weight") ==
       part_of<float>(bytes_in(model, in + "down_proj.weight"), ffn, range(0, hidden), kept)));
  json config = json::parse(support::read_bytes(out / "config.json"));
  BOOST_TEST(config["intermediate_size"] == 6);
  config["intermediate_size"] = ffn;
  BOOST_TEST((config == config_of_a_llama()));
  BOOST_TEST(support::read_bytes(out / "tokenizer.json") == "{}");
  for (const std::string name : {"model.norm.weight", "model.layers.1.self_attn.q_proj.weight"})
    BOOST_TEST((bytes_in(out, name) == bytes_in(model, name)));
}

BOOST_AUTO_TEST_CASE(heads_leave_with_their_queries) {
  const temporary_folder folder;
  const fs::path model = write_llama(folder), out = folder / "out";
  settings s = settings_for(folder, {"heads"});
  s.plan = (folder / "plan.json").string();
  tamp::io::save(s.plan, by_hand({{"model.layers.0.attention", "heads", 2, {1}},
                                  {"model.layers.1.attention", "heads", 2, {0}}}));
  output_of(s);
  const json config = json::parse(support::read_bytes(out / "config.json"));
  BOOST_TEST(config["num_attention_heads"] == 2);
  BOOST_TEST(config["num_key_value_heads"] == 1);
  BOOST_TEST(config["head_dim"] == head_dim);
  const std::string in = "model.layers.1.self_attn.";
  const auto of_model = [&](const std::string& name) { return bytes_in(model, in + name); };
  BOOST_TEST((bytes_in(out, in + "q_proj.weight") ==
              part_of<tamp::bf16>(of_model("q_proj.weight"), hidden, range(0, 4), range(0, 6))));
  BOOST_TEST((bytes_in(out, in + "k_proj.weight") ==
              part_of<tamp::bf16>(of_model("k_proj.weight"), hidden, range(0, 2), range(0, 6))));
  BOOST_TEST(
      (bytes_in(out, in + "o_proj.weight") ==
       part_of<tamp::bf16>(of_model("o_proj.weight"), heads * head_dim, range(0, 6), range(0, 4))));
}

BOOST_AUTO_TEST_CASE(layers_are_numbered_anew) {
  const temporary_folder folder;
  const fs::path model = write_llama(folder), out = folder / "out";
  settings s = settings_for(folder, {"layers"});
  s.plan = (folder / "plan.json").string();
  tamp::io::save(s.plan, by_hand({{"model.layers", "layers", 2, {1}}}));
  output_of(s);
  const json config = json::parse(support::read_bytes(out / "config.json"));
  BOOST_TEST(config["num_hidden_layers"] == 1);
  BOOST_TEST((config["layer_types"] == json{"full_attention"}));
  BOOST_TEST((bytes_in(out, "model.layers.0.mlp.up_proj.weight") ==
              bytes_in(model, "model.layers.1.mlp.up_proj.weight")));
  const tamp::io::safetensors_file weights(out / "model.safetensors");
  BOOST_TEST(!weights.contains("model.layers.1.mlp.up_proj.weight"));
}

BOOST_AUTO_TEST_CASE(what_the_format_cannot_say_is_refused_before_anything_is_written) {
  const temporary_folder folder;
  write_llama(folder);
  settings s = settings_for(folder, {"neurons"});
  s.plan = (folder / "plan.json").string();
  tamp::io::save(s.plan, by_hand({{"model.layers.0.ffn", "neurons", ffn, {0, 1}},
                                  {"model.layers.1.ffn", "neurons", ffn, {0, 1, 2}}}));
  check_error<tamp::value_error>(
      "--structure: block 1 of the smaller model would have 3 neurons, and block 0 2; config.json "
      "has one intermediate_size for all: use --allocate uniform",
      [&] { tamp_prune::run(s, {}); });
  BOOST_TEST(!fs::exists(folder / "out"));
  BOOST_TEST(!fs::exists(folder / "out.unfinished"));
  s.plan.clear();
  s.structure = {"layers:1"};
  check_error<tamp::value_error>(
      "--structure layers looks at how far each block turns the residual stream: it needs --text",
      [&] { tamp_prune::run(s, {}); });
  s.structure = {"experts:1"};
  check_error<tamp::value_error>("--structure: the model has no experts",
                                 [&] { tamp_prune::run(s, {}); });
  s.structure = {"neurons:9"};
  check_error<tamp::value_error>(
      "--structure: 9 of the 8 neurons of model.layers.0.ffn cannot leave",
      [&] { tamp_prune::run(s, {}); });
  s.structure = {"neurons:0.25"};
  s.allocate = "global";
  check_error<tamp::value_error>(
      "--allocate global takes from all blocks what --sparsity says: name neurons without an "
      "amount",
      [&] { tamp_prune::run(s, {}); });
  s.allocate = "uniform";
  s.structure = {"neurons", "neurons:1"};
  check_error<tamp::value_error>("--structure names neurons twice",
                                 [&] { tamp_prune::run(s, {}); });
  BOOST_TEST(!fs::exists(folder / "out"));
}

// OWL and DAS take more of some blocks, which only `deci` says in a GGUF file.
BOOST_AUTO_TEST_CASE(allocations_take_more_of_some_blocks_where_the_format_can_say_so) {
  llama::model dense = support::text_model_of("llama");
  dense.blocks[1].weights[llama::gate_proj].row(0) *= 200.0f;  // outliers
  const support::both_forms forms(dense, "llama");
  for (const std::string allocate : {"owl", "das"}) {
    settings s = support::settings_for(forms.gguf, forms.folder / ("out_" + allocate + ".gguf"));
    s.structure = {"neurons:0.5", "heads:1"};  // by magnitude, of which the outliers are, too
    s.allocate = allocate;
    s.text = forms.text;
    s.save_plan = (forms.folder / "plan.json").string();
    if (allocate == "owl")
      check_error<tamp::value_error>(
          "--structure: blocks of the smaller model would have different numbers of neurons, and "
          "the architecture 'llama' has one feed_forward_length for all: use --allocate uniform, "
          "or "
          "of a llama --architecture deci, of which llama.cpp reads a list",
          [&] { tamp_prune::run(s, {}); });
    s.architecture = "deci";
    output_of(s);
    const auto plan = tamp::io::load<unit_plan>(s.save_plan);
    BOOST_TEST(plan.recipe == "magnitude, " + allocate + " 0.5");
    const auto kept = [&](const std::string& group) { return plan.find(group)->kept.size(); };
    const std::size_t first = kept("blk.0.ffn"), second = kept("blk.1.ffn");
    BOOST_TEST(first != second);
    // 48 neurons in each block, of which halves leave together; a unit less in each by rounding.
    BOOST_TEST(first + second >= 48u);
    BOOST_TEST(first + second <= 50u);
    if (allocate == "owl") {
      BOOST_TEST(first == 48u - 27u);   // floor(48 * 0.58)
      BOOST_TEST(second == 48u - 20u);  // floor(48 * 0.42)
      // One head of two is a half of them: floor(2 * 0.58) and floor(2 * 0.42) leave.
      BOOST_TEST(kept("blk.0.attention") == 1u);
      BOOST_TEST(kept("blk.1.attention") == 2u);
    }
    const llama::model smaller = llama::load_gguf(s.out).model;
    BOOST_TEST(smaller.config.size_of(0).ffn == llama::Index(first));
    BOOST_TEST(smaller.config.size_of(1).ffn == llama::Index(second));
    // One number for all blocks is what config.json has.
    settings of_folder = s;
    of_folder.model = forms.model.string();
    of_folder.out = (forms.folder / "folder").string();
    of_folder.architecture.clear();
    of_folder.structure = {"neurons:0.5"};
    check_error<tamp::value_error>(
        "--structure: block 1 of the smaller model would have " + std::to_string(second) +
            " neurons, and block 0 " + std::to_string(first) +
            "; config.json has one intermediate_size for all: use --allocate uniform",
        [&] { tamp_prune::run(of_folder, {}); });
    BOOST_TEST(!fs::exists(of_folder.out));
  }
}

// Statistics of a text take minutes: what a format cannot say is said before the text is even opened.
BOOST_AUTO_TEST_CASE(what_the_format_cannot_say_is_said_before_a_text_is_read) {
  const support::both_forms forms("qwen3");
  settings s = support::settings_for(forms.gguf, forms.folder / "out.gguf");
  s.structure = {"neurons:0.5"};
  s.score = "flap";
  s.text = forms.folder / "no such text";
  s.compensate = true;
  BOOST_CHECK_EXCEPTION(tamp_prune::run(s, {}), tamp::value_error, [](const auto& problem) {
    return std::string_view(problem.what()).find("leave out --compensate") != std::string::npos;
  });
  s.compensate = false;
  s.structure = {"neurons:49"};
  check_error<tamp::value_error>("--structure: 49 of the 48 neurons of blk.0.ffn cannot leave",
                                 [&] { tamp_prune::run(s, {}); });
  s.structure = {"neurons:0.5"};
  BOOST_CHECK_EXCEPTION(tamp_prune::run(s, {}), tamp::error, [](const auto& problem) {
    return std::string_view(problem.what()).find("no such text") != std::string::npos;
  });
}

// Layers leave the model and no block: they have their own amounts under every allocation.
BOOST_AUTO_TEST_CASE(what_leaves_no_block_has_its_own_amount) {
  const support::both_forms forms("llama");
  settings s = support::settings_for(forms.model, forms.folder / "out");
  s.structure = {"layers:1", "neurons:0.5"};
  s.allocate = "owl";
  s.text = forms.text;
  s.dry_run = true;
  const std::string printed = output_of(s);
  BOOST_TEST(printed.find("1 of 2 layers stay") != std::string::npos);
  BOOST_TEST(printed.find("48 of 96 neurons stay, 24 in each of 2 blocks") != std::string::npos);
}

// Four experts of a token's one. Expert 1 contributes least, and expert 3 saw no token.
BOOST_AUTO_TEST_CASE(experts_that_contribute_least_leave_and_those_that_saw_no_token_are_named) {
  const temporary_folder folder;
  const std::string in = "model.layers.0.block_sparse_moe.";
  std::vector<stored> tensors{
      random_tensor("model.layers.0.self_attn.o_proj.weight", dtype::f32, {hidden, hidden}),
      random_tensor(in + "gate.weight", dtype::f32, {4, hidden})};
  for (const std::string e : {"0", "1", "2", "3"})
    for (const std::string w : {"w1", "w2", "w3"})
      tensors.push_back(
          random_tensor(in + "experts." + e + '.' + w + ".weight", dtype::f32, {hidden, hidden}));
  const json config{{"model_type", "mixtral"}, {"hidden_size", hidden},
                    {"num_hidden_layers", 1},  {"num_attention_heads", heads},
                    {"num_local_experts", 4},  {"num_experts_per_tok", 1}};
  const fs::path model = write_llama(folder, config, tensors), out = folder / "out";
  const std::string statistics = (folder / "norms.safetensors").string();
  tamp::io::named_norms norms;
  norms.add(in + "gate.weight", std::vector<float>(hidden, 1.0f), 9);
  tamp::io::save(statistics, norms);
  settings s = settings_for(folder, {"experts:2"});
  s.score = "reap";
  s.statistics = statistics;
  check_error<tamp::value_error>(
      "--score reap: " + statistics + " has no '" + in +
          "gate.weight.contributions': let examples/python/observe.py write it, or use --score "
          "magnitude",
      [&] { tamp_prune::run(s, {}); });
  norms.add(in + "gate.weight.contributions", {1, {0.5f, 0.25f, 0.75f, 0.0f}, {5, 3, 9, 0}});
  tamp::io::save(statistics, norms);
  s.dry_run = true;
  s.save_plan = (folder / "plan.json").string();
  const auto kept = [&] {
    return tamp::io::load<unit_plan>(s.save_plan).find("model.layers.0.experts")->kept;
  };
  const std::string named = "model.layers.0.experts, experts_to_drop: dropped although fewer than ";
  BOOST_TEST(output_of(s).find(named + "1 tokens were sent to them: 3 (0 tokens)") !=
             std::string::npos);
  BOOST_TEST(kept() == (std::vector<std::size_t>{0, 2}), boost::test_tools::per_element());
  s.fewest_tokens = 4;
  BOOST_TEST(output_of(s).find(named + "4 tokens were sent to them: 1 (3 tokens), 3 (0 tokens)") !=
             std::string::npos);
  // Where others can leave in their place, they stay.
  s.keep_unseen = true;
  BOOST_TEST(output_of(s).find("dropped although") == std::string::npos);
  BOOST_TEST(kept() == (std::vector<std::size_t>{1, 3}), boost::test_tools::per_element());
  s.structure = {"experts:3"};
  BOOST_TEST(output_of(s).find(named + "4 tokens were sent to them: 3 (0 tokens)") !=
             std::string::npos);
  BOOST_TEST(kept() == (std::vector<std::size_t>{1}), boost::test_tools::per_element());
  s.dry_run = false;
  output_of(s);
  BOOST_TEST(
      (bytes_in(out, in + "experts.0.w1.weight") == bytes_in(model, in + "experts.1.w1.weight")));
  BOOST_TEST((bytes_in(out, in + "gate.weight") ==
              part_of<float>(bytes_in(model, in + "gate.weight"), hidden, {1}, range(0, hidden))));
  BOOST_TEST(json::parse(support::read_bytes(out / "config.json"))["num_local_experts"] == 1);
  // Contributions of other experts are refused.
  tamp::io::named_norms others;
  others.add(in + "gate.weight.contributions", {1, {0.5f, 0.25f}, {5, 3}});
  tamp::io::save(statistics, others);
  fs::remove_all(out);
  BOOST_CHECK_THROW(tamp_prune::run(s, {}), tamp::shape_error);
}

BOOST_AUTO_TEST_CASE(a_configuration_says_what_changes_or_is_refused) {
  using tamp_prune::changed_config;
  const auto refused = [](json config, const tamp_prune::structure_change& change,
                          std::string_view sentence) {
    check_error<tamp::value_error>(
        sentence, [&] { changed_config(nlohmann::ordered_json(config), change, false); });
  };
  tamp_prune::structure_change layers{{0}, 2, {}, {}, {}, {}, 0};
  json config = config_of_a_llama();
  config["first_k_dense_replace"] = 1;
  refused(config, layers,
          "--structure: config.json says by first_k_dense_replace = 1 what a layer is from its "
          "number, and layers that leave change the numbers");
  config = config_of_a_llama();
  config["no_rope_layers"] = {1, 2, 3};
  refused(config, layers,
          "--structure: config.json has a list no_rope_layers of 3 for 2 layers, and tamp does not "
          "know what becomes of it");
  tamp_prune::structure_change fewer{{0, 1}, 2, {}, {2, 2}, {1, 1}, {}, head_dim};
  config = config_of_a_llama();
  config["model_type"] = "other";
  config.erase("head_dim");
  refused(config, fewer,
          "--structure: config.json is of the type 'other', of which tamp does not know that it "
          "takes a head_dim beside its heads");
  // A model that transformers would refuse to load.
  tamp_prune::structure_change three{{0, 1}, 2, {}, {4, 4}, {1, 1}, {}, head_dim};
  refused(
      config_of_a_llama(), three,
      "--structure: config.json would have 4 heads beside a hidden_size of 6, which transformers "
      "refuses of the type 'llama' unless the one is a multiple of the other");
  tamp_prune::structure_change experts{{0, 1}, 2, {}, {}, {}, {3, 3}, 0};
  refused(config_of_a_llama(), experts,
          "--structure: config.json does not say how many experts there are");
  // Of a model with images the text changes.
  const json nested{{"model_type", "llava"}, {"text_config", config_of_a_llama()}};
  const auto changed = changed_config(nlohmann::ordered_json(nested), fewer, false);
  BOOST_TEST(changed["text_config"]["num_attention_heads"] == 2);
  BOOST_TEST(!changed.contains("num_attention_heads"));
}

BOOST_AUTO_TEST_CASE(requests_are_a_kind_and_an_amount) {
  using tamp_prune::request_of;
  using tamp_prune::unit_kind;
  BOOST_TEST((request_of("neurons").kind == unit_kind::neurons));
  BOOST_TEST(request_of("heads:0.25").fraction.value() == 0.25);
  BOOST_TEST(request_of("layers:2").count.value() == 2u);
  BOOST_TEST(request_of("vocabulary:unused").unused);
  BOOST_TEST((request_of("query-heads:1.0").kind == unit_kind::query_heads));
  check_error<tamp::value_error>(
      "--structure: 'rows' is no kind of unit: neurons, heads, "
      "query-heads, experts, layers and vocabulary are",
      [] { request_of("rows:1"); });
  for (const std::string amount : {"", "1.5", "-1", "few", "2x", "nan", "unused"})
    check_error<tamp::value_error>(
        "--structure: '" + amount +
            "' of heads cannot leave: name a fraction from 0.0 to 1.0, or a whole number",
        [&] { request_of("heads:" + amount); });
}

BOOST_AUTO_TEST_CASE(parts_that_depend_on_heads_and_are_not_known_are_refused) {
  const temporary_folder folder;
  auto tensors = tensors_of_a_llama();
  tensors.push_back(random_tensor("model.layers.0.self_attn.q_norm.weight", dtype::f32, {8}));
  write_llama(folder, config_of_a_llama(), tensors);
  check_error<tamp::value_error>(
      "--structure: model.layers.0.self_attn.q_norm.weight of 1 x 8 may depend on the number of "
      "heads, and is not known",
      [&] { tamp_prune::run(settings_for(folder, {"heads:1"}), {}); });
}

BOOST_AUTO_TEST_CASE(nothing_that_is_read_is_replaced_not_even_by_a_dry_run) {
  const temporary_folder folder;
  const std::string model = write_llama(folder);
  const auto before = files_of(folder / "model");
  fs::create_directory(folder / "texts");
  const std::string counted = folder.write("texts/counted", "a b");
  const auto texts_before = files_of(folder / "texts");
  for (const bool dry_run : {false, true}) {
    settings s = settings_for(folder, {"neurons:0.25"});
    s.dry_run = dry_run;
    s.save_plan = model + "/model.safetensors";
    check_error<tamp::file_error>(s.save_plan + ": --save-plan would change the model",
                                  [&] { output_of(s); });
    s.vocabulary_text = s.save_plan = counted;
    check_error<tamp::file_error>(counted + ": --save-plan would replace what is read",
                                  [&] { output_of(s); });
    s.save_plan = (folder / "none/plan.json").string();
    BOOST_CHECK_THROW(output_of(s), tamp::file_error);
  }
  BOOST_TEST((files_of(folder / "model") == before));
  BOOST_TEST((files_of(folder / "texts") == texts_before));
  BOOST_TEST(!fs::exists(folder / "out"));
}

BOOST_AUTO_TEST_CASE(a_run_that_is_stopped_writes_no_model) {
  for (const int after : {0, 3}) {
    const temporary_folder folder;
    write_llama(folder);
    std::size_t asked = 0;
    tamp_prune::surroundings around;
    around.is_stopped = [&] { return ++asked > std::size_t(after); };
    const auto done = support::result_of(settings_for(folder, {"neurons:0.25"}), around);
    BOOST_TEST(done.code == 130);
    BOOST_TEST(done.errors ==
               "Stopped. " + fs::canonical(folder / ".").string() + "/out was not written.\n");
    BOOST_TEST(!fs::exists(folder / "out"));
    BOOST_TEST(!fs::exists(folder / "out.unfinished"));
  }
}

BOOST_AUTO_TEST_CASE(a_model_without_blocks_has_nothing_to_store_otherwise) {
  const temporary_folder folder;
  const std::string model = write_llama(folder);
  settings s = settings_for(folder, {"neurons:0.25"});
  s.retype = "q8_0";
  check_error<tamp::file_error>(
      model + ": has no quantised tensor that --retype could store otherwise",
      [&] { output_of(s); });
}

BOOST_AUTO_TEST_SUITE_END()
