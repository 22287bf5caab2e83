// Norms that the example engine makes of a text: the same of a folder and of a GGUF file.
#include <prune/text_norms.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <llama/load_gguf.hpp>
#include <llama/model.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <tamp/error.hpp>
#include <tamp/io/norms_file.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "text_models.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_text_norms)

namespace fs = std::filesystem;
using support::both_forms;
using support::check_error;
using support::output_of;
using support::settings_for;
using support::temporary_folder;
using tamp::file_error;
using tamp_prune::find_model;
using tamp_prune::norms_of_text;
using tamp_prune::settings;

BOOST_AUTO_TEST_CASE(norms_of_a_folder_are_those_of_the_gguf_file) {
  for (const std::string architecture : {"llama", "qwen2", "qwen3", "gemma3"}) {
    const both_forms forms(architecture);
    const tamp_prune::text_options options{.text = forms.text, .sequences = 3, .length = 20};
    const auto of_folder = norms_of_text(find_model(forms.model), options, [] { return false; });
    const auto of_gguf = norms_of_text(find_model(forms.gguf), options, [] { return false; });
    std::size_t count = 0;
    for (const auto& [name, norms] : of_folder) {
      BOOST_TEST((norms == of_gguf.at(llama::gguf_name(name))), architecture << ' ' << name);
      BOOST_TEST(norms.tokens[0] == 60u);
      ++count;
    }
    BOOST_TEST(count == (architecture == "gemma3" ? 49u : 14u));
  }
}

BOOST_AUTO_TEST_CASE(a_run_with_a_text_is_one_with_its_statistics) {
  const both_forms forms("llama");
  settings s = settings_for(forms.model, forms.folder / "by_text");
  s.score = "wanda";
  s.text = forms.text;
  s.save_statistics = (forms.folder / "norms").string();
  output_of(s);
  settings with_file = settings_for(forms.model, forms.folder / "by_norms");
  with_file.score = "wanda";
  with_file.statistics = s.save_statistics;
  output_of(with_file);
  BOOST_TEST((support::files_of(s.out) == support::files_of(with_file.out)));
}

BOOST_AUTO_TEST_CASE(the_model_counts_as_memory) {
  const both_forms forms("llama");
  for (const fs::path& path : {forms.model, fs::path(forms.gguf)}) {
    const auto model = find_model(path);
    std::uint64_t numbers = 0;
    for (const auto& t : model.tensors) numbers += t.size();
    const std::uint64_t bytes = tamp_prune::bytes_for_text(model, {.text = forms.text});
    BOOST_TEST(bytes > model.bytes() + 4 * numbers + 4 * 2 * 32 * 256 * 32);
  }
  settings s = settings_for(forms.model, forms.folder / "out");
  s.score = "wanda";
  s.text = forms.text;
  s.memory = 1;
  BOOST_CHECK_EXCEPTION(output_of(s), tamp::value_error, [&](const auto& problem) {
    return std::string(problem.what())
        .starts_with("--memory: to send the text through " + s.model + ", the run needs ");
  });
}

BOOST_AUTO_TEST_CASE(what_the_engine_does_not_read_is_refused) {
  const both_forms forms("qwen3");
  settings s = settings_for(forms.model / "a.safetensors", forms.folder / "out");
  s.score = "wanda";
  s.text = forms.text;
  const auto refused = [&](const std::string& sentence) {
    const std::size_t count = forms.folder.count();
    for (const bool bounded : {false, true}) {
      if (bounded) s.memory = std::uint64_t{1} << 40;
      BOOST_CHECK_EXCEPTION(output_of(s), tamp::error, [&](const auto& problem) {
        BOOST_TEST(problem.what() == sentence);
        return true;
      });
      s.memory.reset();
    }
    BOOST_TEST(forms.folder.count() == count);
  };
  refused(s.model +
          ": is a safetensors file by itself, and --text needs a folder with config.json and "
          "tokenizer.json, or a GGUF file");
  s.model = forms.model.string();
  const std::string tokenizer = s.model + "/tokenizer.json", config = s.model + "/config.json";
  auto json = support::three_tokens();
  json["model"]["type"] = "Unigram";
  forms.folder.write("model/tokenizer.json", json.dump());
  refused("--text: " + tokenizer + " has a tokenizer 'Unigram', this engine knows 'BPE'");
  fs::remove(tokenizer);
  refused(s.model + ": has no tokenizer.json, which --text needs");
  forms.folder.write("model/tokenizer.json", support::three_tokens().dump());
  forms.folder.write("model/config.json", R"({"model_type":"mamba"})");
  refused("--text: " + config +
          " is of the type 'mamba', this engine knows 'llama', 'qwen2', 'qwen3' and 'gemma3_text'");
  fs::remove(config);
  refused(s.model + ": has no config.json, which --text needs");
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_text) {
  const both_forms forms("llama");
  const std::string path = forms.folder.write("binary", std::string("ab\0b", 4));
  check_error<file_error>(path + ": is no text: byte 2 is zero", [&] {
    norms_of_text(find_model(forms.model), {.text = path, .length = 20}, [] { return false; });
  });
}

BOOST_AUTO_TEST_CASE(a_text_that_is_too_short) {
  const both_forms forms("llama");
  const std::string path = forms.folder.write("short", "b");
  check_error<file_error>(path + ": has 1 token, fewer than one sequence of 20", [&] {
    norms_of_text(find_model(forms.model), {.text = path, .length = 20}, [] { return false; });
  });
}

BOOST_AUTO_TEST_SUITE_END()
