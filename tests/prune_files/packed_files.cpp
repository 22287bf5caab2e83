// Pruned models whose layers are packed.
#include <prune/packed_files.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/io/pruning_plan.hpp>
#include <tamp/io/safetensors.hpp>
#include <tamp/io/sparse_file.hpp>
#include <utility>
#include <vector>

#include "../io/gguf_bytes.hpp"
#include "../support/errors.hpp"
#include "models.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_packed_files)

namespace fs = std::filesystem;
using support::bytes_in;
using support::check_error;
using support::dtype;
using support::files_of;
using support::output_of;
using support::random_tensor;
using support::read_bytes;
using support::settings_for;
using support::stored;
using support::temporary_folder;
using support::write_weights;
using tamp::file_error;
using tamp::io::safetensors_file;
using tamp_prune::settings;

namespace {

settings packing(const fs::path& model, const fs::path& out) {
  settings s = settings_for(model, out);
  s.packed = true;
  return s;
}

// The bytes of a dense weight of what a file stores of it.
template <class T>
std::string unpacked(const safetensors_file& file, const std::string& name) {
  const auto S = tamp::io::read_sparse<T>(file, name);
  std::string bytes(S.size() * sizeof(T), '\0');
  for (std::size_t i = 0; i < S.rows(); ++i) {
    std::size_t next = 0;
    for (std::size_t j = 0; j < S.cols(); ++j)
      if (S.mask()(i, j))
        std::memcpy(&bytes[(i * S.cols() + j) * sizeof(T)], &S.values(i)[next++], sizeof(T));
  }
  return bytes;
}

// All tensors of a model by name, "F32 bytes", with packed ones as they were before.
using contents = std::map<std::string, std::string>;
void read_tensors(const fs::path& path, contents& into) {
  const safetensors_file file(path);
  const auto packed = tamp::io::sparse_weights(file);
  for (const std::string& name : packed) {
    const std::string type(file.at(name + ".compressed").type_name);
    into[name + ".weight"] = type + ' ' +
                             (type == "F32"   ? unpacked<float>(file, name)
                              : type == "F16" ? unpacked<tamp::f16>(file, name)
                                              : unpacked<tamp::bf16>(file, name));
  }
  for (const auto& t : file.tensors()) {
    const auto is_part = [&](const std::string& name) {
      return t.name == name + ".compressed" || t.name == name + ".bitmask" ||
             t.name == name + ".row_offsets" || t.name == name + ".shape";
    };
    if (std::any_of(packed.begin(), packed.end(), is_part)) continue;
    into[t.name] = std::string(t.type_name) + ' ' +
                   std::string(reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size());
  }
}
contents tensors_of(const fs::path& model) {
  contents tensors;
  if (fs::is_regular_file(model))
    read_tensors(model, tensors);
  else
    for (const auto& entry : fs::directory_iterator(model))
      if (entry.path().extension() == ".safetensors") read_tensors(entry.path(), tensors);
  return tensors;
}

nlohmann::json json_of(const fs::path& path) { return nlohmann::json::parse(read_bytes(path)); }

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const temporary_folder folder;
  stored weight{"layers.0.q_proj.weight", dtype::f32, {2, 10}},
      head = random_tensor("head.weight", dtype::f16, {3, 5});
  for (const float w : {1.f, 9.f, 2.f, 8.f, 3.f, 7.f, 4.f, 6.f, 5.f, 0.f,  //
                        1.f, 1.f, 1.f, 1.f, 1.f, 9.f, 9.f, 9.f, 9.f, 9.f})
    weight.bytes += support::bytes_of(w);
  write_weights(folder / "m", {weight, head}, {{"format", "pt"}, {"by", "hand"}});
  output_of(packing(folder / "m", folder / "out"));
  const safetensors_file out(folder / "out");
  BOOST_TEST(out.tensors().size() == 5u);
  BOOST_TEST((out.metadata() == safetensors_file(folder / "m").metadata()));
  const std::string name = "layers.0.q_proj";
  const auto all = [&]<class T>(T, const std::string& part) {
    const auto values = out.values<T>(name + part);
    return std::vector<T>(values.begin(), values.end());
  };
  BOOST_TEST(all(float(), ".compressed") == (std::vector<float>{9, 8, 7, 6, 5, 9, 9, 9, 9, 9}),
             boost::test_tools::per_element());
  BOOST_TEST((all(std::uint8_t(), ".bitmask") ==
              std::vector<std::uint8_t>{0b10101010, 0b01, 0b11100000, 0b11}));
  BOOST_TEST((out.at(name + ".bitmask").shape == std::vector<std::size_t>{2, 2}));
  BOOST_TEST((all(std::int64_t(), ".row_offsets") == std::vector<std::int64_t>{0, 5}));
  BOOST_TEST((all(std::int64_t(), ".shape") == std::vector<std::int64_t>{2, 10}));
  BOOST_TEST((bytes_in(folder / "out", "head.weight") == head.bytes));
}

