// The files of a model, and the tensors in them.
#include <prune/model_files.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "models.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_model_files)

namespace fs = std::filesystem;
using support::check_error;
using support::dtype;
using support::random_tensor;
using support::temporary_folder;
using tamp::file_error;
using tamp_prune::find_model;
using tamp_prune::model_files;
using tamp_prune::number;

namespace {

std::string listed(const std::vector<fs::path>& paths) {
  std::string text;
  for (const fs::path& path : paths) text += path.string() + ' ';
  return text;
}
void check_refused(const fs::path& model, const std::string& sentence) {
  check_error<file_error>(sentence, [&] { find_model(model); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_folder_has_shards_and_other_files) {
  const temporary_folder folder;
  const fs::path path = support::write_model(folder);
  const model_files model = find_model(path);
  BOOST_TEST(model.is_folder);
  BOOST_TEST(listed(model.weights) ==
             "model-00001-of-00002.safetensors model-00002-of-00002.safetensors ");
  BOOST_TEST(listed(model.others) ==
             "config.json model.safetensors.index.json tokenizer/vocabulary.txt ");
  BOOST_TEST(model.bytes() == fs::file_size(model.path_of(0)) + fs::file_size(model.path_of(1)));
  // Shard by shard, in the order of the bytes, which is that of the sizes of types.
  std::string names;
  for (const auto& t : model.tensors) names += t.name.substr(t.name.find('.') + 1) + ' ';
  BOOST_TEST(names ==
             "embed_tokens.weight layers.0.self_attn.q_proj.weight layers.0.input_layernorm.weight "
             "layers.0.mlp.down_proj.weight layers.0.mlp.down_proj.bias "
             "layers.1.self_attn.q_proj.weight layers.1.self_attn.v_proj.weight "
             "layers.1.mlp.gate.weight weight layers.1.mlp.up_proj.weight "
             "layers.1.self_attn.k_proj.weight ");
  const auto& down = model.tensors[3];
  BOOST_TEST((down.kind == number::bf16 && down.type == "BF16" && down.file == 0u));
  BOOST_TEST((down.shape == std::vector<std::size_t>{6, 8} && down.size() == 48u));
  BOOST_TEST(support::read_bytes(model.path_of(0)).substr(down.offset, down.length) ==
             support::bytes_in(path, down.name));
  BOOST_TEST((model.tensors[5].kind == number::f64 && model.tensors[5].file == 1u));
  BOOST_TEST((model.tensors[6].kind == number::f32 && model.tensors[6].size() == 0u));
  BOOST_TEST((model.tensors[9].kind == number::f16));
  BOOST_TEST((model.tensors[10].kind == number::other && model.tensors[10].type == "I8"));
}

BOOST_AUTO_TEST_CASE(a_file_of_any_name_is_a_model) {
  const temporary_folder folder;
  for (const char* name : {"model.safetensors", "no_extension", "a b\n\xff"}) {
    support::write_weights(folder / name, {random_tensor("w", dtype::f32, {2, 3})});
    const model_files model = find_model(folder / name);
    BOOST_TEST(!model.is_folder);
    BOOST_TEST((model.path_of(0) == folder / name));
    BOOST_TEST((model.others.empty() && model.tensors.size() == 1u));
  }
}

BOOST_AUTO_TEST_CASE(without_an_index_all_safetensors_files_of_the_folder_itself_count) {
  const temporary_folder folder;
  fs::create_directories(folder / "m/deeper");
  support::write_weights(folder / "m/b.safetensors", {random_tensor("b", dtype::f32, {2, 3})});
  support::write_weights(folder / "m/a.safetensors", {random_tensor("a", dtype::f32, {2, 3})});
  support::write_weights(folder / "m/deeper/c.safetensors",
                         {random_tensor("c", dtype::f32, {2, 3})});
  const model_files model = find_model(folder / "m");
  BOOST_TEST(listed(model.weights) == "a.safetensors b.safetensors ");
  BOOST_TEST(listed(model.others) == "deeper/c.safetensors ");
}

// As paths, "a/x" comes before "a-b"; as texts, it comes after.
BOOST_AUTO_TEST_CASE(shards_may_lie_in_folders_below) {
  const temporary_folder folder;
  fs::create_directories(folder / "m/a");
  const std::map<std::string, std::vector<support::stored>> shards{
      {"a-b.safetensors", {random_tensor("one", dtype::f32, {2, 3})}},
      {"a/x.safetensors", {random_tensor("two", dtype::f32, {2, 3})}}};
  for (const auto& [file, tensors] : shards) support::write_weights(folder / "m" / file, tensors);
  folder.write("m/model.safetensors.index.json", support::index_of(shards));
  folder.write("m/a.txt", "");
  const model_files model = find_model(folder / "m");
  BOOST_TEST(listed(model.weights) == "a/x.safetensors a-b.safetensors ");
  BOOST_TEST(listed(model.others) == "a.txt model.safetensors.index.json ");
}

BOOST_AUTO_TEST_CASE(links_are_followed_and_hidden_folders_are_left_out) {
  const temporary_folder folder;
  const fs::path path = support::write_model(folder);
  fs::create_directories(folder / "blobs");
  fs::create_directories(path / ".git");
  folder.write("model/.git/config", "");
  folder.write("model/.gitattributes", "");
  folder.write("blobs/template", "hello");
  fs::create_symlink("../blobs/template", path / "template.json");
  fs::create_directory_symlink("../blobs", path / "linked");
  BOOST_TEST(listed(find_model(path).others) ==
             ".gitattributes config.json linked/template model.safetensors.index.json "
             "template.json tokenizer/vocabulary.txt ");
}

BOOST_AUTO_TEST_CASE(links_to_nothing_and_in_circles_are_refused) {
  const temporary_folder folder;
  const fs::path path = support::write_model(folder);
  fs::create_symlink("nowhere", path / "lost.json");
  check_refused(path, (path / "lost.json").string() + ": is a link to nothing");
  fs::remove(path / "lost.json");
  fs::create_directory_symlink("..", path / "tokenizer/up");
  check_refused(path, (path / "tokenizer/up").string() + ": is a link to a folder that it lies in");
}

BOOST_AUTO_TEST_CASE(what_is_no_model_is_refused) {
  const temporary_folder folder;
  const std::string missing = (folder / "missing").string();
  check_refused(missing, missing + ": does not exist");
  fs::create_directory(folder / "empty");
  check_refused(folder / "empty", (folder / "empty").string() + ": has no safetensors file");
  folder.write("empty/model.bin", "x");
  check_refused(folder / "empty", (folder / "empty").string() + ": has no safetensors file");
  const std::string foreign = folder.write("foreign", std::string("PK\3\4\1\0\0\0\1\0\0\0", 12));
  check_refused(foreign, foreign +
                             ": is neither a GGUF file, which begins with GGUF, nor a safetensors "
                             "file, whose ninth byte is {");
  const std::string cut(": is cut off: it has ");
  for (const auto& [bytes, said] :
       {std::pair{std::string("GGUF"), "4 bytes"},
        std::pair{std::string("GGUF\3\0\0\0\1\0\0\0", 12), "12 bytes"}}) {
    const std::string path = folder.write("cut.gguf", bytes);
    check_refused(path, path + cut + said +
                            ", and already the beginning of a GGUF file, up to the numbers of its "
                            "tensors and metadata, has 24");
  }
  // Behind the beginning, where one of two pairs of metadata is missing.
  const std::string pairs =
      folder.write("pairs.gguf", std::string("GGUF\3\0\0\0\0\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 24));
  check_refused(pairs, pairs + ": a metadata key has 8 bytes at byte 24, but only 0 are left");
  const std::string little = folder.write("little", "G");
  check_refused(little, little + cut +
                            "1 byte, and is neither a GGUF file, which begins with GGUF, nor a "
                            "safetensors file, which begins with the eight bytes of its header's "
                            "length");
  const std::string nothing = folder.write("nothing", "");
  check_refused(nothing, nothing + ": is empty");
  const std::string below = folder.write("file", "x") + "/below";
  check_refused(below, below + ": does not exist");
}

BOOST_AUTO_TEST_CASE(names_that_are_not_valid_utf_8_are_refused) {
  const temporary_folder folder;
  // Version 3, one tensor, no metadata; its name of one byte, one dimension of 4 numbers, F32 at 0.
  std::string bytes("GGUF\3\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24);
  bytes += std::string("\1\0\0\0\0\0\0\0w\1\0\0\0\4\0\0\0\0\0\0\0", 21);
  bytes += std::string(12, '\0');
  bytes.resize(64 + 16);
  BOOST_TEST(find_model(folder.write("named.gguf", bytes)).tensors.size() == 1u);
  bytes[32] = '\xff';
  const std::string path = folder.write("unnamed.gguf", bytes);
  check_error<file_error>(path + ": has a tensor whose name is not valid UTF-8, number 0",
                          [&] { find_model(path); });
}

BOOST_AUTO_TEST_CASE(damaged_shards_are_refused_wherever_they_are_cut) {
  const temporary_folder folder;
  const fs::path path = support::write_model(folder);
  const std::string name = "model/model-00002-of-00002.safetensors",
                    whole = support::read_bytes(folder / name);
  for (std::size_t length = 0; length < whole.size(); length += 13) {
    folder.write(name, whole.substr(0, length));
    BOOST_CHECK_EXCEPTION(find_model(path), file_error, [&](const file_error& problem) {
      return std::string_view(problem.what()).starts_with((folder / name).string() + ": ");
    });
  }
}

BOOST_AUTO_TEST_CASE(an_index_that_contradicts_its_shards_is_refused) {
  const temporary_folder folder;
  const fs::path path = support::write_model(folder);
  const std::string index = (path / "model.safetensors.index.json").string();
  const auto refused = [&](std::string_view text, const std::string& sentence) {
    folder.write("model/model.safetensors.index.json", text);
    check_refused(path, index + ": " + sentence);
  };
  refused("", "the index is not valid JSON");
  refused("[]", "the index is not a JSON object");
  refused("{}", "has no weight_map");
  refused(R"({"weight_map":[]})", "has no weight_map");
  refused(R"({"weight_map":{"w":1}})", "gives tensor 'w' no file");
  refused(R"({"weight_map":{"w":"x","w":"x"}})", "the index has the key 'w' twice");
  refused(R"({"weight_map":{"w":"model-00003-of-00003.safetensors"}})",
          "names the shard model-00003-of-00003.safetensors, which is not there");
  refused(R"({"weight_map":{"w":"../model/model-00001-of-00002.safetensors"}})",
          "names the shard ../model/model-00001-of-00002.safetensors, which is not there");
  refused(
      R"({"weight_map":{"w\u001b":"model-00001-of-00002.safetensors"}})",
      "says that tensor 'w\\x1b' is in model-00001-of-00002.safetensors, and it is in no shard");
  auto shards = support::shards_of_a_model();
  auto moved = shards;
  moved["model-00001-of-00002.safetensors"].push_back(
      moved["model-00002-of-00002.safetensors"].back());
  moved["model-00002-of-00002.safetensors"].pop_back();
  refused(support::index_of(moved),
          "says that tensor 'lm_head.weight' is in model-00001-of-00002.safetensors, and it is in "
          "model-00002-of-00002.safetensors");
  shards["model-00002-of-00002.safetensors"].pop_back();
  refused(support::index_of(shards),
          "does not name tensor 'lm_head.weight' of model-00002-of-00002.safetensors");
}

BOOST_AUTO_TEST_CASE(a_missing_shard_is_refused) {
  const temporary_folder folder;
  const fs::path path = support::write_model(folder);
  fs::remove(path / "model-00002-of-00002.safetensors");
  check_refused(path, (path / "model.safetensors.index.json").string() +
                          ": names the shard model-00002-of-00002.safetensors, which is not there");
}

BOOST_AUTO_TEST_CASE(a_tensor_in_two_files_is_refused) {
  const temporary_folder folder;
  fs::create_directory(folder / "m");
  for (const char* name : {"m/a.safetensors", "m/b.safetensors"})
    support::write_weights(folder / name, {random_tensor("w", dtype::f32, {2, 3})});
  check_refused(folder / "m", (folder / "m").string() +
                                  ": has the tensor 'w' in a.safetensors and in b.safetensors");
}

BOOST_AUTO_TEST_SUITE_END()
