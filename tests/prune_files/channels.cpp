// Channels that can move, by the names and the layout of a model's tensors, and reasons of others.
#include <prune/channels.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <prune/smaller_folder.hpp>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "models.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_channels)

namespace fs = std::filesystem;
using nlohmann::json;
using support::bytes_in;
using support::check_error;
using support::dtype;
using support::numbers;
using support::output_of;
using support::random_tensor;
using support::stored;
using support::temporary_folder;
using tamp_prune::settings;

namespace {

constexpr std::size_t hidden = 8, heads = 4, kv_heads = 2, head_dim = 8, ffn = 12;
const std::string block = "model.layers.0.";

json config_of(std::string_view type) {
  return {{"model_type", type},       {"hidden_size", hidden},
          {"num_hidden_layers", 1},   {"num_attention_heads", heads},
          {"head_dim", head_dim},     {"num_key_value_heads", kv_heads},
          {"num_experts_per_tok", 1}, {"intermediate_size", ffn}};
}

stored random_weight(const std::string& module, std::size_t rows, std::size_t cols) {
  return random_tensor(block + module + ".weight", dtype::f32, {rows, cols});
}

std::vector<stored> attention() {
  return {random_weight("self_attn.q_proj", heads * head_dim, hidden),
          random_weight("self_attn.k_proj", kv_heads * head_dim, hidden),
          random_weight("self_attn.v_proj", kv_heads * head_dim, hidden),
          random_weight("self_attn.o_proj", hidden, heads * head_dim)};
}

struct folder_of {
  temporary_folder folder;
  settings s;

  folder_of(std::string_view type, const std::vector<stored>& tensors) {
    fs::create_directories(folder / "model");
    support::write_weights(folder / "model/model.safetensors", tensors);
    folder.write("model/config.json", config_of(type).dump());
    s = support::settings_for(folder / "model", folder / "out");
    s.permute = true;
    s.pattern = "2:4";
  }
  std::string before(const std::string& module) const {
    return bytes_in(s.model, block + module + ".weight");
  }
  std::string after(const std::string& module) const {
    return bytes_in(s.out, block + module + ".weight");
  }
  std::vector<std::string> left() const {
    const auto model = tamp_prune::find_model(s.model);
    std::vector<std::string> reasons;
    tamp_prune::channels_of(model, tamp_prune::find_blocks(model, "--permute"),
                            tamp_prune::numbers_of_config(tamp_prune::read_config(model)), reasons);
    return reasons;
  }
};

// The sum of the magnitudes that 2:4 keeps.
double kept(const std::string& bytes, std::size_t rows, std::size_t cols) {
  numbers<float> w(bytes, rows, cols);
  double sum = 0;
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; j += 4) {
      std::vector<double> group;
      for (std::size_t k = j; k < j + 4; ++k) group.push_back(std::abs(w.view()(i, k)));
      std::sort(group.begin(), group.end());
      sum += group[2] + group[3];
    }
  return sum;
}

// The order in which the rows of one matrix stand in another; each must be there.
std::vector<std::size_t> order_of_rows(const std::string& before, const std::string& after,
                                       std::size_t rows) {
  const std::size_t row = before.size() / rows;
  std::vector<std::size_t> order;
  for (std::size_t k = 0; k < rows; ++k) {
    std::size_t from = 0;
    while (from < rows && before.substr(from * row, row) != after.substr(k * row, row)) ++from;
    BOOST_TEST_REQUIRE(from < rows);
    order.push_back(from);
  }
  return order;
}

std::string columns_in(const std::vector<std::size_t>& order, const std::string& bytes,
                       std::size_t rows) {
  const std::size_t cols = order.size();
  std::string moved;
  for (std::size_t i = 0; i < rows; ++i)
    for (const std::size_t j : order) moved += bytes.substr((i * cols + j) * 4, 4);
  return moved;
}

}  // namespace

