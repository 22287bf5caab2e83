// The same model with its channels in another order: it computes the same, and N:M keeps more of it.
#include <prune/run_permute.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <llama/forward.hpp>
#include <llama/load_gguf.hpp>
#include <nlohmann/json.hpp>
#include <prune/run.hpp>
#include <prune/text_model.hpp>
#include <prune/text_norms.hpp>
#include <string>
#include <tamp/error.hpp>
#include <tamp/io/norms_file.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "text_models.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_run_permute)

namespace fs = std::filesystem;
using support::both_forms;
using support::bytes_in;
using support::check_error;
using support::files_of;
using support::output_of;
using support::settings_for;
using tamp_prune::find_model;
using tamp_prune::settings;

namespace {

settings permuting(const fs::path& model, const fs::path& out) {
  settings s = settings_for(model, out);
  s.permute = true;
  s.pattern = "2:4";
  return s;
}

// The residual stream after all blocks, of the first sequence of the text.
llama::matrix output_of_model(const fs::path& path, const std::string& text) {
  const auto loaded =
      tamp_prune::load_text_model(find_model(path), {.text = text, .sequences = 1, .length = 40});
  llama::matrix hidden = loaded.samples.at(0).hidden;
  for (llama::Index block = 0; block < loaded.language.model.config.layers; ++block)
    llama::forward_block(loaded.language.model, block, hidden);
  return hidden;
}

void check_same_output(const fs::path& a, const fs::path& b, const std::string& text) {
  const llama::matrix x = output_of_model(a, text), y = output_of_model(b, text);
  BOOST_REQUIRE(x.size() == y.size());
  const float largest = x.cwiseAbs().maxCoeff();
  BOOST_TEST((x - y).cwiseAbs().maxCoeff() < 1e-5f * largest);
}

llama::matrix matrix_in(const fs::path& model, const std::string& name, llama::Index rows) {
  const std::string bytes = bytes_in(model, name);
  llama::matrix w(rows, llama::Index(bytes.size() / 4) / rows);
  std::memcpy(w.data(), bytes.data(), bytes.size());
  return w;
}

// The sum of the magnitudes that 2:4 keeps.
double kept(const llama::matrix& w) {
  double sum = 0;
  for (llama::Index i = 0; i < w.rows(); ++i)
    for (llama::Index j = 0; j < w.cols(); j += 4) {
      std::vector<double> group;
      for (llama::Index k = j; k < j + 4; ++k) group.push_back(std::abs(double(w(i, k))));
      std::sort(group.begin(), group.end());
      sum += group[2] + group[3];
    }
  return sum;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_folder_computes_the_same_and_keeps_more) {
  for (const std::string architecture : {"llama", "qwen2", "qwen3", "gemma3"}) {
    const both_forms forms(architecture);
    const settings s = permuting(forms.model, forms.folder / "ordered");
    const std::string printed = output_of(s);
    BOOST_TEST(printed.find("neurons in ") != std::string::npos);
    BOOST_TEST(printed.find("value features in ") != std::string::npos);
    check_same_output(forms.model, s.out, forms.text);
    for (const char* part : {"mlp.down_proj", "self_attn.o_proj"}) {
      const std::string name = llama::weight_name(0, part);
      const auto before = matrix_in(forms.model, name, 32), after = matrix_in(s.out, name, 32);
      BOOST_TEST(kept(after) > kept(before), architecture << ' ' << name);
    }
    for (const char* part : {"self_attn.q_proj", "self_attn.k_proj", "input_layernorm"}) {
      const std::string name = llama::weight_name(0, part);
      BOOST_TEST((bytes_in(s.out, name) == bytes_in(forms.model, name)), architecture << name);
    }
    // Rows of up are those of before, in the order of the columns of down.
    const std::string up = llama::weight_name(1, "mlp.up_proj"),
                      down = llama::weight_name(1, "mlp.down_proj");
    const auto up_before = matrix_in(forms.model, up, 48), up_after = matrix_in(s.out, up, 48);
    const auto down_before = matrix_in(forms.model, down, 32),
               down_after = matrix_in(s.out, down, 32);
    for (llama::Index k = 0; k < 48; ++k) {
      llama::Index from = 0;
      while (from < 48 && up_before.row(from) != up_after.row(k)) ++from;
      BOOST_REQUIRE(from < 48);
      BOOST_TEST((down_after.col(k) == down_before.col(from)));
    }
    BOOST_TEST(support::read_bytes(fs::path(s.out) / "config.json").size() > 10u);
  }
}

BOOST_AUTO_TEST_CASE(a_gguf_file_is_ordered_as_the_folder_is) {
  const both_forms forms("qwen2");
  settings s = permuting(forms.gguf, forms.folder / "ordered.gguf");
  s.score = "wanda";
  s.text = forms.text;
  output_of(s);
  check_same_output(forms.gguf, s.out, forms.text);
  settings of_folder = permuting(forms.model, forms.folder / "ordered");
  of_folder.score = "wanda";
  of_folder.text = forms.text;
  output_of(of_folder);
  const auto ordered = find_model(s.out);
  const std::string file = support::read_bytes(s.out);
  std::size_t found = 0;
  for (const auto& t : ordered.tensors) {
    if (t.name != "blk.1.ffn_down.weight" && t.name != "blk.0.attn_output.weight") continue;
    const std::string name = t.name == "blk.1.ffn_down.weight"
                                 ? llama::weight_name(1, "mlp.down_proj")
                                 : llama::weight_name(0, "self_attn.o_proj");
    BOOST_TEST((file.substr(t.offset, t.length) == bytes_in(of_folder.out, name)), name);
    ++found;
  }
  BOOST_TEST(found == 2u);
}

BOOST_AUTO_TEST_CASE(norms_move_with_their_columns) {
  const both_forms forms("llama");
  settings s = permuting(forms.model, forms.folder / "ordered");
  s.score = "ria";
  s.text = forms.text;
  s.save_statistics = (forms.folder / "norms").string();
  output_of(s);
  const auto moved = tamp::io::read_norms(s.save_statistics);
  const auto made =
      tamp_prune::norms_of_text(find_model(s.out), {.text = forms.text}, [] { return false; });
  BOOST_TEST(moved.size() == made.size());
  for (const auto& [name, norms] : made)
    for (std::size_t j = 0; j < norms.values.size(); ++j)
      BOOST_TEST(moved.at(name).values[j] == norms.values[j], boost::test_tools::tolerance(1e-4f));
  // A file of norms serves as the text does.
  const auto dense = tamp_prune::norms_of_text(find_model(forms.model), {.text = forms.text},
                                               [] { return false; });
  tamp::io::save(forms.folder / "dense", dense);
  settings with_file = permuting(forms.model, forms.folder / "again");
  with_file.score = "ria";
  with_file.statistics = (forms.folder / "dense").string();
  output_of(with_file);
  BOOST_TEST((files_of(with_file.out) == files_of(s.out)));
}

BOOST_AUTO_TEST_CASE(nothing_is_written_by_a_dry_run_or_where_order_matters) {
  const both_forms forms("llama");
  settings s = permuting(forms.model, forms.folder / "ordered");
  s.dry_run = true;
  const std::size_t count = forms.folder.count();
  output_of(s);
  BOOST_TEST(forms.folder.count() == count);
  s.dry_run = false;
  // A gain for each neuron, which tamp does not know.
  const std::string name = "model.layers.0.mlp.sub_norm.weight";
  support::write_weights(forms.model / "c.safetensors",
                         {support::random_tensor(name, support::dtype::f32, {48})});
  const std::string path = "model/model.safetensors.index.json";
  auto index = nlohmann::json::parse(support::read_bytes(forms.folder / path));
  index["weight_map"][name] = "c.safetensors";
  forms.folder.write(path, index.dump());
  check_error<tamp::value_error>(
      "--permute: " + name + " of 1 x 48 may depend on the order of neurons, and is not known",
      [&] { output_of(s); });
  s.model = (forms.model / "b.safetensors").string();
  check_error<tamp::file_error>(
      s.model +
          ": has no config.json, which tells --permute of heads: give it the folder of a model",
      [&] { output_of(s); });
  BOOST_TEST(!fs::exists(s.out));
}

BOOST_AUTO_TEST_CASE(nothing_that_is_read_is_replaced_and_a_stop_writes_no_model) {
  const both_forms forms("llama");
  const auto before = files_of(forms.model);
  settings s = permuting(forms.model, forms.folder / "ordered");
  s.score = "wanda";
  s.text = forms.text;
  s.save_statistics = (forms.model / "model.safetensors").string();
  check_error<tamp::file_error>(s.save_statistics + ": --save-statistics would change the model",
                                [&] { output_of(s); });
  s.save_statistics = s.text;
  check_error<tamp::file_error>(s.text + ": --save-statistics would replace what is read",
                                [&] { output_of(s); });
  s.save_statistics = (forms.folder / "none/norms.safetensors").string();
  BOOST_CHECK_THROW(output_of(s), tamp::file_error);
  BOOST_TEST((files_of(forms.model) == before));
  s.save_statistics.clear();
  for (const std::string& model : {forms.model.string(), forms.gguf}) {
    s.model = model;
    tamp_prune::surroundings around;
    bool has_begun = false;
    around.on_begin = [&] { has_begun = true; };
    around.is_stopped = [&] { return has_begun; };
    BOOST_TEST(support::result_of(s, around).code == 130);
    BOOST_TEST(!fs::exists(s.out));
    BOOST_TEST(!fs::exists(s.out + ".unfinished"));
  }
}

BOOST_AUTO_TEST_SUITE_END()