BOOST_AUTO_TEST_CASE(all_tensors_are_those_of_the_run_without) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  fs::permissions(model / "model-00001-of-00002.safetensors", fs::perms::owner_read);
  output_of(settings_for(model, folder / "pruned"));
  settings s = packing(model, folder / "packed");
  s.report = (folder / "report").string();
  const std::string text = output_of(s);
  BOOST_TEST((tensors_of(s.out) == tensors_of(folder / "pruned")));
  BOOST_TEST((fs::status(fs::path(s.out) / "model-00001-of-00002.safetensors").permissions() ==
              fs::perms::owner_read));
  // Three of four layers: the layout has no doubles.
  std::size_t packed = 0;
  for (const char* file : {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"})
    packed += tamp::io::sparse_weights(safetensors_file(fs::path(s.out) / file)).size();
  BOOST_TEST(packed == 3u);
  BOOST_TEST(text.find("\npruned, and not packed: model.layers.1.self_attn.q_proj.weight (holds "
                       "F64)\n") != std::string::npos);
  const auto report = json_of(s.report);
  BOOST_TEST(report["not_packed"].size() == 1u);
  BOOST_TEST(report["not_packed"][0]["name"] == "model.layers.1.self_attn.q_proj.weight");
  BOOST_TEST(report["packed"] == true);
  BOOST_TEST(!report.contains("bytes_if_packed"));
  BOOST_TEST(report["bytes_after"] ==
             fs::file_size(fs::path(s.out) / "model-00001-of-00002.safetensors") +
                 fs::file_size(fs::path(s.out) / "model-00002-of-00002.safetensors"));
  BOOST_TEST(folder.count() == 4u);
}

BOOST_AUTO_TEST_CASE(index_and_configuration_say_what_is_there) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder), out = folder / "out";
  const settings s = packing(model, out);
  output_of(s);
  const auto index = json_of(out / "model.safetensors.index.json");
  std::size_t bytes = 0, tensors = 0;
  for (const char* name :
       {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}) {
    const safetensors_file file(out / name);
    for (const auto& t : file.tensors()) {
      bytes += t.bytes.size(), ++tensors;
      BOOST_TEST(index["weight_map"].at(t.name) == name);
    }
  }
  BOOST_TEST(index["weight_map"].size() == tensors);
  BOOST_TEST(index["metadata"]["total_size"] == bytes);
  auto config = json_of(out / "config.json");
  const auto said = config["quantization_config"];
  BOOST_TEST(said["quant_method"] == "compressed-tensors");
  BOOST_TEST(said["sparsity_config"]["format"] == "sparse-bitmask");
  BOOST_TEST(said["sparsity_config"]["sparsity_structure"] == "unstructured");
  BOOST_TEST(said["sparsity_config"]["global_sparsity"] == 72.0 / 294.0);
  BOOST_TEST((said["sparsity_config"]["targets"] == nlohmann::json::array({"Linear"})));
  for (const auto& dense : said["sparsity_config"]["ignore"])
    BOOST_TEST(!index["weight_map"].contains(dense.get<std::string>() + ".bitmask"));
  BOOST_TEST(!said["sparsity_config"]["ignore"].empty());
  config.erase("quantization_config");
  BOOST_TEST((config == json_of(model / "config.json")));
  // All other files are the same, and the folder has no more.
  auto before = files_of(model), after = files_of(out);
  BOOST_TEST(before.size() == after.size());
  BOOST_TEST(after.at("tokenizer/vocabulary.txt") == before.at("tokenizer/vocabulary.txt"));
  BOOST_TEST(fs::hard_link_count(out / "tokenizer/vocabulary.txt") == 1u);
}