BOOST_AUTO_TEST_CASE(neurons_of_each_expert_have_an_order_of_their_own) {
  auto tensors = attention();
  const std::string mlp = "block_sparse_moe.";
  tensors.push_back(random_weight(mlp + "gate", 2, hidden));
  for (const std::string expert : {"experts.0.", "experts.1."}) {
    tensors.push_back(random_weight(mlp + expert + "w1", ffn, hidden));
    tensors.push_back(random_weight(mlp + expert + "w2", hidden, ffn));
    tensors.push_back(random_weight(mlp + expert + "w3", ffn, hidden));
  }
  const folder_of model("mixtral", tensors);
  BOOST_TEST(model.left().empty());
  const std::string printed = output_of(model.s);
  BOOST_TEST(printed.find("neurons in 2 groups: 2:4 keeps ") != std::string::npos);
  BOOST_TEST(printed.find("value features in 2 groups: 2:4 keeps ") != std::string::npos);
  std::vector<std::vector<std::size_t>> orders;
  for (const std::string expert : {"experts.0.", "experts.1."}) {
    const std::string in = mlp + expert;
    orders.push_back(order_of_rows(model.before(in + "w1"), model.after(in + "w1"), ffn));
    const auto& order = orders.back();
    BOOST_TEST(order == order_of_rows(model.before(in + "w3"), model.after(in + "w3"), ffn));
    BOOST_TEST((model.after(in + "w2") == columns_in(order, model.before(in + "w2"), hidden)));
    BOOST_TEST(kept(model.after(in + "w2"), hidden, ffn) >
               kept(model.before(in + "w2"), hidden, ffn));
  }
  BOOST_TEST((orders[0] != orders[1]));
  for (const std::string same : {"gate"})
    BOOST_TEST((model.after(mlp + same) == model.before(mlp + same)));
}

BOOST_AUTO_TEST_CASE(an_expert_of_all_tokens_moves_and_experts_in_one_tensor_are_named) {
  auto tensors = attention();
  tensors.push_back(random_weight("mlp.gate", 2, hidden));
  tensors.push_back(
      random_tensor(block + "mlp.experts.gate_up_proj", dtype::f32, {2, 2 * ffn, hidden}));
  tensors.push_back(random_tensor(block + "mlp.experts.down_proj", dtype::f32, {2, hidden, ffn}));
  tensors.push_back(random_weight("mlp.shared_expert.gate_proj", ffn, hidden));
  tensors.push_back(random_weight("mlp.shared_expert.up_proj", ffn, hidden));
  tensors.push_back(random_weight("mlp.shared_expert.down_proj", hidden, ffn));
  tensors.push_back(random_weight("mlp.shared_expert_gate", 1, hidden));
  const folder_of model("qwen3_moe", tensors);
  const std::string reason = "model.layers.0: experts in " + block +
                             "mlp.experts.gate_up_proj and its like, in which all experts share "
                             "their columns";
  BOOST_TEST(model.left() == std::vector{reason}, boost::test_tools::per_element());
  BOOST_TEST(output_of(model.s).find("left as it is: " + reason + '\n') != std::string::npos);
  for (const std::string name : {"mlp.experts.gate_up_proj", "mlp.experts.down_proj"})
    BOOST_TEST((bytes_in(model.s.out, block + name) == bytes_in(model.s.model, block + name)));
  const std::string in = "mlp.shared_expert.";
  const auto order = order_of_rows(model.before(in + "up_proj"), model.after(in + "up_proj"), ffn);
  BOOST_TEST(
      (model.after(in + "down_proj") == columns_in(order, model.before(in + "down_proj"), hidden)));
  BOOST_TEST(kept(model.after(in + "down_proj"), hidden, ffn) >
             kept(model.before(in + "down_proj"), hidden, ffn));
}

BOOST_AUTO_TEST_CASE(an_expert_without_known_names_is_named) {
  auto tensors = attention();
  tensors.push_back(random_weight("mlp.experts.0.w1", ffn, hidden));
  tensors.push_back(random_weight("mlp.experts.0.w9", hidden, ffn));
  const folder_of model("mixtral", tensors);
  BOOST_TEST(model.left() == (std::vector<std::string>{
                                 "model.layers.0.mlp.experts.0: no up and down of known names "
                                 "whose neurons could move"}),
             boost::test_tools::per_element());
}

