// The example engine's results on tokens and text, for check.py, which runs it:
//
//     engine logits MODEL TOKENS OUT                 of all tokens at once, (tokens, vocabulary)
//     engine decode MODEL TOKENS FIRST OUT           of the last token, after FIRST tokens at once and
//                                                    the others one by one
//     engine continue MODEL TOKENS COUNT             the COUNT tokens that follow, by the highest logit
//     engine tokens MODEL TEXT                       a text's tokens
//     engine text MODEL TOKENS                       the text of tokens
//     engine perplexity MODEL TEXT LENGTH COUNT      of COUNT sequences of LENGTH tokens
//
// MODEL is a GGUF file, or a folder as Hugging Face has it. TOKENS are 32-bit integers, OUT 32-bit
// floats.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <llama/decoder.hpp>
#include <llama/forward.hpp>
#include <llama/load_folder.hpp>
#include <llama/load_gguf.hpp>
#include <llama/quality.hpp>
#include <span>
#include <string>
#include <vector>

namespace {

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) llama::fail(path, " cannot be opened");
  return {std::istreambuf_iterator<char>(file), {}};
}

llama::language_model load(const std::string& path) {
  if (!std::filesystem::is_directory(path)) return llama::load_gguf(path);
  std::vector<std::string> weights;
  for (const auto& entry : std::filesystem::directory_iterator(path))
    if (entry.path().extension() == ".safetensors")
      weights.push_back(entry.path().filename().string());
  return llama::load_folder(path, weights);
}

std::vector<int> read_tokens(const std::string& path) {
  const std::string bytes = read_text(path);
  std::vector<int> tokens(bytes.size() / sizeof(std::int32_t));
  std::copy_n(bytes.data(), tokens.size() * sizeof(std::int32_t),
              reinterpret_cast<char*>(tokens.data()));
  return tokens;
}

void write(const std::string& path, const llama::matrix& numbers) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(numbers.data()),
             static_cast<std::streamsize>(std::size_t(numbers.size()) * sizeof(float)));
}

void print(const std::vector<int>& tokens) {
  for (const int token : tokens) std::printf("%d\n", token);
}

void logits(const llama::model& m, const std::vector<int>& tokens, const std::string& out) {
  write(out, llama::linear(llama::forward(m, llama::embed(m, tokens)), m.ends->head()));
}

void decode(const llama::model& m, const std::vector<int>& tokens, std::size_t first,
            const std::string& out) {
  const auto stored = llama::store(m, llama::storage::dense_float);
  llama::decoder decoder(stored, llama::Index(tokens.size()), 1);
  auto last = decoder.feed(std::span(tokens).first(first));
  for (std::size_t t = first; t < tokens.size(); ++t)
    last = decoder.feed(std::span(tokens).subspan(t, 1));
  write(out, last);
}

std::vector<int> followers(const llama::model& m, const std::vector<int>& tokens,
                           std::size_t count) {
  const auto stored = llama::store(m, llama::storage::dense_float);
  llama::decoder decoder(stored, llama::Index(tokens.size() + count), 1);
  std::vector<int> all;
  auto last = decoder.feed(tokens);
  while (all.size() < count) {
    all.push_back(llama::choice(last));
    last = decoder.feed(std::span(&all.back(), 1));
  }
  return all;
}

double perplexity(const llama::language_model& language, const std::string& text,
                  std::size_t length, std::size_t count) {
  const auto tokens = language.tokenizer.encode(text);
  const llama::text_reference reference(
      language.model, llama::sequences(tokens, length, count, language.tokenizer.start()));
  return reference.measure(language.model).perplexity;
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  const auto asks = [&](const char* what, std::size_t others) {
    return words.size() == 2 + others && words[0] == what;
  };
  try {
    if (words.size() < 3) llama::fail("the first lines of engine.cpp say what it does");
    const auto language = load(words[1]);
    const llama::model& m = language.model;
    if (asks("logits", 2))
      logits(m, read_tokens(words[2]), words[3]);
    else if (asks("decode", 3))
      decode(m, read_tokens(words[2]), std::stoul(words[3]), words[4]);
    else if (asks("continue", 2))
      print(followers(m, read_tokens(words[2]), std::stoul(words[3])));
    else if (asks("tokens", 1))
      print(language.tokenizer.encode(read_text(words[2])));
    else if (asks("text", 1))
      std::fputs(language.tokenizer.decode(read_tokens(words[2])).c_str(), stdout);
    else if (asks("perplexity", 3))
      std::printf("%.4f\n", perplexity(language, read_text(words[2]), std::stoul(words[3]),
                                       std::stoul(words[4])));
    else
      llama::fail("the first lines of engine.cpp say what it does");
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "%s\n", problem.what());
    return 1;
  }
}