BOOST_AUTO_TEST_CASE(two_of_four_is_a_structure_of_its_own) {
  const temporary_folder folder;
  fs::create_directory(folder / "m");
  write_weights(folder / "m/a.safetensors",
                {random_tensor("layers.0.q_proj.weight", dtype::f32, {2, 8})});
  folder.write("m/config.json", "{}");
  settings s = packing(folder / "m", folder / "out");
  s.pattern = "2:4";
  output_of(s);
  BOOST_TEST(
      json_of(folder /
              "out/config.json")["quantization_config"]["sparsity_config"]["sparsity_structure"] ==
      "2:4");
}

BOOST_AUTO_TEST_CASE(negative_zeros_and_rows_that_are_all_zero) {
  const temporary_folder folder;
  stored weight{"layers.0.q_proj.weight", dtype::bf16, {3, 4}};
  for (const float w : {-0.f, -0.f, -0.f, -0.f, 0.f, 0.f, 0.f, 0.f, 1.f, 2.f, 3.f, 4.f})
    weight.bytes += support::bytes_of(tamp::bf16(w));
  write_weights(folder / "m", {weight});
  output_of(settings_for(folder / "m", folder / "pruned"));
  output_of(packing(folder / "m", folder / "packed"));
  BOOST_TEST((tensors_of(folder / "packed") == tensors_of(folder / "pruned")));
}

// Where zeros were there before, or a layer is left, the report does not say what is stored.
BOOST_AUTO_TEST_CASE(layers_that_had_zeros_and_layers_that_are_left) {
  const temporary_folder folder;
  stored zeros = random_tensor("layers.0.q_proj.weight", dtype::f32, {6, 8});
  zeros.bytes.replace(0, 5 * 32, 5 * 32, '\0');  // more than half of the weights
  zeros.bytes[3] = '\x80';                       // -0
  write_weights(folder / "m", {zeros, random_tensor("layers.1.q_proj.weight", dtype::f16, {5, 7}),
                               random_tensor("layers.2.q_proj.weight", dtype::bf16, {5, 7})});
  settings s = settings_for(folder / "m", folder / "pruned");
  s.pattern = "per_tensor";
  s.save_plan = (folder / "plan").string();
  output_of(s);
  auto plan = tamp::io::load<tamp::pruning_plan>(s.save_plan);
  plan.layers[2].excluded = true;
  plan.layers[2].sparsity = 0;
  plan.layers[2].drop.reset();
  tamp::io::save(s.save_plan, plan);
  s.plan = std::exchange(s.save_plan, "");
  s.overwrite = true;
  output_of(s);
  s.out = (folder / "packed").string();
  s.packed = true;
  output_of(s);
  BOOST_TEST((tensors_of(folder / "packed") == tensors_of(folder / "pruned")));
  BOOST_TEST(tamp::io::sparse_weights(safetensors_file(s.out)).size() == 3u);
}

