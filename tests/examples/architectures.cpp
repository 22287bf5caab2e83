// The engine on models of every architecture that it knows, against logits that transformers computes
// (tests/engine/make_logits.py), and tamp on them.

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <llama/decoder.hpp>
#include <llama/forward.hpp>
#include <llama/load_gguf.hpp>
#include <llama/reduced.hpp>
#include <llama/stored_file.hpp>
#include <llama/stored_model.hpp>
#include <llama/tamp_host.hpp>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <tamp/io/safetensors.hpp>
#include <tamp/tamp.hpp>
#include <utility>
#include <vector>

#include "gguf_models.hpp"

BOOST_AUTO_TEST_SUITE(examples_architectures)

namespace {

using llama::Index;
using llama::matrix;
using llama::row_vector;
using support::config_of;
using support::model_of;

const std::vector<std::string> architectures = {"llama", "qwen2", "qwen3", "gemma3"};

std::vector<int> some_tokens(std::size_t count) {
  std::vector<int> tokens;
  for (std::size_t t = 0; t < count; ++t) tokens.push_back(int((t * t + 3 * t + 1) % 20));
  return tokens;
}

row_vector logits_of(const llama::model& m, const std::vector<int>& tokens) {
  return llama::linear(llama::forward(m, llama::embed(m, tokens)).bottomRows(1), m.ends->head());
}

double difference(const row_vector& a, const row_vector& b) {
  return double((a - b).cwiseAbs().maxCoeff()) / double(b.cwiseAbs().maxCoeff());
}

llama::model loaded(const support::gguf_writer& file) {
  const support::temporary_folder folder;
  return llama::load_gguf(folder.write("model.gguf", support::with_tokens(file).bytes())).model;
}

llama::model loaded(const std::string& architecture) {
  return loaded(support::gguf_of(model_of(architecture), architecture));
}

auto says(const std::string& words) {
  return [words](const llama::error& problem) {
    BOOST_TEST_MESSAGE(problem.what());
    return std::string(problem.what()).find(words) != std::string::npos;
  };
}

struct inputs : llama::null_observer {
  void input(llama::layer l, const matrix& x) override { of[l] = x; }
  std::array<matrix, llama::layer_names.size()> of;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_brings_back_configuration_and_weights) {
  for (const std::string& architecture : architectures) {
    BOOST_TEST_CONTEXT(architecture) {
      const llama::model m = model_of(architecture), same = loaded(architecture);
      const llama::config &a = m.config, &b = same.config;
      BOOST_TEST((a.hidden == b.hidden && a.layers == b.layers && a.heads == b.heads &&
                  a.kv_heads == b.kv_heads && a.head_dim == b.head_dim && a.ffn == b.ffn &&
                  a.vocabulary == b.vocabulary && a.positions == b.positions));
      BOOST_TEST((a.tied_head == b.tied_head && a.activation == b.activation &&
                  a.biases == b.biases && a.head_norms == b.head_norms &&
                  a.output_norms == b.output_norms));
      BOOST_TEST(a.embedding_scale == b.embedding_scale);
      BOOST_TEST(a.window.has_value() == b.window.has_value());
      for (Index l = 0; l < a.layers; ++l) BOOST_TEST(a.window_of(l) == b.window_of(l));
      for (std::size_t l = 0; l < m.blocks.size(); ++l) {
        BOOST_TEST((m.blocks[l].weights == same.blocks[l].weights));
        std::vector<row_vector> vectors;
        const auto keep = [&](auto, auto, const row_vector& v, Index size) {
          BOOST_TEST(v.size() == size);
          vectors.push_back(v);
        };
        llama::for_each_vector(a, m.blocks[l], keep);
        const std::size_t count = vectors.size();
        llama::for_each_vector(a, same.blocks[l], keep);
        for (std::size_t v = 0; v < count; ++v) BOOST_TEST((vectors[v] == vectors[count + v]));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(every_sixth_layer_of_gemma_sees_all_tokens) {
  const llama::config c = config_of("gemma3");
  const std::vector<Index> windows = {5, 5, 5, 5, 5, 0, 5};
  for (Index layer = 0; layer < 7; ++layer)
    BOOST_TEST(c.window_of(layer) == windows[std::size_t(layer)]);
  BOOST_TEST(config_of("llama").window_of(0) == 0);
}

BOOST_AUTO_TEST_CASE(logits_are_those_of_transformers) {
  std::ifstream file(TAMP_SOURCE_DIR "/tests/examples/logits.json");
  const auto expected = nlohmann::json::parse(file);
  for (const std::string& architecture : architectures) {
    const llama::model m = loaded(architecture);
    const auto stored = llama::store(m, llama::storage::dense_float);
    for (std::size_t i = 0; i < expected.at("lengths").size(); ++i) {
      const auto tokens = some_tokens(expected.at("lengths").at(i));
      const auto values = expected.at(architecture).at(i).get<std::vector<float>>();
      const row_vector theirs = Eigen::Map<const row_vector>(values.data(), 20);
      BOOST_TEST_CONTEXT(architecture << ", " << tokens.size() << " tokens") {
        BOOST_TEST(difference(logits_of(m, tokens), theirs) < 2e-5);
        // Token after token, after none or some at once.
        for (const std::size_t at_once : {std::size_t{1}, (tokens.size() + 1) / 2}) {
          llama::decoder decode(stored, Index(tokens.size()), 1);
          row_vector last = decode.feed(std::span(tokens).first(at_once));
          for (std::size_t t = at_once; t < tokens.size(); ++t)
            last = decode.feed(std::span(tokens).subspan(t, 1));
          BOOST_TEST(difference(last, theirs) < 2e-5);
        }
        // The pass that can be reduced.
        llama::sequence s(llama::embed(m, tokens),
                          std::vector(tokens.size(), tamp::modality::text));
        const matrix features = llama::forward(m, s, llama::reduction{});
        BOOST_TEST(difference(llama::linear(features.bottomRows(1), m.ends->head()), theirs) <
                   2e-5);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_model_with_a_sliding_window_is_not_reduced) {
  const llama::model m = model_of("gemma3");
  llama::reduction r;
  r.visual.resize(7);
  llama::sequence s(llama::embed(m, some_tokens(3)), std::vector(3, tamp::modality::text));
  BOOST_CHECK_EXCEPTION(llama::forward(m, s, r), llama::error, says("cannot be reduced"));
}

BOOST_AUTO_TEST_CASE(files_that_would_be_another_model_are_rejected) {
  const auto rejected = [&](const std::string& architecture, const auto& change,
                            const std::string& words) {
    support::gguf_writer file = support::gguf_of(model_of(architecture), architecture);
    change(file);
    BOOST_CHECK_EXCEPTION(loaded(file), llama::error, says(words));
  };
  rejected(
      "qwen3", [](auto& file) { file.add_tensor("blk.0.attn_q.bias", matrix::Ones(1, 48)); },
      "holds 1 tensors that this engine does not know, 'blk.0.attn_q.bias' among them");
  rejected(
      "gemma3", [](auto& file) { file.add("gemma3.final_logit_softcapping", 30.0f); },
      "bends its logits");
  rejected(
      "qwen2", [](auto& file) { file.add("qwen2.rope.scaling.type", std::string("yarn")); },
      "scales RoPE as 'yarn'");
  rejected(
      "qwen2", [](auto& file) { file.add("qwen2.rope.dimension_count", std::uint32_t(4)); },
      "'qwen2.rope.dimension_count' is 4, but a head is 8 wide");
  support::gguf_writer falcon = support::gguf_of(model_of("llama"));
  falcon.add("tokenizer.ggml.model", std::string("gpt2"));
  falcon.add("tokenizer.ggml.pre", std::string("falcon"));
  falcon.add("tokenizer.ggml.tokens", std::vector<std::string>{"a"});
  const support::temporary_folder folder;
  BOOST_CHECK_EXCEPTION(llama::load_gguf(folder.write("falcon.gguf", falcon.bytes())), llama::error,
                        says("has a tokenizer 'gpt2' that splits as 'falcon'"));
  // Another architecture's model: it has no biases.
  BOOST_CHECK_EXCEPTION(loaded(support::gguf_of(model_of("llama"), "qwen2")), llama::error,
                        says("has no tensor 'blk.0.attn_q.bias'"));
  BOOST_CHECK_EXCEPTION(loaded(support::gguf_of(model_of("qwen3"), "gemma3")), llama::error,
                        says("has no metadata 'gemma3.attention.sliding_window'"));
}

BOOST_AUTO_TEST_CASE(rope_is_scaled_as_the_file_says) {
  support::gguf_writer linear = support::gguf_of(model_of("qwen2"), "qwen2");
  linear.add("qwen2.rope.scaling.type", std::string("linear"));
  linear.add("qwen2.rope.scaling.factor", 4.0f);
  BOOST_TEST((loaded(linear).config.rope_divisors == row_vector::Constant(4, 4.0f)));

  llama::model m = model_of("llama");
  m.config.rope_divisors = row_vector::LinSpaced(4, 1.0f, 4.0f);
  BOOST_TEST((loaded(support::gguf_of(m)).config.rope_divisors == m.config.rope_divisors));
}

BOOST_AUTO_TEST_CASE(the_token_before_a_text_is_that_of_the_file) {
  const support::temporary_folder folder;
  const auto start = [&](auto... entries) {
    support::gguf_writer file = support::with_tokens(support::gguf_of(model_of("llama")));
    (file.add(entries.first, entries.second), ...);
    return llama::load_gguf(folder.write("model.gguf", file.bytes())).tokenizer.start();
  };
  const std::pair<std::string, std::uint32_t> is_one{"tokenizer.ggml.bos_token_id", 1};
  const std::string asks = "tokenizer.ggml.add_bos_token";
  BOOST_TEST((start() == std::nullopt));
  BOOST_TEST((start(is_one) == std::nullopt));
  BOOST_TEST((start(is_one, std::pair{asks, true}) == 1));
  BOOST_TEST((start(is_one, std::pair{asks, false}) == std::nullopt));
  BOOST_CHECK_EXCEPTION(start(std::pair{asks, true}), llama::error, says("bos_token_id"));
}

BOOST_AUTO_TEST_CASE(a_file_may_hold_a_tokenizer_of_characters) {
  support::gguf_writer file = support::gguf_of(model_of("llama"));
  file.add("tokenizer.ggml.model", std::string("llama"));
  file.add("tokenizer.ggml.tokens",
           std::vector<std::string>{"<s>", "<unk>", "\u2581", "a", "b", "ab", "\u2581a"});
  file.add("tokenizer.ggml.scores", std::vector<float>{0, 0, -5, -6, -7, -2, -1});
  file.add("tokenizer.ggml.token_type", std::vector<std::int32_t>{3, 2, 1, 1, 1, 1, 1});
  file.add("tokenizer.ggml.bos_token_id", std::uint32_t(0));
  const support::temporary_folder folder;
  const llama::tokenizer t = llama::load_gguf(folder.write("model.gguf", file.bytes())).tokenizer;
  BOOST_TEST((t.start() == 0));
  BOOST_TEST((t.encode("ab") == std::vector<int>{6, 4}));
  file.add("tokenizer.ggml.add_space_prefix", false);
  BOOST_TEST((llama::load_gguf(folder.write("model.gguf", file.bytes())).tokenizer.encode("abc") ==
              std::vector<int>{5, 1}));
}

BOOST_AUTO_TEST_CASE(stored_files_bring_back_the_same_model) {
  const support::temporary_folder folder;
  const std::string path = (folder / "model.safetensors").string();
  for (const std::string& architecture : architectures) {
    const llama::model m = model_of(architecture);
    const auto stored = llama::store(m, llama::storage::sparse_float);
    llama::save(path, stored);
    const auto back = llama::load_stored(path, m);
    const auto tokens = some_tokens(20);
    llama::decoder first(stored, 20, 1), second(back, 20, 1);
    BOOST_TEST((first.feed(tokens) == second.feed(tokens)), architecture);
    // The names are those of Hugging Face.
    const tamp::io::safetensors_file file(path);
    BOOST_TEST(file.contains("model.layers.0.self_attn.q_proj.bias") == m.config.biases);
    BOOST_TEST(file.contains("model.layers.1.self_attn.k_norm.weight") == m.config.head_norms);
    BOOST_TEST(file.contains("model.layers.1.pre_feedforward_layernorm.weight") ==
               m.config.output_norms);
  }
}

BOOST_AUTO_TEST_CASE(wanda_prunes_models_of_every_architecture) {
  for (const std::string& architecture : architectures) {
    BOOST_TEST_CONTEXT(architecture) {
      const llama::model dense = model_of(architecture);
      std::vector<llama::calibration_sample> samples;
      for (const std::size_t length : {std::size_t{12}, std::size_t{30}})
        samples.push_back(
            {llama::embed(dense, some_tokens(length)), std::vector(length, tamp::modality::text)});
      llama::model pruned = dense;
      llama::tamp_host host(pruned, samples);
      const auto report =
          tamp::prune_model(host, tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{},
                                                tamp::allocate::uniform{0.5}));
      BOOST_TEST(report.layers.size() == dense.blocks.size() * llama::layer_names.size());

      // By definition, in the first block: |w| times the norm of its column of all samples.
      std::array<row_vector, llama::layer_names.size()> squares;
      for (const auto& sample : samples) {
        matrix hidden = sample.hidden;
        inputs seen;
        llama::forward_block(dense, 0, hidden, seen);
        for (std::size_t l = 0; l < squares.size(); ++l) {
          const row_vector sum = seen.of[l].colwise().squaredNorm();
          squares[l] = squares[l].size() == 0 ? sum : row_vector(squares[l] + sum);
        }
      }
      for (std::size_t l = 0; l < squares.size(); ++l) {
        const matrix &w = dense.blocks[0].weights[l], &left = pruned.blocks[0].weights[l];
        for (Index i = 0; i < w.rows(); ++i) {
          const row_vector score = w.row(i).cwiseAbs().cwiseProduct(squares[l].cwiseSqrt());
          std::vector<Index> order(std::size_t(w.cols()));
          std::iota(order.begin(), order.end(), Index(0));
          std::ranges::sort(order, {}, [&](Index j) { return std::pair(score(j), j); });
          row_vector expected = w.row(i);
          for (std::size_t k = 0; k < order.size() / 2; ++k) expected(order[k]) = 0.0f;
          BOOST_TEST((left.row(i) == expected));
        }
      }
      for (const llama::block& block : pruned.blocks)
        for (const matrix& w : block.weights)
          BOOST_TEST(((w.array() == 0.0f).rowwise().count() == w.cols() / 2).all());
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
