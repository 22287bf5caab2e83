// The study's files beside its table: prose and numbers of tokens, weights and masks.

#include <study/samples.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <llama/json_metadata.hpp>
#include <llama/model.hpp>
#include <string>
#include <study/prompts.hpp>
#include <study/save_weights.hpp>
#include <study/subject.hpp>
#include <tamp/io/safetensors_file.hpp>
#include <utility>
#include <vector>

#include "../io/files.hpp"
#include "gguf_models.hpp"

BOOST_AUTO_TEST_SUITE(examples_samples)

using support::temporary_folder;

BOOST_AUTO_TEST_CASE(numbers_of_tokens_stand_for_a_text) {
  const temporary_folder folder;
  const llama::language_model language = llama::load_gguf(folder.write(
      "m.gguf", support::with_tokens(support::gguf_of(support::model_of("llama"))).bytes()));
  const auto read = [&](const char* numbers) {
    return study::tokens_of(language, folder.write("a.ids", numbers));
  };
  BOOST_TEST(read("3 1\n 2\t0\n") == (std::vector{3, 1, 2, 0}), boost::test_tools::per_element());
  BOOST_TEST(read("").empty());
  const auto refused = [&](const std::string& entry) {
    BOOST_CHECK_EXCEPTION(read(("1 " + entry).c_str()), llama::error, [&](const auto& problem) {
      return std::string(problem.what()).find("entry 1 of ") == 0 &&
             std::string(problem.what()).find("'" + entry + "', which is none of") !=
                 std::string::npos;
    });
  };
  for (const char* entry : {"-1", "2.5", "two", "1,2", "99999999999",
                            "1000000000"})  // more than the vocabulary, more than an int
    refused(entry);
  refused(std::to_string(language.model.ends->embedding.rows()));
}

BOOST_AUTO_TEST_CASE(other_seeds_choose_among_all_sequences_that_the_text_has) {
  const temporary_folder folder;
  support::gguf_writer model = support::with_tokens(support::gguf_of(support::model_of("llama")));
  model.add("tokenizer.ggml.bos_token_id", std::uint32_t(2));
  model.add("tokenizer.ggml.add_bos_token", true);
  std::string numbers;
  for (int token = 0; token < 200; ++token) numbers += std::to_string(token % 7 + 3) + ' ';
  study::data_settings data;
  data.text = folder.write("a.ids", numbers);
  data.sequence_length = 8;
  data.calibration = 14;  // of 7 tokens behind the first; 12 of 8 tokens fit in half the text
  data.evaluation = 1;
  const auto subject = study::load_subject(folder.write("m.gguf", model.bytes()), data);
  for (const unsigned seed : {0u, 1u, 2u}) {
    const auto samples = subject->calibration_samples(seed);
    BOOST_REQUIRE_EQUAL(samples.size(), 14u);
    for (const auto& sample : samples) BOOST_TEST(sample.kinds.size() == 8u);
  }
  data.calibration = 15;
  BOOST_CHECK_THROW(study::load_subject((folder / "m.gguf").string(), data), llama::error);
}

BOOST_AUTO_TEST_CASE(more_visual_tokens_than_a_prompt_has_are_refused) {
  const temporary_folder folder;
  const std::string model = folder.write(
      "m.gguf", support::with_tokens(support::gguf_of(support::model_of("llama"))).bytes());
  study::prompt_settings data;
  data.text = folder.write("a.ids", "1 2 3");
  for (const auto& [length, visual] :
       {std::pair<std::size_t, std::size_t>{64, 49}, {15, 0}, {0, 0}})
    for (const std::size_t tokens : {visual, std::numeric_limits<std::size_t>::max() - 5}) {
      data.length = length;
      data.visual = tokens;
      BOOST_CHECK_EXCEPTION(study::load_prompts(model, data), llama::error, [&](const auto& found) {
        return found.what() == "a prompt of " + std::to_string(length) +
                                   " tokens has no room for " + std::to_string(tokens) +
                                   " visual ones and 16 of text";
      });
    }
}

BOOST_AUTO_TEST_CASE(a_whole_model_is_written_from_which_the_same_can_be_assembled) {
  for (const char* const architecture : {"llama", "qwen2", "qwen3", "gemma3"})
    BOOST_TEST_CONTEXT(architecture) {
      const llama::model model = support::model_of(architecture);
      const temporary_folder folder;
      const std::string path = (folder / "w.safetensors").string();
      study::save_weights(path, model);
      const tamp::io::safetensors_file file(path);
      std::size_t read = 0;
      const llama::model again = llama::assemble(
          model.config, [&](const std::string& name, llama::Index rows, llama::Index cols) {
            ++read;
            return llama::read_matrix(file, path, name, rows, cols);
          });
      BOOST_TEST(file.tensors().size() == read);  // and nothing else
      BOOST_TEST((again.ends->embedding == model.ends->embedding));
      BOOST_TEST((again.ends->norm == model.ends->norm));
      BOOST_TEST((again.ends->head() == model.ends->head()));
      BOOST_TEST(file.at("model.norm.weight").shape.size() == 1u);
      for (std::size_t b = 0; b < model.blocks.size(); ++b) {
        BOOST_TEST((again.blocks[b].weights == model.blocks[b].weights));
        std::vector<llama::row_vector> vectors;
        llama::for_each_vector(
            model.config, model.blocks[b],
            [&](auto, auto, const llama::row_vector& v, llama::Index) { vectors.push_back(v); });
        std::size_t k = 0;
        llama::for_each_vector(model.config, again.blocks[b],
                               [&](auto, auto, const llama::row_vector& v, llama::Index) {
                                 BOOST_TEST((v == vectors[k]));
                                 ++k;
                               });
      }
    }
}

BOOST_AUTO_TEST_CASE(weights_and_masks_are_written_by_the_names_of_their_layers) {
  llama::model model = support::model_of("llama");
  model.blocks[0].weights[2].row(1).setZero();
  model.blocks[0].weights[2](0, 3) = -0.0f;
  const temporary_folder folder;
  study::save_weights(folder / "w.safetensors", model);
  study::save_masks(folder / "m.safetensors", model);
  const tamp::io::safetensors_file weights(folder / "w.safetensors");
  const tamp::io::safetensors_file masks(folder / "m.safetensors");
  const std::size_t layers = model.blocks.size() * llama::layer_names.size();
  BOOST_TEST(masks.tensors().size() == layers);
  for (std::size_t b = 0; b < model.blocks.size(); ++b)
    for (std::size_t l = 0; l < llama::layer_names.size(); ++l) {
      const std::string name = llama::weight_name(llama::Index(b), llama::layer_names[l]);
      const llama::matrix& w = model.blocks[b].weights[l];
      const auto written = weights.matrix<float>(name);
      const auto mask = masks.values<std::uint8_t>(name);
      BOOST_REQUIRE(written.rows() == std::size_t(w.rows()));
      BOOST_REQUIRE(mask.size() == std::size_t(w.size()));
      BOOST_TEST(masks.at(name).shape == weights.at(name).shape);
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < written.rows(); ++i)
        for (std::size_t j = 0; j < written.cols(); ++j) {
          const float number = w(llama::Index(i), llama::Index(j));
          wrong += written(i, j) != number || mask[i * written.cols() + j] != (number != 0);
        }
      BOOST_TEST(wrong == 0u);
    }
  BOOST_TEST(masks.values<std::uint8_t>(llama::weight_name(0, llama::layer_names[2]))[3] == 0);
}

BOOST_AUTO_TEST_SUITE_END()
