#include "tokenizer_json.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config.hpp"
#include "json_metadata.hpp"

namespace llama {
namespace {

using json = nlohmann::json;

constexpr std::string_view mark = "\xe2\x96\x81";  // of sentencepiece: a blank

/// The splitting of a text by qwen2 and Llama 3, but for the number of digits.
constexpr std::string_view before_digits =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})";
constexpr std::string_view behind_digits = R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

/// One tokenizer.json.
class tokenizer_file {
 public:
  explicit tokenizer_file(const std::string& path)
      : path_(path), json_(json_file(path)), model_(json_.at("model")) {
    if (text(model_, "type", "BPE") != "BPE")
      fail(path_, " has a tokenizer '", text(model_, "type", ""), "', this engine knows 'BPE'");
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
      if (!text(model_, key, "").empty()) refuse("the model's", key);
    if (model_.contains("dropout") && !model_["dropout"].is_null() && model_["dropout"] != 0.0)
      refuse("the model's", "dropout");
    read_vocabulary();
    read_merges();
  }

  tokenizer read() const {
    tokenizer t = flag(model_, "byte_fallback", false) ? on_characters() : on_bytes();
    if (flag(model_, "ignore_merges", false)) t.prefer_whole_pieces();
    if (const auto start = start_of_a_text()) t.set_start(*start);
    return t;
  }

 private:
  static std::string text(const json& object, const char* key, const std::string& otherwise) {
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? otherwise : found->get<std::string>();
  }
  static bool flag(const json& object, const char* key, bool otherwise) {
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? otherwise : found->get<bool>();
  }
  template <class... Parts>
  [[noreturn]] void refuse(const char* whose, const Parts&... what) const {
    fail(path_, ": this engine does not know ", whose, ' ', what...);
  }

  /// The members of a sequence, those of sequences in it, or what stands alone.
  std::vector<json> steps(const char* part, const char* members) const {
    std::vector<json> all;
    const auto add = [&](const auto& self, const json& step) -> void {
      if (step.is_null()) return;
      if (step.at("type") != "Sequence") return all.push_back(step);
      for (const json& inner : step.at(members)) self(self, inner);
    };
    if (const auto found = json_.find(part); found != json_.end()) add(add, *found);
    return all;
  }

  void read_vocabulary() {
    const auto add = [&](const std::string& spelling, const json& number, token_kind kind) {
      constexpr std::uint64_t most = 1 << 22;
      const auto token = number.get<std::uint64_t>();
      if (!number.is_number_unsigned() || token >= most)
        fail(path_, " gives '", spelling, "' the number ", number.dump());
      if (token >= vocabulary_.size()) {
        vocabulary_.resize(token + 1);
        kinds_.resize(token + 1, token_kind::unused);
      }
      vocabulary_[token] = spelling;
      kinds_[token] = kind;
      token_of_[spelling] = int(token);
    };
    const bool has_bytes = flag(model_, "byte_fallback", false);
    const std::string unknown = text(model_, "unk_token", "");
    for (const auto& [spelling, number] : model_.at("vocab").items()) {
      const bool is_byte = has_bytes && spelling.size() == 6 && spelling.starts_with("<0x") &&
                           spelling.ends_with('>');
      add(spelling, number, is_byte ? token_kind::byte : token_kind::normal);
    }
    const auto added = json_.find("added_tokens");
    if (added != json_.end())
      for (const json& token : *added) {
        const bool is_control = flag(token, "special", false);
        for (const char* key : {"single_word", "lstrip", "rstrip"})
          if (!is_control && flag(token, key, false))
            refuse("the added token", token.at("content").dump(), " with '", key, '\'');
        add(token.at("content"), token.at("id"),
            is_control ? token_kind::control : token_kind::user_defined);
      }
    if (const auto found = token_of_.find(unknown); !unknown.empty() && found != token_of_.end())
      kinds_[std::size_t(found->second)] = token_kind::unknown;
  }

  /// Merges are pairs, or pairs with a blank between them.
  void read_merges() {
    for (const json& merge : model_.at("merges")) {
      if (merge.is_string()) {
        const auto& pair = merge.get_ref<const std::string&>();
        const std::size_t blank = pair.find(' ');
        if (blank == std::string::npos) fail(path_, ": merge '", pair, "' is not a pair");
        merges_.emplace_back(pair.substr(0, blank), pair.substr(blank + 1));
      } else {
        merges_.emplace_back(merge.at(0).get<std::string>(), merge.at(1).get<std::string>());
      }
    }
  }

  tokenizer on_bytes() const {
    for (const json& step : steps("normalizer", "normalizers"))
      if (step.at("type") != "NFC") refuse("the normalizer", step.dump());
    const splitter split = splitter_of(steps("pre_tokenizer", "pretokenizers"));
    std::vector<std::string> merges;
    for (const auto& [left, right] : merges_) merges.push_back(left + ' ' + right);
    return {vocabulary_, merges, split, kinds_};
  }

