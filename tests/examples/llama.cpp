// The example engine: its parts by hand, the whole against golden values.

#include <omp.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <llama/forward.hpp>
#include <llama/load_gguf.hpp>
#include <llama/load_safetensors.hpp>
#include <llama/load_scenes.hpp>
#include <llama/parallel.hpp>
#include <llama/quality.hpp>
#include <llama/scenes.hpp>
#include <llama/split.hpp>
#include <llama/unicode.hpp>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tamp/io/safetensors.hpp>
#include <tamp/io/safetensors_writer.hpp>
#include <utility>
#include <vector>

#include "gguf_models.hpp"

BOOST_AUTO_TEST_SUITE(examples_llama)

namespace {

using llama::Index;
using llama::matrix;
using llama::row_vector;
using support::bytes_of;
using support::gguf_of;
using support::gguf_writer;
using support::with_tokens;

const std::string data = TAMP_SOURCE_DIR "/examples/data/tiny_mllm/";

matrix random_matrix(Index rows, Index cols, std::mt19937& generator, float deviation = 1.0f) {
  std::normal_distribution<float> normal(0.0f, deviation);
  return matrix::NullaryExpr(rows, cols, [&] { return normal(generator); });
}

float largest_difference(const matrix& a, const matrix& b) {
  BOOST_REQUIRE_EQUAL(a.rows(), b.rows());
  BOOST_REQUIRE_EQUAL(a.cols(), b.cols());
  return (a - b).cwiseAbs().maxCoeff();
}

bool mentions(const std::exception& problem, std::initializer_list<const char*> words) {
  const std::string text = problem.what();
  return std::all_of(words.begin(), words.end(),
                     [&](const char* word) { return text.find(word) != std::string::npos; });
}

#define CHECK_REJECTED(expression, ...)                                             \
  BOOST_CHECK_EXCEPTION(expression, llama::error, [](const llama::error& problem) { \
    return mentions(problem, {__VA_ARGS__});                                        \
  })

llama::config small_config() {
  llama::config c;
  c.hidden = 12;
  c.layers = 2;
  c.heads = 4;
  c.kv_heads = 2;
  c.head_dim = 4;
  c.ffn = 20;
  c.vocabulary = 11;
  c.positions = 200;
  c.tied_head = true;
  return c;
}

llama::model random_model(const llama::config& c, unsigned seed = 7) {
  std::mt19937 generator(seed);
  return llama::assemble(c, [&](const std::string&, Index rows, Index cols) {
    return random_matrix(rows, cols, generator, 0.5f);
  });
}

/// Attention as its definition says it, in double.
matrix attention_by_definition(const llama::config& c, const matrix& q, const matrix& k,
                               const matrix& v, std::vector<double>& last_query,
                               Index window = 1000) {
  const Index tokens = q.rows(), d = c.head_dim;
  matrix context(tokens, q.cols());
  last_query.assign(std::size_t(tokens), 0.0);
  for (Index h = 0; h < c.heads; ++h) {
    const Index shared = h / (c.heads / c.kv_heads);
    for (Index i = 0; i < tokens; ++i) {
      std::vector<double> p;
      for (Index j = 0; j <= i; ++j) {
        double dot = 0;
        for (Index n = 0; n < d; ++n) dot += double(q(i, h * d + n)) * double(k(j, shared * d + n));
        p.push_back(i - j < window ? std::exp(dot / std::sqrt(double(d))) : 0.0);
      }
      const double sum = std::accumulate(p.begin(), p.end(), 0.0);
      for (Index n = 0; n < d; ++n) {
        double value = 0;
        for (Index j = 0; j <= i; ++j)
          value += p[std::size_t(j)] / sum * double(v(j, shared * d + n));
        context(i, h * d + n) = float(value);
      }
      if (i == tokens - 1)
        for (std::size_t j = 0; j < p.size(); ++j) last_query[j] += p[j] / sum / double(c.heads);
    }
  }
  return context;
}

/// A file that disappears with the test.
class temporary_file {
 public:
  explicit temporary_file(const std::string& bytes)
      : path_(std::filesystem::temp_directory_path() /
              ("tamp_llama_" + std::to_string(std::random_device{}()))) {
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  ~temporary_file() { std::filesystem::remove(path_); }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

std::string safetensors_bytes(const nlohmann::json& header, std::size_t size = 0) {
  const std::string text = header.dump();
  return bytes_of(std::uint64_t(text.size())) + text + std::string(size, '\0');
}

llama::tokenizer small_tokenizer() {
  // U+0120 and U+010A spell a blank and a line feed; U+00C3 and U+00A9 spell the two bytes of é.
  return llama::tokenizer({"<|end|>", "a", "b", "c", "Ġ", "Ċ", "Ã", "©", "1", "2", "ab", "abc",
                           "Ġa", "bc", "Ã©", "'", "s", "'s", "aa"},
                          {"b c", "a b", "Ġ a", "a bc", "Ã ©", "' s", "a a"});
}

struct recorder : llama::null_observer {
  struct event {
    std::string what;
    matrix values;
  };
  void input(llama::layer l, const matrix& x) { events.push_back({{'x', char('0' + l)}, x}); }
  void output(llama::layer l, const matrix& y) { events.push_back({{'y', char('0' + l)}, y}); }
  void attention(const row_vector& a) { events.push_back({"attention", a}); }
  std::vector<event> events;
};

}  // namespace

BOOST_AUTO_TEST_CASE(rope_turns_feature_i_with_feature_i_plus_half_a_head) {
  const llama::rotary_embedding rope(4, 100.0, 3);
  matrix x(3, 8);
  for (Index t = 0; t < 3; ++t) x.row(t) << 1, 2, 3, 4, 1, 0, 0, 1;
  rope(x);
  for (Index t = 0; t < 3; ++t) {
    // theta^0 = 1 and theta^(-1/2) = 1/10 radians a position
    const double c0 = std::cos(double(t)), s0 = std::sin(double(t));
    const double c1 = std::cos(0.1 * double(t)), s1 = std::sin(0.1 * double(t));
    const double expected[] = {
        1 * c0 - 3 * s0, 2 * c1 - 4 * s1, 3 * c0 + 1 * s0, 4 * c1 + 2 * s1, c0, -s1, s0, c1};
    for (Index i = 0; i < 8; ++i) BOOST_CHECK_SMALL(double(x(t, i)) - expected[i], 1e-6);
  }
}

BOOST_AUTO_TEST_CASE(rope_turns_more_slowly_by_its_divisors) {
  row_vector divisors(2);
  divisors << 1, 4;
  matrix x = matrix::Ones(9, 4), plain = x;
  llama::rotary_embedding(4, 100.0, 9, divisors)(x);
  llama::rotary_embedding(4, 100.0, 9)(plain);
  BOOST_CHECK_EQUAL(x(8, 0), plain(8, 0));
  BOOST_CHECK_CLOSE(x(8, 1), plain(2, 1), 1e-4);  // at position 8 where it was at 2
  BOOST_CHECK_CLOSE(x(8, 3), plain(2, 3), 1e-4);
}

BOOST_AUTO_TEST_CASE(rope_rejects_a_sequence_beyond_its_positions) {
  matrix x = matrix::Zero(4, 4);
  CHECK_REJECTED(llama::rotary_embedding(4, 100.0, 3)(x), "4 tokens", "3 positions");
}

BOOST_AUTO_TEST_CASE(rms_norm_divides_by_the_root_mean_square) {
  matrix x(2, 2);
  x << 3, 4, 0, 0;
  row_vector gain(2);
  gain << 1, 10;
  const matrix y = llama::rms_norm(x, gain, 0.5f);
  const float root = std::sqrt(12.5f + 0.5f);
  BOOST_CHECK_CLOSE(y(0, 0), 3 / root, 1e-4);
  BOOST_CHECK_CLOSE(y(0, 1), 40 / root, 1e-4);
  BOOST_CHECK_EQUAL(y(1, 0), 0);
}

BOOST_AUTO_TEST_CASE(gated_linear_unit_is_silu_of_the_gate_times_up_and_survives_extremes) {
  matrix gate(1, 4), up(1, 4);
  gate << 1, -1, -1000, 1000;
  up << 2, 3, 5, 7;
  llama::gated_linear_unit(gate, up);
  BOOST_CHECK_CLOSE(gate(0, 0), 2 / (1 + std::exp(-1.0f)), 1e-4);
  BOOST_CHECK_CLOSE(gate(0, 1), -3 / (1 + std::exp(1.0f)), 1e-4);
  BOOST_CHECK_SMALL(gate(0, 2), 1e-30f);
  BOOST_CHECK_EQUAL(gate(0, 3), 7000);
}

BOOST_AUTO_TEST_CASE(the_unit_of_gemma_bends_by_gelu_with_tanh) {
  matrix gate(1, 4), up(1, 4);
  gate << 1, -1, -1000, 1000;
  up << 2, 3, 5, 7;
  llama::gated_linear_unit(gate, up, llama::activation::gelu);
  const double half = std::tanh(std::sqrt(2 / std::acos(-1.0)) * 1.044715) / 2;
  BOOST_CHECK_CLOSE(double(gate(0, 0)), 2 * (0.5 + half), 1e-4);
  BOOST_CHECK_CLOSE(double(gate(0, 1)), -3 * (0.5 - half), 1e-3);
  BOOST_CHECK_SMALL(gate(0, 2), 1e-30f);
  BOOST_CHECK_EQUAL(gate(0, 3), 7000);
}

BOOST_AUTO_TEST_CASE(each_head_is_normalised_by_itself) {
  matrix x(1, 4);
  x << 3, 4, 0, 10;
  row_vector gain(2);
  gain << 1, 2;
  llama::normalise_heads(x, gain, 0.0f);
  const float root = std::sqrt(12.5f);
  BOOST_CHECK_CLOSE(x(0, 0), 3 / root, 1e-4);
  BOOST_CHECK_CLOSE(x(0, 1), 8 / root, 1e-4);
  BOOST_CHECK_SMALL(x(0, 2), 1e-6f);
  BOOST_CHECK_CLOSE(x(0, 3), 2 * std::sqrt(2.0f), 1e-4);
  const matrix before = x;
  llama::normalise_heads(x, {}, 0.0f);
  BOOST_CHECK(x == before);
}

BOOST_AUTO_TEST_CASE(attention_of_two_tokens_by_hand) {
  llama::config c = small_config();
  c.heads = 2;
  c.kv_heads = 1;
  c.head_dim = 1;
  matrix q(2, 2), k(2, 1), v(2, 1);
  q << 5, 5, 1, 0;  // head 0 of the second token prefers its own key, head 1 is indifferent
  k << 0, 2;
  v << 10, 20;
  const llama::attention a = llama::attend(c, q, k, v);
  const float own = std::exp(2.0f) / (1 + std::exp(2.0f));
  BOOST_CHECK_EQUAL(a.context(0, 0), 10);
  BOOST_CHECK_EQUAL(a.context(0, 1), 10);
  BOOST_CHECK_CLOSE(a.context(1, 0), 10 + 10 * own, 1e-4);
  BOOST_CHECK_CLOSE(a.context(1, 1), 15, 1e-4);
  BOOST_CHECK_CLOSE(a.last_query(0), (1 - own + 0.5f) / 2, 1e-4);
  BOOST_CHECK_CLOSE(a.last_query(1), (own + 0.5f) / 2, 1e-4);
}

BOOST_AUTO_TEST_CASE(attention_in_tiles_is_the_definition) {
  const llama::config c = small_config();
  std::mt19937 generator(3);
  for (const Index tokens : {1, 63, 64, 65, 150}) {
    const matrix q = random_matrix(tokens, 16, generator), k = random_matrix(tokens, 8, generator),
                 v = random_matrix(tokens, 8, generator);
    std::vector<double> last_query;
    const matrix expected = attention_by_definition(c, q, k, v, last_query);
    const llama::attention a = llama::attend(c, q, k, v);
    BOOST_CHECK_LT(largest_difference(a.context, expected), 2e-6f);
    BOOST_REQUIRE_EQUAL(a.last_query.size(), tokens);
    for (Index t = 0; t < tokens; ++t)
      BOOST_CHECK_SMALL(double(a.last_query(t)) - last_query[std::size_t(t)], 1e-6);
  }
}

BOOST_AUTO_TEST_CASE(a_sliding_window_leaves_the_last_tokens) {
  const llama::config c = small_config();
  std::mt19937 generator(4);
  for (const Index tokens : {1, 5, 65, 150})
    for (const Index window : {1, 2, 5, 64, 149, 150, 151}) {
      const matrix q = random_matrix(tokens, 16, generator),
                   k = random_matrix(tokens, 8, generator), v = random_matrix(tokens, 8, generator);
      std::vector<double> last_query;
      const matrix expected = attention_by_definition(c, q, k, v, last_query, window);
      const Index recorded = std::min<Index>(tokens, 3);
      const llama::attention a = llama::attend(c, q, k, v, window, recorded);
      BOOST_CHECK_LT(largest_difference(a.context, expected), 2e-6f);
      row_vector mean = row_vector::Zero(tokens);  // of the heads' last recorded queries
      for (Index head = 0; head < c.heads; ++head)
        mean += a.recorded.row(head * recorded + recorded - 1) / float(c.heads);
      for (Index t = 0; t < tokens; ++t) {
        BOOST_CHECK_SMALL(double(a.last_query(t)) - last_query[std::size_t(t)], 1e-6);
        BOOST_CHECK_SMALL(double(mean(t)) - last_query[std::size_t(t)], 1e-6);
      }
      // The last query alone, as token after token has it.
      const llama::attention last = llama::attend(c, q.bottomRows(1), k, v, window);
      BOOST_CHECK_LT(largest_difference(last.context, expected.bottomRows(1)), 2e-6f);
    }
}

BOOST_AUTO_TEST_CASE(no_token_sees_a_later_one) {
  const llama::model m = random_model(small_config());
  const std::vector<int> tokens = {1, 2, 3, 4, 5, 6}, changed = {1, 2, 3, 4, 9, 10};
  const matrix a = llama::forward(m, llama::embed(m, tokens));
  const matrix b = llama::forward(m, llama::embed(m, changed));
  BOOST_CHECK_LT(largest_difference(a.topRows(4), b.topRows(4)), 1e-6f);
  BOOST_CHECK_GT(largest_difference(a.bottomRows(2), b.bottomRows(2)), 1e-2f);
}

BOOST_AUTO_TEST_CASE(an_observer_sees_the_layers_in_order_and_changes_nothing) {
  const llama::model m = random_model(small_config());
  const std::vector<int> tokens = {1, 2, 3, 4, 5};
  matrix plain = llama::embed(m, tokens), watched = plain;
  recorder seen;
  llama::forward_block(m, 1, plain);
  llama::forward_block(m, 1, watched, seen);
  BOOST_CHECK(plain == watched);

  const std::vector<std::string> order = {"x0", "y0", "x1", "y1", "x2", "y2", "attention", "x3",
                                          "y3", "x4", "y4", "x5", "y5", "x6", "y6"};
  BOOST_REQUIRE_EQUAL(seen.events.size(), order.size());
  std::size_t layer = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    BOOST_CHECK_EQUAL(seen.events[i].what, order[i]);
    if (order[i][0] != 'x') continue;
    const matrix& w = m.blocks[1].weights[layer++];
    const matrix &x = seen.events[i].values, &y = seen.events[i + 1].values;
    BOOST_CHECK_EQUAL(x.rows(), 5);
    BOOST_CHECK_LT(largest_difference(y, x.lazyProduct(w.transpose())), 1e-5f);
  }
  BOOST_CHECK_CLOSE(seen.events[6].values.sum(), 1.0f, 1e-4);
}

BOOST_AUTO_TEST_CASE(the_same_bits_come_out_for_any_number_of_threads) {
  llama::config c = small_config();
  c.ffn = 700;  // several slices of a linear layer
  const llama::model m = random_model(c);
  std::vector<int> tokens(150);
  for (std::size_t t = 0; t < tokens.size(); ++t) tokens[t] = int(t * t % 11);
  const int before = omp_get_max_threads();
  omp_set_num_threads(1);
  const matrix one = llama::forward(m, llama::embed(m, tokens));
  omp_set_num_threads(3);
  const matrix three = llama::forward(m, llama::embed(m, tokens));
  std::vector<matrix> nested(4);
  llama::for_each_sequence(nested.size(), [&](std::size_t i) {
    nested[i] = llama::forward(m, llama::embed(m, tokens));
  });
  omp_set_num_threads(before);
  BOOST_CHECK(one == three);
  for (const matrix& features : nested) BOOST_CHECK(one == features);
}

BOOST_AUTO_TEST_CASE(an_error_leaves_a_parallel_loop) {
  CHECK_REJECTED(llama::for_each_sequence(5,
                                          [](std::size_t i) {
                                            if (i == 3) llama::fail("sequence ", i, " is bad");
                                          }),
                 "sequence 3 is bad");
}

BOOST_AUTO_TEST_CASE(copies_share_what_is_not_in_a_block) {
  const llama::model m = random_model(small_config());
  llama::model copy = m;
  copy.blocks[0].weights[llama::o_proj].setZero();
  BOOST_CHECK(copy.ends == m.ends);
  BOOST_CHECK(!m.blocks[0].weights[llama::o_proj].isZero());
  BOOST_CHECK_EQUAL(llama::weight_name(3, llama::layer_names[llama::q_proj]),
                    "model.layers.3.self_attn.q_proj.weight");
}

BOOST_AUTO_TEST_CASE(an_untied_head_is_used) {
  llama::config c = small_config();
  const llama::model tied = random_model(c);
  BOOST_CHECK(tied.ends->head() == tied.ends->embedding);
  c.tied_head = false;
  const llama::model untied = random_model(c);
  BOOST_CHECK(untied.ends->head() == untied.ends->untied_head);
  BOOST_CHECK(untied.ends->head() != untied.ends->embedding);
}

BOOST_AUTO_TEST_CASE(impossible_configurations_are_rejected) {
  const auto rejected = [](auto change) {
    llama::config c = small_config();
    change(c);
    return [c] { llama::check(c); };
  };
  CHECK_REJECTED(rejected([](auto& c) { c.kv_heads = 3; })(), "4 query heads", "3 key");
  CHECK_REJECTED(rejected([](auto& c) { c.head_dim = 5; })(), "5 wide");
  CHECK_REJECTED(rejected([](auto& c) { c.ffn = 0; })(), "ffn = 0");
  CHECK_REJECTED(rejected([](auto& c) { c.rope_divisors = row_vector::Ones(3); })(), "3 divisors",
                 "4 wide");
  CHECK_REJECTED(rejected([](auto& c) { c.window = llama::sliding_window{0, 6}; })(), "window = 0");
  CHECK_REJECTED(rejected([](auto& c) { c.window = llama::sliding_window{4, 0}; })(), "period");
  CHECK_REJECTED(rejected([](auto& c) { c.vision = llama::vision{48, 7, 0, 0, 0, 0}; })(), "48",
                 "7");
  CHECK_REJECTED(rejected([](auto& c) { c.vision = llama::vision{0, 6, 0, 0, 0, 0}; })(),
                 "max_patches_a_side = 0");
  CHECK_REJECTED(rejected([](auto& c) { c.vision = llama::vision{0, 6, 0, 0, 0, 0, 16, 0}; })(),
                 "max_frames = 0");
}

BOOST_AUTO_TEST_CASE(tokens_outside_the_vocabulary_are_rejected) {
  const llama::model m = random_model(small_config());
  const std::vector<int> tokens = {1, 11};
  CHECK_REJECTED(llama::embed(m, tokens), "token 11", "position 1", "vocabulary of 11");
}

BOOST_AUTO_TEST_CASE(tiny_mllm_reproduces_the_golden_values) {
  const llama::model m = llama::load_safetensors(data + "tiny_mllm.safetensors");
  const llama::scenes s = llama::load_scenes(data + "tiny_eval.safetensors");
  const tamp::io::safetensors_file golden(data + "logits_check.safetensors");
  const auto expected = [&](const char* name, Index rows, Index cols) {
    const std::vector<float> values = golden.read_floats(name);
    BOOST_REQUIRE_EQUAL(Index(values.size()), rows * cols);
    return matrix(Eigen::Map<const matrix>(values.data(), rows, cols));
  };

  const matrix logits = expected("logits", 8, 40);
  for (Index i = 0; i < 8; ++i) {
    const matrix features = llama::forward(m, llama::embed_scene(m, s, std::size_t(i)).hidden);
    BOOST_CHECK_LT(largest_difference(llama::last_logits(m, features), logits.row(i)), 1e-4f);
  }

  const llama::embedded_scene scene = llama::embed_scene(m, s, 0);
  BOOST_REQUIRE_EQUAL(scene.hidden.rows(), 72);
  BOOST_CHECK_LT(largest_difference(scene.hidden, expected("scene0.embedding", 72, 128)), 1e-5f);
  for (std::size_t t = 0; t < 72; ++t)
    BOOST_CHECK_EQUAL(int(scene.visual[t]), int(t >= 2 && t < 66));

  const matrix states = expected("scene0.hidden", 6 * 72, 128);
  const matrix attention = expected("scene0.last_query_attention", 6, 72);
  matrix hidden = scene.hidden;
  for (Index b = 0; b < 6; ++b) {
    recorder seen;
    llama::forward_block(m, b, hidden, seen);
    BOOST_CHECK_LT(largest_difference(hidden, states.middleRows(72 * b, 72)), 1e-4f);
    BOOST_CHECK_LT(largest_difference(seen.events[6].values, attention.row(b)), 1e-5f);
  }
}

BOOST_AUTO_TEST_CASE(tiny_mllm_answers_every_scene_as_the_golden_model) {
  const llama::model m = llama::load_safetensors(data + "tiny_mllm.safetensors");
  const llama::scenes s = llama::load_scenes(data + "tiny_eval.safetensors");
  const tamp::io::safetensors_file golden(data + "logits_check.safetensors");
  const auto expected = golden.values<std::int32_t>("dense_predictions");
  BOOST_REQUIRE_EQUAL(s.size(), 1000);
  const std::vector<int> given = llama::answer(m, s);
  for (std::size_t i = 0; i < s.size(); ++i) BOOST_CHECK_EQUAL(given[i], expected[i]);
  const llama::accuracy a = llama::grade(s, given);
  BOOST_CHECK_CLOSE(a.overall, 0.987, 1e-9);
  for (const double fraction : a.of_kind) BOOST_CHECK_GE(fraction, 0.95);
}

BOOST_AUTO_TEST_CASE(accuracy_counts_by_kind) {
  llama::scenes s;
  s.answers = {5, 6, 7, 8};
  s.kinds = {0, 0, 2, 2};
  s.kind_names = {"count", "exists", "largest"};
  const std::vector<int> given = {5, 0, 7, 8};
  const llama::accuracy a = llama::grade(s, given);
  BOOST_CHECK_EQUAL(a.overall, 0.75);
  BOOST_CHECK(a.of_kind == (std::vector<double>{0.5, 0.0, 1.0}));
  CHECK_REJECTED(llama::grade(s, std::vector<int>{1}), "1 answers", "4 scenes");
}

BOOST_AUTO_TEST_CASE(patches_are_cut_in_raster_order) {
  const llama::vision v{4, 2, 0, 0, 0, 0};
  std::vector<std::uint8_t> image(16);
  std::iota(image.begin(), image.end(), std::uint8_t(0));
  matrix expected(4, 4);
  expected << 0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15;
  BOOST_CHECK_LT(largest_difference(llama::patches(v, {4, 1, image}) * 255.0f, expected), 1e-5f);
}

BOOST_AUTO_TEST_CASE(patches_of_a_clip_follow_frame_by_frame) {
  const llama::vision v{0, 2, 0, 0, 0, 0, 1, 3};
  std::vector<std::uint8_t> clip(12);
  std::iota(clip.begin(), clip.end(), std::uint8_t(0));
  matrix expected(3, 4);
  expected << 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11;
  BOOST_CHECK_LT(largest_difference(llama::patches(v, {2, 3, clip}) * 255.0f, expected), 1e-5f);
}

BOOST_AUTO_TEST_CASE(places_of_several_sizes_are_sums_of_frame_row_and_column) {
  llama::config c = small_config();
  c.vision = llama::vision{0, 2, 1, 2, 3, 4, 3, 2};
  const llama::model m = random_model(c);
  llama::scenes s;
  s.question_width = 1;
  s.pixels.assign(2 * 4 * 4 + 6 * 6, 0);  // black: what is left is the bias and the place
  s.sides = {4, 6};
  s.frames = {2, 1};
  s.starts = {0, 32};
  s.pictures = {0, 1, 1};
  s.questions = {5, 6, 7};
  s.question_lengths = {1, 1, 1};
  s.answers = {1, 2, 3};
  s.kinds = {0, 0, 0};
  s.kind_names = {"count"};

  const llama::embedded_scene clip = llama::embed_scene(m, s, 0);
  BOOST_REQUIRE_EQUAL(clip.hidden.rows(), 2 + 8 + 3);
  const llama::patch_embedding& e = m.ends->patch;
  for (Index f = 0; f < 2; ++f)
    for (Index r = 0; r < 2; ++r)
      for (Index k = 0; k < 2; ++k) {
        const matrix place = e.bias + e.frames.row(f) + e.rows.row(r) + e.columns.row(k);
        BOOST_CHECK_LT(largest_difference(clip.hidden.row(2 + 4 * f + 2 * r + k), place), 1e-6f);
      }
  for (std::size_t t = 0; t < 13; ++t)
    BOOST_CHECK_EQUAL(int(clip.visual[t]), int(t >= 2 && t < 10));
  BOOST_CHECK_EQUAL(llama::embed_scene(m, s, 1).hidden.rows(), 2 + 9 + 3);
  BOOST_CHECK_EQUAL(llama::embed_scene(m, s, 2).hidden.rows(), 2 + 9 + 3);

  s.sides = {5, 6};
  CHECK_REJECTED(llama::embed_scene(m, s, 0), "5 pixels", "patches of 2");
  s.pixels.assign(64, 0);
  s.sides = {8, 6};
  s.frames = {1, 1};
  CHECK_REJECTED(llama::embed_scene(m, s, 0), "4 patches a side", "up to 3");
  s.sides = {2, 6};
  s.frames = {3, 1};
  CHECK_REJECTED(llama::embed_scene(m, s, 0), "3 frames", "up to 3 and 2");
  c.vision = llama::vision{2, 2, 1, 2, 3, 4};
  const llama::model of_one_size = random_model(c);
  CHECK_REJECTED(llama::embed_scene(of_one_size, s, 0), "a clip of 3 frames", "single pictures");
}

BOOST_AUTO_TEST_CASE(a_model_without_vision_rejects_pictures) {
  const llama::scenes s = llama::load_scenes(data + "tiny_calib.safetensors");
  BOOST_CHECK_EQUAL(s.size(), 128);
  CHECK_REJECTED(llama::answer(random_model(small_config()), s), "without vision");
}

BOOST_AUTO_TEST_CASE(files_that_do_not_hold_the_model_are_rejected) {
  nlohmann::json config = {{"hidden_size", 8},
                           {"num_hidden_layers", 1},
                           {"num_attention_heads", 2},
                           {"num_key_value_heads", 1},
                           {"head_dim", 4},
                           {"intermediate_size", 6},
                           {"vocab_size", 5},
                           {"max_position_embeddings", 9},
                           {"rms_norm_eps", 1e-5},
                           {"rope_theta", 10000.0},
                           {"tie_word_embeddings", true}};
  const auto file = [](const nlohmann::json& header, std::size_t size = 0) {
    return temporary_file(safetensors_bytes(header, size));
  };
  const auto empty = file({{"__metadata__", {{"config", config.dump()}}}});
  CHECK_REJECTED(llama::load_safetensors(empty.path()), "no tensor",
                 "model.layers.0.input_layernorm.weight");
  const auto wrong = file({{"__metadata__", {{"config", config.dump()}}},
                           {"model.layers.0.input_layernorm.weight",
                            {{"dtype", "F32"}, {"shape", {7}}, {"data_offsets", {0, 28}}}}},
                          28);
  CHECK_REJECTED(llama::load_safetensors(wrong.path()), "model.layers.0.input_layernorm.weight",
                 "(7)", "(1, 8)");
  const auto silent = file(nlohmann::json::object());
  CHECK_REJECTED(llama::load_safetensors(silent.path()), "no 'config'");
  const auto garbled = file({{"__metadata__", {{"config", "{"}}}});
  CHECK_REJECTED(llama::load_safetensors(garbled.path()), "'config' are not JSON");
  config.erase("head_dim");
  const auto partial = file({{"__metadata__", {{"config", config.dump()}}}});
  CHECK_REJECTED(llama::load_safetensors(partial.path()), "configuration", "head_dim");
  CHECK_REJECTED(llama::load_scenes(empty.path()), "no tensor 'question_ids'");
}

BOOST_AUTO_TEST_CASE(scenes_of_several_sizes_are_read_and_checked) {
  using tamp::io::dtype;
  std::vector<int> sides = {2, 1}, frames = {1, 3}, pictures = {1, 0, 1};
  std::size_t pixels = 7;
  const auto written = [&] {
    const temporary_file file("");
    const std::vector<tamp::io::declaration> tensors = {{"pixels", dtype::u8, {pixels}},
                                                        {"sides", dtype::i32, {sides.size()}},
                                                        {"frames", dtype::i32, {frames.size()}},
                                                        {"picture", dtype::i32, {pictures.size()}},
                                                        {"question_ids", dtype::i32, {3, 1}},
                                                        {"question_length", dtype::i32, {3}},
                                                        {"answers", dtype::i32, {3}},
                                                        {"kind", dtype::i32, {3}}};
    const std::filesystem::path path = file.path() + ".scenes";
    tamp::io::safetensors_writer out(path, tensors,
                                     {{"kinds", "[\"count\"]"}, {"vocab", "[\"a\"]"}});
    std::vector<std::uint8_t> grey(pixels);
    std::iota(grey.begin(), grey.end(), std::uint8_t(0));
    out.write("pixels", std::span<const std::uint8_t>(grey));
    const std::vector<int> zeros(3, 0), ones(3, 1);
    for (const auto& [name, values] :
         std::initializer_list<std::pair<const char*, const std::vector<int>*>>{
             {"sides", &sides},
             {"frames", &frames},
             {"picture", &pictures},
             {"question_ids", &ones},
             {"question_length", &ones},
             {"answers", &ones},
             {"kind", &zeros}})
      out.write(name, std::span<const int>(*values));
    out.commit();
    const auto remove = [&] { std::filesystem::remove(path); };
    try {
      const llama::scenes s = llama::load_scenes(path.string());
      remove();
      return s;
    } catch (...) {
      remove();
      throw;
    }
  };
  const llama::scenes s = written();
  BOOST_REQUIRE_EQUAL(s.size(), 3);
  BOOST_CHECK_EQUAL(s.picture(0).side, 1);
  BOOST_CHECK_EQUAL(s.picture(0).frames, 3);
  BOOST_CHECK_EQUAL(int(s.picture(0).pixels.front()), 4);
  BOOST_CHECK_EQUAL(s.picture(0).pixels.size(), 3);
  BOOST_CHECK_EQUAL(s.picture(1).pixels.size(), 4);
  BOOST_CHECK(s.picture(2).pixels.data() == s.picture(0).pixels.data());

  pixels = 8;
  CHECK_REJECTED(written(), "have 7 pixels", "'pixels' has 8");
  pixels = 7;
  pictures[1] = 2;
  CHECK_REJECTED(written(), "question 1", "picture 2", "there are 2");
  pictures = {0, 1};
  CHECK_REJECTED(written(), "3 rows of 'question_ids'", "2 of 'picture'");
  pictures = {0, 1, 1};
  sides[0] = 0;
  CHECK_REJECTED(written(), "picture 0", "0 pixels a side");
  sides = {2};
  CHECK_REJECTED(written(), "1 rows of 'sides'", "2 of 'frames'");
}

BOOST_AUTO_TEST_CASE(gguf_files_hold_the_same_model_with_q_and_k_interleaved) {
  const llama::model m = random_model(small_config());
  const temporary_file file(with_tokens(gguf_of(m)).bytes());
  const llama::language_model loaded = llama::load_gguf(file.path());

  BOOST_CHECK(loaded.model.config.tied_head);
  BOOST_CHECK_EQUAL(loaded.model.config.vocabulary, 11);
  BOOST_CHECK_EQUAL(loaded.model.config.head_dim, 4);
  BOOST_CHECK_EQUAL(loaded.model.config.positions, 200);
  BOOST_CHECK(loaded.model.ends->embedding == m.ends->embedding);
  BOOST_CHECK(loaded.model.ends->norm == m.ends->norm);
  for (std::size_t b = 0; b < m.blocks.size(); ++b) {
    BOOST_CHECK(loaded.model.blocks[b].attention_norm == m.blocks[b].attention_norm);
    BOOST_CHECK(loaded.model.blocks[b].ffn_norm == m.blocks[b].ffn_norm);
    for (std::size_t l = 0; l < m.blocks[b].weights.size(); ++l)
      BOOST_CHECK(loaded.model.blocks[b].weights[l] == m.blocks[b].weights[l]);
  }
  BOOST_CHECK(loaded.tokenizer.encode("abb") == (std::vector<int>{2, 1}));
}

BOOST_AUTO_TEST_CASE(gguf_files_of_another_kind_are_rejected) {
  gguf_writer falcon;
  falcon.add("general.architecture", std::string("falcon"));
  const temporary_file other(falcon.bytes());
  CHECK_REJECTED(llama::load_gguf(other.path()), "'falcon'", "'llama'");

  const temporary_file without_tokens(gguf_of(random_model(small_config())).bytes());
  CHECK_REJECTED(llama::load_gguf(without_tokens.path()), "no metadata 'tokenizer.ggml.model'");

  llama::model m = random_model(small_config());
  m.blocks[1].weights[llama::up_proj] = matrix::Zero(19, 12);
  const temporary_file wrong(gguf_of(m).bytes());
  CHECK_REJECTED(llama::load_gguf(wrong.path()), "blk.1.ffn_up.weight", "(19, 12)", "(20, 12)");
}

BOOST_AUTO_TEST_CASE(the_first_merge_in_the_list_goes_first) {
  const llama::tokenizer t = small_tokenizer();
  BOOST_CHECK(t.encode("abc") == (std::vector<int>{11}));  // b c, then a bc
  BOOST_CHECK(t.encode("ab") == (std::vector<int>{10}));
  BOOST_CHECK(t.encode("abab") == (std::vector<int>{10, 10}));
  BOOST_CHECK(t.encode("aaa") == (std::vector<int>{18, 1}));  // the leftmost of equal pairs first
  BOOST_CHECK(t.encode(" a") == (std::vector<int>{12}));
  BOOST_CHECK(t.encode("é") == (std::vector<int>{14}));
  BOOST_CHECK(t.encode("a's") == (std::vector<int>{1, 17}));
  BOOST_CHECK(t.encode("").empty());
  BOOST_CHECK(t.encode("axb") == (std::vector<int>{10}));  // x is not in the vocabulary
}

BOOST_AUTO_TEST_CASE(decoding_gives_the_bytes_back) {
  const llama::tokenizer t = small_tokenizer();
  for (const std::string text : {"abc a's\n\n  bc12é", "a", "  ", "\n a"})
    BOOST_CHECK_EQUAL(t.decode(t.encode(text)), text);
  BOOST_CHECK_EQUAL(t.decode(std::vector<int>{0, 1}), "<|end|>a");
  CHECK_REJECTED(t.decode(std::vector<int>{19}), "token 19", "vocabulary of 19");
}

BOOST_AUTO_TEST_CASE(merges_outside_the_vocabulary_are_rejected) {
  CHECK_REJECTED(llama::tokenizer({"a"}, {"a b"}), "merge 0", "'b'");
  CHECK_REJECTED(llama::tokenizer({"a"}, {"ab"}), "merge 0", "not a pair");
}

BOOST_AUTO_TEST_CASE(user_defined_tokens_are_found_before_anything_else) {
  using enum llama::token_kind;
  const std::vector<llama::token_kind> kinds = {control, normal,       normal,      normal,
                                                normal,  user_defined, user_defined};
  const llama::tokenizer t({"<s>", "a", "b", "ab", "Ġ", "aba", "ab b"}, {"a b"},
                           llama::split_smollm, kinds);
  BOOST_CHECK(t.encode("ab") == (std::vector<int>{3}));
  BOOST_CHECK(t.encode("abab") == (std::vector<int>{5, 2}));
  BOOST_CHECK(t.encode("ab bab") == (std::vector<int>{6, 3}));  // its blank is no merge's
  BOOST_CHECK(t.encode("<s>").empty());                         // no text becomes it
  BOOST_CHECK_EQUAL(t.decode(t.encode("ab bab ")), "ab bab ");
  CHECK_REJECTED(llama::tokenizer({"a"}, {}, llama::split_smollm, kinds), "7 kinds", "1 tokens");
}

BOOST_AUTO_TEST_CASE(a_piece_that_is_a_token_may_go_before_the_merges) {
  llama::tokenizer t({"a", "b", "ab", "bb", "abb"}, {"a b", "b b", "a bb"});
  BOOST_CHECK(t.encode("abb") == (std::vector<int>{2, 1}));  // a b goes first and bars a bb
  t.prefer_whole_pieces();
  BOOST_CHECK(t.encode("abb") == (std::vector<int>{4}));
  BOOST_CHECK(t.encode("abbb") == (std::vector<int>{2, 3}));
}

namespace {

// U+2581 spells a blank. The scores say: bc before ab.
llama::tokenizer scored_tokenizer(bool blank_before, bool with_bytes = true) {
  using enum llama::token_kind;
  std::vector<std::string> tokens = {"<s>", "<unk>", "\u2581", "a",  "b",
                                     "c",   "ab",    "bc",     "aa", "\u2581a"};
  std::vector<llama::token_kind> kinds = {control, unknown, normal, normal, normal,
                                          normal,  normal,  normal, normal, normal};
  if (with_bytes)
    for (const char* byte : {"<0xC3>", "<0xA9>"}) {
      tokens.push_back(byte);
      kinds.push_back(llama::token_kind::byte);
    }
  std::vector<float> scores(tokens.size());
  scores[6] = -3;
  scores[7] = -2;
  scores[8] = scores[9] = -4;
  return {tokens, scores, kinds, blank_before};
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_token_of_the_highest_score_goes_first) {
  const llama::tokenizer t = scored_tokenizer(false);
  BOOST_CHECK(t.encode("abc") == (std::vector<int>{3, 7}));
  BOOST_CHECK(t.encode("ab") == (std::vector<int>{6}));
  BOOST_CHECK(t.encode("aaa") == (std::vector<int>{8, 3}));  // the leftmost of equal ones first
  BOOST_CHECK(t.encode("b a") == (std::vector<int>{4, 9}));
  BOOST_CHECK(t.encode("b\u2581a") == (std::vector<int>{4, 9}));  // a mark is a blank, too
  BOOST_CHECK(t.encode("b\u00e9") == (std::vector<int>{4, 10, 11}));
  BOOST_CHECK(t.encode("bx") == (std::vector<int>{4, 1}));
  BOOST_CHECK(scored_tokenizer(false, false).encode("b\u00e9") == (std::vector<int>{4, 1}));
  BOOST_CHECK_EQUAL(t.decode(t.encode("b a\u00e9")), "b a\u00e9");
}

BOOST_AUTO_TEST_CASE(a_blank_may_go_before_a_text) {
  const llama::tokenizer t = scored_tokenizer(true);
  BOOST_CHECK(t.encode("ac") == (std::vector<int>{9, 5}));
  BOOST_CHECK(t.encode("").empty());
  BOOST_CHECK_EQUAL(t.decode(t.encode("ac")), "ac");
}

BOOST_AUTO_TEST_CASE(scores_and_bytes_must_be_those_of_the_tokens) {
  using enum llama::token_kind;
  const std::vector<float> one = {0.0f};
  const std::vector<llama::token_kind> is_byte = {llama::token_kind::byte};
  CHECK_REJECTED(llama::tokenizer({"a", "b"}, one, {}, false), "1 scores", "2 tokens");
  CHECK_REJECTED(llama::tokenizer({"<0xG0>"}, one, is_byte, false), "<0xG0>");
}

BOOST_AUTO_TEST_CASE(a_text_is_split_as_qwen2_and_llama_3_do) {
  const auto split = [](llama::splitter with, std::string_view text) {
    std::string shown;
    for (const auto piece : with(text)) (shown += '[').append(piece) += ']';
    return shown;
  };
  constexpr llama::splitter one = llama::split_qwen2<1>, three = llama::split_qwen2<3>;
  BOOST_CHECK_EQUAL(split(one, "Hello world"), "[Hello][ world]");
  BOOST_CHECK_EQUAL(split(one, "x 123y"), "[x][ ][1][2][3][y]");
  BOOST_CHECK_EQUAL(split(three, "x 12345y"), "[x][ ][123][45][y]");
  BOOST_CHECK_EQUAL(split(one, "I'LL we've 'tis"), "[I]['LL][ we]['ve][ '][tis]");
  BOOST_CHECK_EQUAL(split(one, "(word) (-word"), "[(word][)][ (-][word]");
  BOOST_CHECK_EQUAL(split(one, "\tword\nword"), "[\tword][\n][word]");
  BOOST_CHECK_EQUAL(split(one, "a!?\n\n b"), "[a][!?\n\n][ b]");
  BOOST_CHECK_EQUAL(split(one, "a  \n \n  b  "), "[a][  \n \n][ ][ b][  ]");
  BOOST_CHECK_EQUAL(split(one, "a   !"), "[a][  ][ !]");
  BOOST_CHECK_EQUAL(split(one, "\u00e9t\u00e9 \u00fc"), "[\u00e9t\u00e9][ \u00fc]");
  BOOST_CHECK_EQUAL(split(one, ""), "");
}

BOOST_AUTO_TEST_CASE(text_is_split_at_numbers_words_contractions_and_spaces) {
  const auto split = [](std::string_view text) {
    std::string shown;
    for (const auto piece : llama::split_smollm(text)) (shown += '[').append(piece) += ']';
    return shown;
  };
  BOOST_CHECK_EQUAL(split("Hello world"), "[Hello][ world]");
  BOOST_CHECK_EQUAL(split("x 123y"), "[x][ ][1][2][3][y]");
  BOOST_CHECK_EQUAL(split("I'm, they'll 'Sing"), "[I]['m][,][ they]['ll][ '][Sing]");
  BOOST_CHECK_EQUAL(split("a   b"), "[a][  ][ b]");
  BOOST_CHECK_EQUAL(split("a\n\n b  "), "[a][\n\n][ b][  ]");
  BOOST_CHECK_EQUAL(split("a\nb"), "[a][\n][b]");
  BOOST_CHECK_EQUAL(split("naïve café!?"), "[naïve][ café][!?]");
  BOOST_CHECK_EQUAL(split("中文字，½😀"), "[中文字][，][½][😀]");
  BOOST_CHECK_EQUAL(split("e\u0301"), "[e][\u0301]");  // a combining mark is no letter
  BOOST_CHECK_EQUAL(split("a\xff\xc3"), "[a][\xff\xc3]");
}

BOOST_AUTO_TEST_CASE(utf8_that_is_not_valid_stands_for_single_bytes) {
  BOOST_CHECK_EQUAL(llama::decode_utf8("€").code_point, 0x20acu);
  BOOST_CHECK_EQUAL(llama::decode_utf8("😀").code_point, 0x1f600u);
  for (const char* bad : {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xe2\x82", "\x80", "\xf8\x88\x80\x80\x80"})
    BOOST_CHECK_EQUAL(llama::decode_utf8(bad).bytes, 1u);
}

BOOST_AUTO_TEST_CASE(quality_is_the_definition) {
  llama::config c = small_config();
  c.vocabulary = 2500;  // several slices of the vocabulary
  const llama::model dense = random_model(c);
  llama::model pruned = dense;
  pruned.blocks[0].weights[llama::down_proj].leftCols(5).setZero();
  std::vector<int> text(90);
  for (std::size_t t = 0; t < text.size(); ++t) text[t] = int(t * t * 31 % 2500);
  const auto cut = llama::sequences(text, 20, 4);
  const llama::text_quality q = llama::text_reference(dense, cut).measure(pruned);

  double log_likelihood = 0, divergence = 0, agreements = 0, count = 0;
  for (const auto& tokens : cut) {
    const auto logits = [&](const llama::model& m) {
      const matrix z =
          llama::forward(m, llama::embed(m, tokens)).lazyProduct(m.ends->head().transpose());
      return Eigen::MatrixXd(z.cast<double>());
    };
    const Eigen::MatrixXd a = logits(dense), b = logits(pruned);
    for (Index t = 0; t + 1 < Index(tokens.size()); ++t) {
      const double za = std::log(a.row(t).array().exp().sum());
      const double zb = std::log(b.row(t).array().exp().sum());
      log_likelihood += b(t, tokens[std::size_t(t + 1)]) - zb;
      Index best_a = 0, best_b = 0;
      a.row(t).maxCoeff(&best_a);
      b.row(t).maxCoeff(&best_b);
      agreements += best_a == best_b;
      for (Index n = 0; n < 2500; ++n)
        divergence += std::exp(a(t, n) - za) * ((a(t, n) - za) - (b(t, n) - zb));
      count += 1;
    }
  }
  BOOST_CHECK_CLOSE(q.perplexity, std::exp(-log_likelihood / count), 1e-3);
  BOOST_CHECK_CLOSE(q.divergence, divergence / count, 1e-2);
  BOOST_CHECK_EQUAL(q.agreement, agreements / count);
  BOOST_CHECK_GT(q.divergence, 1e-4);
}

BOOST_AUTO_TEST_CASE(a_model_does_not_differ_from_itself) {
  const llama::model m = random_model(small_config());
  const std::vector<std::vector<int>> text = {{1, 2, 3, 4}, {10, 0, 5}};
  const llama::text_quality q = llama::text_reference(m, text).measure(m);
  BOOST_CHECK_EQUAL(q.divergence, 0.0);
  BOOST_CHECK_EQUAL(q.agreement, 1.0);
  BOOST_CHECK_GT(q.perplexity, 1.0);
}

BOOST_AUTO_TEST_CASE(quality_does_not_depend_on_threads) {
  const llama::model dense = random_model(small_config());
  llama::model pruned = dense;
  pruned.blocks[1].weights[llama::v_proj].row(2).setZero();
  std::vector<int> text(500);
  for (std::size_t t = 0; t < text.size(); ++t) text[t] = int(t * t % 11);
  const auto cut = llama::sequences(text, 90, 5);
  const int before = omp_get_max_threads();
  omp_set_num_threads(1);
  const llama::text_quality one = llama::text_reference(dense, cut).measure(pruned);
  omp_set_num_threads(4);
  const llama::text_quality four = llama::text_reference(dense, cut).measure(pruned);
  omp_set_num_threads(before);
  BOOST_CHECK_EQUAL(one.perplexity, four.perplexity);
  BOOST_CHECK_EQUAL(one.divergence, four.divergence);
  BOOST_CHECK_EQUAL(one.agreement, four.agreement);
}

BOOST_AUTO_TEST_CASE(progress_of_long_measurements_goes_from_sequence_to_sequence) {
  const llama::model m = random_model(small_config());
  const std::vector<std::vector<int>> text = {{1, 2, 3}, {4, 5}, {6, 7}, {8, 9}};
  std::vector<double> told;
  const auto tell = [&](double part) { told.push_back(part); };
  const std::vector<double> quarters{0.25, 0.5, 0.75, 1};
  const llama::text_reference reference(m, text, tell);
  BOOST_TEST(told == quarters, boost::test_tools::per_element());
  told.clear();
  const llama::text_quality told_of = reference.measure(m, nullptr, tell);
  BOOST_TEST(told == quarters, boost::test_tools::per_element());
  BOOST_TEST(told_of.perplexity == reference.measure(m).perplexity);
  // What the callback throws reaches the caller.
  BOOST_CHECK_THROW(reference.measure(m, nullptr, [](double) { throw std::runtime_error("stop"); }),
                    std::runtime_error);
}

BOOST_AUTO_TEST_CASE(quality_rejects_what_it_cannot_measure) {
  const llama::model m = random_model(small_config());
  const std::vector<std::vector<int>> none, single = {{1}}, pair = {{1, 2}};
  CHECK_REJECTED(llama::text_reference(m, none), "no sequence");
  CHECK_REJECTED(llama::text_reference(m, single), "1 tokens predicts none");
  CHECK_REJECTED(llama::text_reference(m, pair).measure(random_model(small_config())),
                 "not a copy");
  CHECK_REJECTED(llama::sequences(pair[0], 2, 2), "2 tokens", "2 sequences of 2");
}

BOOST_AUTO_TEST_CASE(sequences_start_with_the_token_that_a_model_expects) {
  const std::vector<int> text = {5, 6, 7, 8, 9};
  const auto cut = llama::sequences(text, 3, 2, 1);
  BOOST_CHECK(cut == (std::vector<std::vector<int>>{{1, 5, 6}, {1, 7, 8}}));
  CHECK_REJECTED(llama::sequences(text, 1, 2, 1), "sequences of 0");
}

BOOST_AUTO_TEST_CASE(a_text_holds_more_sequences_that_begin_with_a_token_of_the_model) {
  const std::vector<int> text = {5, 6, 7, 8, 9};
  BOOST_CHECK_EQUAL(llama::most_sequences(text, 3), 1);
  BOOST_CHECK_EQUAL(llama::most_sequences(text, 3, 1), 2);
  BOOST_CHECK_EQUAL(llama::most_sequences(text, 6), 0);
  BOOST_CHECK_EQUAL(llama::most_sequences(text, 1, 1), 0);
  BOOST_CHECK_EQUAL(llama::most_sequences(text, 0), 0);
}

BOOST_AUTO_TEST_CASE(sequences_are_spread_over_the_text_without_overlap) {
  std::vector<int> text(11);
  std::iota(text.begin(), text.end(), 0);
  const auto cut = llama::sequences(text, 2, 3);
  BOOST_REQUIRE_EQUAL(cut.size(), 3);
  BOOST_CHECK(cut[0] == (std::vector<int>{0, 1}));
  BOOST_CHECK(cut[1] == (std::vector<int>{3, 4}));
  BOOST_CHECK(cut[2] == (std::vector<int>{6, 7}));
}

BOOST_AUTO_TEST_SUITE_END()
