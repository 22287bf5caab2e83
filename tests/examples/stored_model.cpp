// The example engine on stored weights: dense and sparse, token after token, from and to files.

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <llama/decoder.hpp>
#include <llama/forward.hpp>
#include <llama/load_safetensors.hpp>
#include <llama/stored_file.hpp>
#include <llama/stored_model.hpp>
#include <numeric>
#include <span>
#include <string>
#include <study/pays.hpp>
#include <tamp/adapt/eigen.hpp>
#include <tamp/tamp.hpp>
#include <vector>

#include "../io/files.hpp"

BOOST_AUTO_TEST_SUITE(examples_stored_model)

namespace {

using llama::row_vector;
using llama::storage;

constexpr storage every_form[] = {storage::dense_float, storage::dense_bf16, storage::sparse_float,
                                  storage::sparse_bf16, storage::sparse_int8};

// The embedded model, half of whose weights are zero.
llama::model pruned_model() {
  auto m =
      llama::load_safetensors(TAMP_SOURCE_DIR "/examples/data/tiny_mllm/tiny_mllm.safetensors");
  const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{},
                                    tamp::allocate::uniform{0.5});
  for (auto& block : m.blocks)
    for (auto& weight : block.weights) tamp::prune(weight, recipe);
  return m;
}

std::vector<int> some_tokens(std::size_t count) {
  std::vector<int> tokens(count);
  std::iota(tokens.begin(), tokens.end(), 2);
  return tokens;
}

// The engine's forward pass over all tokens at once.
row_vector logits_of(const llama::model& m, const std::vector<int>& tokens) {
  return llama::linear(llama::forward(m, llama::embed(m, tokens)).bottomRows(1), m.ends->head());
}

row_vector fed(const llama::stored_model& m, const std::vector<int>& tokens,
               const std::vector<std::size_t>& pieces, int threads = 1) {
  llama::decoder decode(m, static_cast<llama::Index>(tokens.size()), threads);
  row_vector logits;
  std::size_t at = 0;
  for (const std::size_t piece : pieces) {
    logits = decode.feed(std::span(tokens).subspan(at, piece));
    at += piece;
  }
  BOOST_REQUIRE(at == tokens.size());
  return logits;
}

double difference(const row_vector& a, const row_vector& b) {
  return double((a - b).cwiseAbs().maxCoeff()) / double(a.cwiseAbs().maxCoeff());
}

bool same_bits(const row_vector& a, const row_vector& b) {
  return a.size() == b.size() &&
         std::memcmp(a.data(), b.data(), std::size_t(a.size()) * sizeof(float)) == 0;
}

}  // namespace

BOOST_AUTO_TEST_CASE(it_computes_what_the_forward_pass_computes) {
  const auto m = pruned_model();
  const auto tokens = some_tokens(21);
  for (const storage form : every_form) {
    const auto stored = llama::store(m, form);
    // The weights as they are stored, and a head as exact as in the forward pass.
    const row_vector expected = logits_of(llama::restored(m, stored), tokens);
    const bool is_float = form == storage::dense_float || form == storage::sparse_float;
    for (const auto& pieces : std::vector<std::vector<std::size_t>>{
             {21}, std::vector<std::size_t>(21, 1), {18, 1, 1, 1}, {3, 18}})
      BOOST_TEST(difference(fed(stored, tokens, pieces), expected) < (is_float ? 1e-4 : 1e-2),
                 llama::label(form));
  }
}

BOOST_AUTO_TEST_CASE(sparse_storage_gives_the_bits_of_dense_storage) {
  const auto m = pruned_model();
  BOOST_TEST(study::same_logits(llama::store(m, storage::dense_bf16),
                                llama::store(m, storage::sparse_bf16), 9, 9));
  BOOST_TEST(study::same_logits(llama::store(m, storage::dense_float),
                                llama::store(m, storage::sparse_float), 9, 9));
  // Other weights do not.
  BOOST_TEST(!study::same_logits(llama::store(m, storage::dense_float),
                                 llama::store(m, storage::sparse_bf16), 9, 9));
}

BOOST_AUTO_TEST_CASE(any_number_of_threads_gives_the_same_bits) {
  const auto stored = llama::store(pruned_model(), storage::sparse_bf16);
  const auto tokens = some_tokens(20);
  const row_vector one = fed(stored, tokens, {17, 1, 1, 1}, 1);
  BOOST_TEST(same_bits(one, fed(stored, tokens, {17, 1, 1, 1}, 2)));
  BOOST_TEST(same_bits(one, fed(stored, tokens, {17, 1, 1, 1}, 3)));
}

BOOST_AUTO_TEST_CASE(half_of_the_weights_take_nine_bits_each) {
  const auto m = pruned_model();
  std::size_t weights = 0;
  for (const auto& block : m.blocks)
    for (const auto& w : block.weights) weights += std::size_t(w.size());
  const auto layers = [&](storage form) {
    const auto stored = llama::store(m, form);
    return double(stored.bytes() - stored.head.bytes()) * 8 / double(weights);
  };
  BOOST_TEST(layers(storage::dense_bf16) == 16);
  // One bit, half of 16, and eight bytes for each row.
  BOOST_TEST(layers(storage::sparse_bf16) > 9);
  BOOST_TEST(layers(storage::sparse_bf16) < 9.8);
  BOOST_TEST(layers(storage::sparse_int8) < 6.3);
}

BOOST_AUTO_TEST_CASE(files_bring_back_the_same_model) {
  const support::temporary_folder folder;
  const auto m = pruned_model();
  const auto tokens = some_tokens(12);
  for (const storage form : every_form) {
    const auto stored = llama::store(m, form);
    const std::string path = (folder / "model.safetensors").string();
    llama::save(path, stored);
    const auto loaded = llama::load_stored(path, m);
    BOOST_TEST(loaded.bytes() == stored.bytes(), llama::label(form));
    BOOST_TEST(same_bits(fed(loaded, tokens, {12}), fed(stored, tokens, {12})), llama::label(form));
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_fed_is_refused) {
  const auto stored = llama::store(pruned_model(), storage::sparse_float);
  llama::decoder decode(stored, 4, 1);
  const auto refused = [](const char* sentence) {
    return [=](const llama::error& problem) { return std::string(problem.what()) == sentence; };
  };
  BOOST_CHECK_EXCEPTION(decode.feed({}), llama::error, refused("there is no token to feed"));
  const std::vector<int> tokens = some_tokens(5);
  BOOST_CHECK_EXCEPTION(decode.feed(tokens), llama::error,
                        refused("5 tokens are more than the decoder's 4 positions"));
  const int outside = -1;
  BOOST_CHECK_THROW(decode.feed(std::span(&outside, 1)), llama::error);
  // Nothing of that was fed.
  const row_vector logits = decode.feed(std::span(tokens).first(4));
  BOOST_TEST(same_bits(logits, fed(stored, {tokens.begin(), tokens.end() - 1}, {4})));
  decode.reset();
  BOOST_TEST(same_bits(logits, decode.feed(std::span(tokens).first(4))));
}

BOOST_AUTO_TEST_SUITE_END()