  splitter splitter_of(const std::vector<json>& steps) const {
    const auto is_bytes = [&](const json& step, bool splits) {
      return step.at("type") == "ByteLevel" && !flag(step, "add_prefix_space", true) &&
             flag(step, "use_regex", true) == splits;
    };
    if (steps.size() == 2) {
      const json& first = steps[0];
      if (first.at("type") == "Digits" && flag(first, "individual_digits", false) &&
          is_bytes(steps[1], true))
        return split_smollm;
      if (first.at("type") == "Split" && text(first, "behavior", "") == "Isolated" &&
          !flag(first, "invert", false) && is_bytes(steps[1], false)) {
        const std::string pattern = text(first.at("pattern"), "Regex", "");
        const auto is = [&](std::string_view digits) {
          return pattern == std::string(before_digits).append(digits).append(behind_digits);
        };
        if (is("")) return split_qwen2<1>;
        if (is("{1,3}")) return split_qwen2<3>;
      }
    }
    refuse("the pre-tokenizer", json(steps).dump());
  }

  /// Of sentencepiece: a pair is joined the earlier, the higher the score of what it becomes.
  tokenizer on_characters() const {
    bool blank_before = false, marks_blanks = false, is_one_enough = false;
    const auto is_replacement = [](const json& step) {
      return step.at("type") == "Replace" && step.at("pattern") == json{{"String", " "}} &&
             step.at("content") == mark;
    };
    for (const json& step : steps("normalizer", "normalizers")) {
      if (step.at("type") == "Prepend" && step.at("prepend") == mark)
        blank_before = true;
      else if (is_replacement(step))
        marks_blanks = true;
      else
        refuse("the normalizer", step.dump());
    }
    for (const json& step : steps("pre_tokenizer", "pretokenizers")) {
      const bool is_metaspace = step.at("type") == "Metaspace" && !flag(step, "split", true) &&
                                text(step, "replacement", "") == mark;
      // There is no blank any more that this could split at.
      const bool does_nothing =
          marks_blanks && step.at("type") == "Split" && step.at("pattern") == json{{"String", " "}};
      if (!is_metaspace && !does_nothing) refuse("the pre-tokenizer", step.dump());
      if (!is_metaspace) continue;
      marks_blanks = true;
      const std::string scheme = text(step, "prepend_scheme", "always");
      const bool has_pieces =
          std::find(kinds_.begin(), kinds_.end(), token_kind::user_defined) != kinds_.end();
      if (scheme == "first" && has_pieces)
        refuse("the pre-tokenizer", step.dump(), " beside added tokens that are not special");
      is_one_enough = scheme != "never" && !blank_before;
      blank_before = blank_before || scheme != "never";
    }
    if (!marks_blanks) refuse("a tokenizer of characters", "that does not mark blanks");
    std::vector<float> scores(vocabulary_.size(), tokenizer::never_joined);
    for (std::size_t rank = merges_.size(); rank-- > 0;) {
      const auto found = token_of_.find(merges_[rank].first + merges_[rank].second);
      if (found == token_of_.end())
        fail(path_, ": merge ", rank, ", '", merges_[rank].first, ' ', merges_[rank].second,
             "', makes no token");
      scores[std::size_t(found->second)] = -float(rank);
    }
    tokenizer t(vocabulary_, scores, kinds_, blank_before);
    if (is_one_enough) t.set_at_most_one_blank_before();
    return t;
  }

  /// The token that the template of a single text begins with.
  std::optional<int> start_of_a_text() const {
    for (const json& step : steps("post_processor", "processors")) {
      if (step.at("type") == "ByteLevel") continue;
      if (step.at("type") != "TemplateProcessing")
        refuse("the post-processor", step.at("type").dump());
      const json& first = step.at("single").at(0);
      if (!first.contains("SpecialToken")) continue;
      const auto name = first.at("SpecialToken").at("id").get<std::string>();
      return step.at("special_tokens").at(name).at("ids").at(0).get<int>();
    }
    return std::nullopt;
  }

  const std::string& path_;
  json json_;
  const json& model_;
  std::vector<std::string> vocabulary_;
  std::vector<token_kind> kinds_;
  std::unordered_map<std::string, int> token_of_;
  std::vector<std::pair<std::string, std::string>> merges_;
};

}  // namespace

tokenizer read_tokenizer(const std::string& path) {
  try {
    return tokenizer_file(path).read();
  } catch (const json::exception& problem) {
    // Without the other library's own number of the error.
    const std::string_view words = problem.what();
    fail(path, ": the tokenizer cannot be read: ", words.substr(words.find("] ") + 2));
  }
}

}  // namespace llama