// The tensors of phi3 are those of a llama one below another: so they are when their channels moved.
BOOST_AUTO_TEST_CASE(fused_tensors_of_phi3_move_as_their_parts_do) {
  auto parts = attention();
  parts.push_back(random_weight("mlp.gate_proj", ffn, hidden));
  parts.push_back(random_weight("mlp.up_proj", ffn, hidden));
  parts.push_back(random_weight("mlp.down_proj", hidden, ffn));
  const folder_of llama("llama", parts);
  const auto fused = [&](const std::string& module, std::vector<std::size_t> rows_of) {
    stored t{block + module + ".weight", dtype::f32, {0, hidden}};
    for (const std::size_t k : rows_of) {
      t.shape[0] += parts[k].shape[0];
      t.bytes += parts[k].bytes;
    }
    return t;
  };
  const std::vector<stored> tensors{fused("self_attn.qkv_proj", {0, 1, 2}), parts[3],
                                    fused("mlp.gate_up_proj", {4, 5}), parts[6]};
  const folder_of phi3("phi3", tensors);
  BOOST_TEST(phi3.left().empty());
  output_of(llama.s);
  output_of(phi3.s);
  BOOST_TEST((phi3.after("self_attn.qkv_proj") == llama.after("self_attn.q_proj") +
                                                      llama.after("self_attn.k_proj") +
                                                      llama.after("self_attn.v_proj")));
  BOOST_TEST((phi3.after("self_attn.qkv_proj") != phi3.before("self_attn.qkv_proj")));
  BOOST_TEST((phi3.after("self_attn.o_proj") == llama.after("self_attn.o_proj")));
  BOOST_TEST((phi3.after("mlp.gate_up_proj") ==
              llama.after("mlp.gate_proj") + llama.after("mlp.up_proj")));
  BOOST_TEST((phi3.after("mlp.down_proj") == llama.after("mlp.down_proj")));
  BOOST_TEST((phi3.after("mlp.down_proj") != phi3.before("mlp.down_proj")));

  // Of another type the order in the tensors is not known.
  const folder_of other("other", tensors);
  const std::vector<std::string> reasons{
      "model.layers.0: gate and up in model.layers.0.mlp.gate_up_proj.weight, in an order that "
      "tamp "
      "does not know",
      "model.layers.0: q, k and v in model.layers.0.self_attn.qkv_proj.weight, in an order that "
      "tamp does not know"};
  BOOST_TEST(other.left() == reasons, boost::test_tools::per_element());
  check_error<tamp::value_error>(
      "--permute: the model has no channels that could move; " + reasons[0] + ", and 1 more",
      [&] { output_of(other.s); });
  // GGUF calls it up, of which down has half.
  const folder_of half("other", {random_weight("mlp.up_proj", 2 * ffn, hidden), parts[6]});
  BOOST_TEST(half.left().at(0) ==
             "model.layers.0: gate and up in model.layers.0.mlp.up_proj.weight, in an order that "
             "tamp does not know");
  // One head less than the configuration says.
  auto narrow = tensors;
  narrow[0].shape[0] -= head_dim;
  narrow[0].bytes.resize(narrow[0].shape[0] * hidden * 4);
  const folder_of wrong("phi3", narrow);
  check_error<tamp::value_error>(
      "--permute: the q, v and o of model.layers.0 are not those of 4 and 2 heads of 8",
      [&] { output_of(wrong.s); });
  BOOST_TEST(!fs::exists(wrong.s.out));
}

BOOST_AUTO_TEST_CASE(sentences_about_blocks_and_numbers_name_the_option) {
  const temporary_folder folder;
  support::write_weights(folder / "m", {random_tensor("a.weight", dtype::f32, {4, 4})});
  check_error<tamp::value_error>(
      "--permute knows blocks with self_attn.q_proj, k_proj, v_proj and o_proj, mlp.gate_proj, "
      "up_proj and down_proj, or GGUF's names of these, and the model has none",
      [&] { tamp_prune::find_blocks(tamp_prune::find_model(folder / "m"), "--permute"); });
  const auto refused = [](std::string_view config, std::string_view option,
                          const std::string& sentence) {
    check_error<tamp::value_error>(std::string(option) + ": config.json has " + sentence, [&] {
      tamp_prune::numbers_of_config(nlohmann::ordered_json::parse(config), option);
    });
  };
  for (const std::string_view option : {"--permute", "--structure"}) {
    refused(R"({"hidden_size": 8})", option, "no num_hidden_layers");
    refused(R"({"num_hidden_layers": "two"})", option,
            "a num_hidden_layers of \"two\", which is no number");
    refused(R"({"num_hidden_layers": 2, "model_type": 3})", option,
            "a model_type of 3, which is no text");
    refused(R"({"num_hidden_layers": 2, "quantization_config": {"bits": 4}})", option,
            "a quantization_config, and the parts of quantised weights are not known");
  }
}

BOOST_AUTO_TEST_SUITE_END()
