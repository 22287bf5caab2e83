#include "pays.hpp"

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <tamp/adapt/eigen.hpp>
#include <tamp/detail/large_array.hpp>
#include <tamp/prune/prune.hpp>
#include <tamp/tamp.hpp>
#include <utility>

namespace study {
namespace {

template <class Work>
double seconds(const Work& work) {
  using clock = std::chrono::steady_clock;
  const auto start = clock::now();
  work();
  return std::chrono::duration<double>(clock::now() - start).count();
}

std::vector<int> prompt_of(const llama::stored_model& m, std::size_t length) {
  std::vector<int> tokens(length);
  for (std::size_t k = 0; k < length; ++k)
    tokens[k] = static_cast<int>((k * 7919 + 13) % static_cast<std::size_t>(m.config.vocabulary));
  return tokens;
}

// Memory that is read at full speed: a few streams of vectors for each thread.
class readable {
 public:
  explicit readable(std::size_t bytes) : words_(bytes / 64 * 8), memory_(words_) {
    std::fill_n(memory_.data(), words_, std::uint64_t{1});
  }
  void read(std::size_t bytes, int threads) const {
    const std::size_t words = std::min(bytes / 64 * 8, words_);
    std::uint64_t sum = 0;
    typedef std::uint64_t vector __attribute__((vector_size(32)));
#pragma omp parallel num_threads(threads) reduction(+ : sum)
    {
      const std::size_t part = static_cast<std::size_t>(omp_get_thread_num());
      const std::size_t parts = static_cast<std::size_t>(omp_get_num_threads());
      const std::size_t begin = words * part / parts / 16 * 16;
      const std::size_t end = words * (part + 1) / parts / 16 * 16;
      vector sums[4] = {};
      for (std::size_t k = begin; k < end; k += 16)
        for (std::size_t v = 0; v < 4; ++v) {
          vector next;
          std::memcpy(&next, memory_.data() + k + 4 * v, sizeof next);
          sums[v] += next;
        }
      for (const vector& s : sums) sum += s[0] + s[1] + s[2] + s[3];
    }
    if (sum == 0 && words != 0) llama::fail("the memory that was read has changed");
  }

 private:
  std::size_t words_;
  tamp::detail::large_array<std::uint64_t> memory_;
};

}  // namespace

std::vector<std::vector<speed>> measure_speeds(
    const std::vector<const llama::stored_model*>& models, const speed_settings& settings,
    const std::function<bool(double)>& on_progress) {
  std::size_t largest = 0;
  for (const auto* m : models) largest = std::max(largest, m->bytes());
  const readable memory(largest);
  std::vector<std::vector<speed>> best(models.size());
  const std::size_t steps = settings.rounds * settings.threads.size() * models.size();
  std::size_t step = 0;
  for (std::size_t round = 0; round < settings.rounds; ++round)
    for (std::size_t t = 0; t < settings.threads.size(); ++t)
      for (std::size_t k = 0; k < models.size(); ++k) {
        if (!on_progress(static_cast<double>(step++) / static_cast<double>(steps))) return best;
        const llama::stored_model& m = *models[k];
        const int threads = settings.threads[t];
        best[k].resize(settings.threads.size());
        speed& fastest = best[k][t];
        fastest.threads = threads;
        const int before = omp_get_max_threads();
        omp_set_num_threads(threads);  // attention is divided by OpenMP itself
        const std::size_t positions = std::min(settings.prompt + settings.tokens,
                                               static_cast<std::size_t>(m.config.positions));
        const std::size_t prompt = std::min(settings.prompt, positions / 2);
        const std::size_t tokens = positions - prompt;
        llama::decoder decode(m, static_cast<llama::Index>(positions), threads);
        int next = 0;
        const double prefill =
            seconds([&] { next = llama::choice(decode.feed(prompt_of(m, prompt))); });
        const double decoding = seconds([&] {
          for (std::size_t n = 0; n < tokens; ++n)
            next = llama::choice(decode.feed(std::span(&next, 1)));
        });
        const double reading = seconds([&] { memory.read(m.bytes(), threads); });
        omp_set_num_threads(before);
        const auto keep = [](double& fast, double number) { fast = std::max(fast, number); };
        keep(fastest.tokens_per_second, static_cast<double>(tokens) / decoding);
        keep(fastest.prefill, static_cast<double>(prompt) / prefill);
        keep(fastest.bound, 1 / reading);
      }
  return best;
}

bool same_logits(const llama::stored_model& a, const llama::stored_model& b, std::size_t prompt,
                 std::size_t tokens) {
  const auto positions = std::min(prompt + tokens, static_cast<std::size_t>(a.config.positions));
  llama::decoder first(a, static_cast<llama::Index>(positions), 1);
  llama::decoder second(b, static_cast<llama::Index>(positions), 1);
  // One token at a time, as text is generated.
  std::vector<int> feed = prompt_of(a, std::min(prompt, positions));
  int next = 0;
  for (std::size_t k = 0; k < positions; ++k) {
    if (k < feed.size()) next = feed[k];
    const llama::row_vector x = first.feed(std::span(&next, 1)),
                            y = second.feed(std::span(&next, 1));
    if (std::memcmp(x.data(), y.data(), static_cast<std::size_t>(x.size()) * sizeof(float)) != 0)
      return false;
    next = llama::choice(x);
  }
  return true;
}

llama::stored_model random_model(llama::storage form, double sparsity,
                                 const llama::progress_function& on_progress) {
  llama::config c;
  c.hidden = 2048;
  c.layers = 16;
  c.heads = 32;
  c.kv_heads = 8;
  c.head_dim = 64;
  c.ffn = 8192;
  c.vocabulary = 32000;
  c.positions = 512;
  c.rope_theta = 500000;
  c.tied_head = true;
  std::mt19937 generator(1);
  const auto weight = [&](llama::Index rows, llama::Index cols) {
    llama::matrix w(rows, cols);
    const float scale = 1 / std::sqrt(static_cast<float>(cols));
    for (llama::Index k = 0; k < w.size(); ++k)
      w.data()[k] = scale * (static_cast<float>(generator() >> 8) / 8388608.0f - 1);
    return w;
  };
  auto ends = std::make_shared<llama::ends>();
  ends->embedding = weight(c.vocabulary, c.hidden);
  ends->norm = llama::row_vector::Ones(c.hidden);
  ends->rope = llama::rotary_embedding(c.head_dim, c.rope_theta, c.positions);
  const bool is_float = form == llama::storage::dense_float || form == llama::storage::sparse_float;
  llama::stored_model m{c,
                        {},
                        llama::stored_layer(ends->embedding, is_float ? llama::storage::dense_float
                                                                      : llama::storage::dense_bf16),
                        ends};
  const auto shapes = llama::layer_shapes(c);
  const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{},
                                    tamp::allocate::uniform{sparsity});
  for (llama::Index b = 0; b < c.layers; ++b) {
    if (on_progress) on_progress(static_cast<double>(b) / static_cast<double>(c.layers));
    llama::stored_block& block = m.blocks.emplace_back();
    block.attention_norm = block.ffn_norm = llama::row_vector::Ones(c.hidden);
    for (std::size_t l = 0; l < llama::layer_names.size(); ++l) {
      llama::matrix w = weight(shapes[l][0], shapes[l][1]);
      tamp::prune(w, recipe);
      block.layers[l] = llama::stored_layer(w, form);
    }
  }
  return m;
}

}  // namespace study