BOOST_AUTO_TEST_CASE(the_room_for_packed_files_is_known_beforehand) {
  const temporary_folder folder;
  const auto model = tamp_prune::find_model(support::write_model(folder));
  const auto layers = tamp_prune::choose_layers(model, {});
  for (const char* pattern : {"per_row", "per_tensor", "2:4"}) {
    settings s = packing(model.folder, folder / "out");
    s.pattern = pattern;
    s.save_plan = (folder / "plan").string();
    output_of(s);
    std::uint64_t written = 0;
    for (const auto& file : model.weights) written += fs::file_size(folder / "out" / file);
    const std::uint64_t most = tamp_prune::most_packed_bytes(
        model, layers, tamp::io::load<tamp::pruning_plan>(s.save_plan));
    BOOST_TEST(written <= most);
    BOOST_TEST(most < written + 2048 * model.tensors.size());  // names and shapes
    fs::remove_all(s.out);
  }
}

BOOST_AUTO_TEST_CASE(what_the_layout_has_no_place_for_stays_dense) {
  const temporary_folder folder;
  write_weights(folder / "m",
                {random_tensor("h.0.mlp.c_fc.weight", dtype::f32, {6, 8}),  // (in, out)
                 random_tensor("h.0.mlp.c_fc.bias", dtype::f32, {8}),
                 random_tensor("blk.0.ffn_up_exps.weight", dtype::f16, {3, 4, 6}),
                 random_tensor("h.0.mlp.table", dtype::f32, {4, 4})});
  settings s = settings_for(folder / "m", folder / "pruned");
  s.names.only = {"*c_fc.weight", "*exps*", "*table"};
  output_of(s);
  s.out = (folder / "packed").string();
  s.packed = true;
  const std::string text = output_of(s);
  BOOST_TEST((tensors_of(folder / "packed") == tensors_of(folder / "pruned")));
  BOOST_TEST((tamp::io::sparse_weights(safetensors_file(s.out)) ==
              std::vector<std::string>{"h.0.mlp.c_fc"}));
  BOOST_TEST(text.find("not packed: blk.0.ffn_up_exps.weight (has three dimensions)\n") !=
             std::string::npos);
  BOOST_TEST(text.find("not packed: h.0.mlp.table (its name does not end in .weight)\n") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_packed_is_refused_before_anything_is_written) {
  const temporary_folder folder;
  const auto refused = [&](const fs::path& model, const fs::path& named,
                           const std::string& sentence) {
    const auto count = folder.count();
    check_error<file_error>(named.string() + ": " + sentence,
                            [&] { output_of(packing(model, folder / "out")); });
    BOOST_TEST(folder.count() == count);
  };
  support::gguf_bytes gguf;
  gguf.tensor("blk.0.attn_q.weight", {4, 1}, 0, std::string(16, '\x3f'));
  const fs::path file = folder.write("gguf", gguf.bytes());
  refused(file, file, "is a GGUF file, and --packed is for safetensors files alone");
  const auto q_proj = random_tensor("layers.0.q_proj.weight", dtype::f64, {2, 4});
  write_weights(folder / "f64", {q_proj});
  refused(folder / "f64", folder / "f64",
          "has no layer that --packed could pack: layers.0.q_proj.weight holds F64");
  const auto k_proj = random_tensor("layers.0.k_proj.weight", dtype::f32, {2, 4});
  write_weights(folder / "clash",
                {k_proj, random_tensor("layers.0.k_proj.shape", dtype::i64, {2})});
  refused(folder / "clash", folder / "clash",
          "has a tensor 'layers.0.k_proj.shape', and --packed would write another one");
  write_weights(folder / "m", {k_proj, random_tensor("x", dtype::u8, {3})});
  std::string bytes = read_bytes(folder / "m");
  bytes.replace(bytes.find("\"U8\""), 4, "\"X8\"");
  folder.write("m", bytes);
  refused(folder / "m", folder / "m", "has the tensor 'x' of X8, which --packed cannot copy");
  const fs::path model = support::write_model(folder), config = model / "config.json";
  folder.write("model/config.json", R"({"quantization_config":{}})");
  refused(model, config, "has a quantization_config already, and --packed would replace it");
  for (const char* text : {"", "[]", R"({"x":Infinity})"}) {
    folder.write("model/config.json", text);
    refused(model, config, "is no JSON object, and --packed must write into it");
  }
}

BOOST_AUTO_TEST_CASE(a_stopped_run_goes_on_to_the_same_bits) {
  const temporary_folder folder;
  write_weights(folder / "file", {random_tensor("layers.0.q_proj.weight", dtype::f32, {9, 7}),
                                  random_tensor("layers.1.q_proj.weight", dtype::bf16, {9, 7}),
                                  random_tensor("head", dtype::bf16, {9, 7})});
  for (const fs::path& model : {fs::path(support::write_model(folder)), folder / "file"}) {
    settings s = packing(model, folder / "whole");
    s.masks = (folder / "masks").string();
    output_of(s);
    const auto whole = files_of(s.out);
    const std::string masks = read_bytes(s.masks);
    s.out = (folder / "out").string();
    int stopped = 0;
    for (int stop_after = 0; stop_after < 50; ++stop_after) {
      fs::remove(s.masks);
      s.resume = false;
      int asked = 0;
      tamp_prune::surroundings around;
      around.is_stopped = [&] { return asked++ >= stop_after; };
      if (support::result_of(s, around).code == 130) {
        ++stopped;
        BOOST_TEST(!fs::exists(s.out));
        s.resume = true;
        output_of(s);
      }
      BOOST_TEST((files_of(s.out) == whole), "after " << stop_after);
      BOOST_TEST(read_bytes(s.masks) == masks);
      BOOST_TEST(!fs::exists(s.out + ".unfinished"));
      fs::remove_all(s.out);
    }
    BOOST_TEST((stopped > 10 && stopped < 50));
    fs::remove_all(folder / "whole");
  }
}

BOOST_AUTO_TEST_CASE(files_that_are_packed_are_not_packed_again) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  settings s = packing(model, folder / "out");
  const fs::path first = s.out + ".unfinished/packed/model-00001-of-00002.safetensors";
  tamp_prune::surroundings around;
  around.is_stopped = [&] { return fs::exists(first); };
  BOOST_TEST(support::result_of(s, around).code == 130);
  std::string changed = read_bytes(first);
  changed.back() = static_cast<char>(changed.back() ^ 1);
  folder.write("out.unfinished/packed/model-00001-of-00002.safetensors", changed);
  s.resume = true;
  s.packed = false;
  check_error<file_error>(fs::canonical(s.out + ".unfinished").string() +
                              ": was begun with the layout packed instead of dense; go on with the "
                              "options it was begun with, or remove it",
                          [&] { output_of(s); });
  s.packed = true;
  output_of(s);
  BOOST_TEST((read_bytes(folder / "out/model-00001-of-00002.safetensors") == changed));
}

// A run that was stopped after its last step: what is in its place is not packed again.
BOOST_AUTO_TEST_CASE(an_output_that_is_in_its_place) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  settings s = packing(model, folder / "out");
  s.report = (folder / "none/report").string();
  fs::create_directory(folder / "none");
  tamp_prune::surroundings around;
  around.on_begin = [&] { fs::remove(folder / "none"); };
  BOOST_CHECK_THROW(output_of(s, around), file_error);
  BOOST_TEST((fs::exists(s.out) && fs::exists(s.out + ".unfinished")));
  const auto whole = files_of(s.out);
  s.report = (folder / "report").string();
  s.resume = true;
  output_of(s);
  BOOST_TEST((files_of(s.out) == whole));
  BOOST_TEST(fs::exists(s.report));
  BOOST_TEST(!fs::exists(s.out + ".unfinished"));
}

BOOST_AUTO_TEST_SUITE_END()
