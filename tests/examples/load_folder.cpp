// Models in folders, against logits that transformers computes, and what the engine does not run.
#include <llama/load_folder.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <llama/forward.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <tamp/error.hpp>
#include <vector>

#include "../io/files.hpp"
#include "folders.hpp"
#include "gguf_models.hpp"

BOOST_AUTO_TEST_SUITE(examples_load_folder)

namespace {

using nlohmann::json;
using support::temporary_folder;

json config_of(const std::string& architecture) {
  return support::config_json(support::config_of(architecture), architecture);
}

void check_refused(const json& config, const std::string& words) {
  const temporary_folder folder;
  const std::string path = folder.write("config.json", config.dump());
  BOOST_CHECK_EXCEPTION(llama::read_config(path), llama::error, [&](const auto& problem) {
    BOOST_TEST_MESSAGE(problem.what());
    return std::string(problem.what()).find(words) != std::string::npos;
  });
}

}  // namespace

BOOST_AUTO_TEST_CASE(logits_of_folders_are_those_of_transformers) {
  std::ifstream file(TAMP_SOURCE_DIR "/tests/examples/logits.json");
  const auto expected = json::parse(file);
  for (const std::string architecture : {"llama", "qwen2", "qwen3", "gemma3"}) {
    const temporary_folder folder;
    const auto names =
        support::write_folder(folder / "m", support::named_tensors(support::model_of(architecture)),
                              config_of(architecture));
    const auto m = llama::load_folder((folder / "m").string(), names).model;
    for (std::size_t k = 0; k < expected["lengths"].size(); ++k) {
      std::vector<int> tokens;
      for (int t = 0; t < expected["lengths"][k].get<int>(); ++t)
        tokens.push_back((t * t + 3 * t + 1) % 20);
      const llama::matrix hidden = llama::forward(m, llama::embed(m, tokens)).bottomRows(1);
      const auto logits = llama::linear(hidden, m.ends->head());
      const auto& theirs = expected[architecture][k];
      for (std::size_t j = 0; j < theirs.size(); ++j)
        BOOST_TEST(std::abs(logits(0, llama::Index(j)) - theirs[j].get<float>()) < 1e-3,
                   architecture << ' ' << tokens.size() << ' ' << j);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_a_configuration_may_leave_out) {
  const temporary_folder folder;
  json config = config_of("llama");
  for (const char* key :
       {"num_key_value_heads", "rope_theta", "rope_scaling", "hidden_act", "tie_word_embeddings"})
    config.erase(key);
  const auto c = llama::read_config(folder.write("config.json", config.dump()));
  BOOST_TEST(c.kv_heads == 4);
  BOOST_TEST(c.head_dim == 8);
  BOOST_TEST(c.rope_theta == 1e4);
  BOOST_TEST(!c.tied_head);
  BOOST_TEST(c.rope_divisors.size() == 0);
}

BOOST_AUTO_TEST_CASE(scaled_positions) {
  const temporary_folder folder;
  json config = config_of("llama");
  config["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 4.0}};
  const auto linear = llama::read_config(folder.write("config.json", config.dump()));
  BOOST_TEST((linear.rope_divisors == llama::row_vector::Constant(4, 4.0f)));
  // Wavelengths of 2 pi times 1, 10, 100 and 1000 in texts of 640 tokens: at most 160 are kept, from
  // 640 on they are divided by 8, and in between the frequencies are mixed.
  config["rope_scaling"] = {{"rope_type", "llama3"},
                            {"factor", 8.0},
                            {"low_freq_factor", 1.0},
                            {"high_freq_factor", 4.0},
                            {"original_max_position_embeddings", 640}};
  const auto scaled = llama::read_config(folder.write("config.json", config.dump())).rope_divisors;
  BOOST_REQUIRE(scaled.size() == 4);
  BOOST_TEST(scaled(0) == 1.0f);
  BOOST_TEST(scaled(1) == 1.0f);
  const double share = (640 / (200 * 3.14159265358979) - 1) / 3;
  BOOST_TEST(scaled(2) == float(1 / ((1 - share) / 8 + share)),
             boost::test_tools::tolerance(1e-5f));
  BOOST_TEST(scaled(3) == 8.0f);
}

BOOST_AUTO_TEST_CASE(configurations_that_the_engine_does_not_run_are_refused) {
  const auto changed = [](const char* architecture, const char* key, const json& value) {
    json config = config_of(architecture);
    config[key] = value;
    return config;
  };
  check_refused(changed("llama", "model_type", "mamba"),
                "is of the type 'mamba', this engine knows");
  check_refused(changed("qwen3", "attention_bias", true), "sets 'attention_bias'");
  check_refused(changed("qwen2", "use_sliding_window", true), "sets 'use_sliding_window'");
  check_refused(changed("llama", "rope_parameters", json::object()), "has 'rope_parameters'");
  check_refused(changed("llama", "rope_scaling", {{"rope_type", "yarn"}}), "RoPE as 'yarn'");
  check_refused(changed("llama", "rope_scaling", {{"type", "linear"}}),
                "config.json: 'rope_scaling' has no 'factor'");
  check_refused(changed("llama", "hidden_act", "relu"), "bends the gate by 'relu'");
  check_refused(changed("llama", "hidden_size", "wide"),
                "config.json has 'hidden_size' of \"wide\", which is not a whole number that fits");
  check_refused(changed("llama", "num_attention_heads", 4.9),
                "'num_attention_heads' of 4.9, which is not a whole number that fits");
  check_refused(changed("llama", "vocab_size", 18446744073709551615u), "not a whole number");
  check_refused(changed("llama", "rms_norm_eps", "small"), "which is not a number");
  check_refused(changed("llama", "tie_word_embeddings", 1), "which is neither true nor false");
  check_refused(changed("llama", "model_type", 3), "which is not a text");
  check_refused(changed("llama", "rope_scaling", "linear"),
                "config.json: 'rope_scaling' is \"linear\", not an object");
  check_refused(changed("gemma3", "layer_types", json(6, "full_attention")),
                "has no list 'layer_types' of 7 layers");
  check_refused(changed("llama", "hidden_size", 0), "must be positive");
  check_refused(changed("gemma3", "final_logit_softcapping", 30.0), "bends its logits");
  check_refused(changed("gemma3", "layer_types", json(7, "full_attention")),
                "every 6th layer full attention");
  check_refused(json::array(), "is no JSON object");
}

BOOST_AUTO_TEST_CASE(tensors_must_be_those_of_the_configuration) {
  const auto refused = [](const auto& change, const std::string& words) {
    const temporary_folder folder;
    auto tensors = support::named_tensors(support::model_of("llama"));
    change(tensors);
    const auto names = support::write_folder(folder / "m", tensors, config_of("llama"));
    BOOST_CHECK_EXCEPTION(llama::load_folder((folder / "m").string(), names), llama::error,
                          [&](const auto& problem) {
                            BOOST_TEST_MESSAGE(problem.what());
                            return std::string(problem.what()).find(words) != std::string::npos;
                          });
  };
  const std::string up = "model.layers.1.mlp.up_proj.weight";
  refused([&](auto& tensors) { tensors.erase(up); }, "has no tensor '" + up + "'");
  refused([&](auto& tensors) { tensors[up] = llama::matrix::Zero(2, 3); },
          "'" + up + "' is (2, 3), the configuration asks for (48, 32)");
  const temporary_folder folder;
  json config = config_of("llama");
  config["num_hidden_layers"] = 1000000000000000000;  // takes neither time nor memory
  const auto names = support::write_folder(
      folder / "m", support::named_tensors(support::model_of("llama")), config);
  BOOST_CHECK_THROW(llama::load_folder((folder / "m").string(), names), llama::error);
  refused([&](auto& tensors) { tensors["extra"] = llama::matrix::Zero(2, 3); },
          "holds tensors that this engine does not know, such as 'extra'");
}

BOOST_AUTO_TEST_SUITE_END()
