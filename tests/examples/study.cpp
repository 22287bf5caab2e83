// The study: what the embedded model is worth after pruning, and the tables that say so.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <study/prune_model.hpp>
#include <study/results.hpp>
#include <study/subject.hpp>
#include <vector>

namespace {

const std::string tiny = TAMP_SOURCE_DIR "/examples/data/tiny_mllm/tiny_mllm.safetensors";

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// A file name in the temporary folder that is free, and is removed again.
struct temporary_file {
  temporary_file() { std::filesystem::remove(path); }
  ~temporary_file() { std::filesystem::remove(path); }
  std::filesystem::path path = std::filesystem::temp_directory_path() / "tamp_study_test.csv";
};

study::row a_row(double sparsity, double accuracy) {
  return {{"wanda", "uniform", "per_row", sparsity}, sparsity, sparsity, {accuracy}, 1, 2, 3};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(examples_study)

BOOST_AUTO_TEST_CASE(combinations_cross_everything_but_patterns_that_fix_their_sparsity) {
  const auto all =
      study::combinations({"magnitude", "wanda"}, {"uniform"}, {"per_row", "2:4"}, {0.3, 0.5, 0.7});
  BOOST_TEST(all.size() == 2u * 3u + 2u);
  BOOST_TEST(std::count_if(all.begin(), all.end(),
                           [](const auto& r) { return r.pattern == "2:4" && !r.sparsity; }) == 2);
  for (const auto& recipe : all)
    BOOST_TEST(study::asked_sparsity(recipe) == recipe.sparsity.value_or(0.5));
}

BOOST_AUTO_TEST_CASE(a_name_that_does_not_exist_is_refused_by_name) {
  llama::model nothing;
  BOOST_CHECK_EXCEPTION(
      study::prune_model({"wandering", "uniform", "per_row", 0.5}, nothing, {}, 1, {}),
      std::invalid_argument, [](const auto& problem) {
        return std::string(problem.what()).find("wandering") != std::string::npos;
      });
}

BOOST_AUTO_TEST_CASE(a_csv_file_is_continued_where_it_was_left) {
  const temporary_file csv;
  {
    study::results results({"accuracy"}, "a model", csv.path.string());
    results.add(a_row(0.3, 98));
    results.add(a_row(0.5, 85));
  }
  const std::string complete = contents(csv.path);
  BOOST_TEST(std::count(complete.begin(), complete.end(), '\n') == 4);
  BOOST_TEST(complete.find("wanda,uniform,per_row,0.5000,0.500000,85.000000,1.0000") !=
             std::string::npos);
  // A row that was cut short while it was written is measured again.
  std::ofstream(csv.path) << complete.substr(0, complete.size() - 10);
  study::results results({"accuracy"}, "a model", csv.path.string());
  BOOST_TEST(results.known(a_row(0.3, 0)));
  BOOST_TEST(!results.known(a_row(0.5, 0)));
  results.add(a_row(0.5, 85));
  BOOST_TEST(contents(csv.path) == complete);
}

BOOST_AUTO_TEST_CASE(a_csv_file_of_another_study_is_left_alone) {
  const temporary_file csv;
  {
    study::results({"accuracy"}, "a model", csv.path.string()).add(a_row(0.3, 98));
  }
  const std::string before = contents(csv.path);
  BOOST_CHECK_THROW(study::results({"accuracy"}, "another model", csv.path.string()),
                    std::runtime_error);
  BOOST_CHECK_THROW(study::results({"perplexity"}, "a model", csv.path.string()),
                    std::runtime_error);
  BOOST_TEST(contents(csv.path) == before);
}

BOOST_AUTO_TEST_CASE(a_pruned_model_is_the_same_for_one_and_two_threads) {
  study::data_settings few;
  few.calibration = 3;
  few.evaluation = 1;
  const auto subject = study::load_subject(tiny, few);
  const auto samples = subject->calibration_samples();
  BOOST_TEST(samples.size() == 3u);
  const study::named_recipe recipe{"wanda", "uniform", "per_row", 0.5};
  llama::model one = subject->dense(), two = subject->dense();
  study::prune_model(recipe, one, samples, 1, {});
  const auto report = study::prune_model(recipe, two, samples, 2, {});
  BOOST_TEST(report.layers.size() == 42u);
  BOOST_TEST(report.achieved() == 0.5);
  for (std::size_t b = 0; b < one.blocks.size(); ++b)
    for (std::size_t l = 0; l < llama::layer_names.size(); ++l)
      BOOST_TEST((one.blocks[b].weights[l].array() == two.blocks[b].weights[l].array()).all());
}

BOOST_AUTO_TEST_SUITE_END()

// Takes about a minute when optimised; ctest runs it apart from the others.
BOOST_AUTO_TEST_SUITE(examples_study_table)

// The figures of the model's README, measured in PyTorch on 2000 scenes of which these are the
// first 1000, with 128 calibration scenes.
BOOST_AUTO_TEST_CASE(the_embedded_model_is_worth_what_its_readme_says) {
  struct {
    study::named_recipe recipe;
    double accuracy;
  } const table[] = {{{"magnitude", "uniform", "per_row", 0.3}, 98.9},
                     {{"magnitude", "uniform", "per_row", 0.5}, 95.8},
                     {{"magnitude", "uniform", "per_row", 0.6}, 93.7},
                     {{"magnitude", "uniform", "per_row", 0.7}, 66.1},
                     {{"wanda", "uniform", "per_row", 0.3}, 98.9},
                     {{"wanda", "uniform", "per_row", 0.5}, 85.5},
                     {{"wanda", "uniform", "per_row", 0.6}, 78.1},
                     {{"wanda", "uniform", "per_row", 0.7}, 48.9},
                     {{"wanda", "-", "2:4", {}}, 78.7}};
  const auto subject = study::load_subject(tiny, {});
  const auto samples = subject->calibration_samples();
  for (const auto& [recipe, accuracy] : table) {
    llama::model copy = subject->dense();
    study::prune_model(recipe, copy, samples, 0, {});
    const double measured = subject->measure(copy).front();
    BOOST_TEST(std::abs(measured - accuracy) <= 1.5,
               recipe.score << " " << recipe.pattern << " at " << study::asked_sparsity(recipe)
                            << ": " << measured << " % instead of " << accuracy << " %");
  }
}

BOOST_AUTO_TEST_SUITE_END()
