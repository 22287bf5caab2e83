#include <tamp/io/safetensors_listing.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/io/detail/readable_file.hpp>
#include <tamp/io/safetensors_file.hpp>
#include <type_traits>
#include <utility>
#include <vector>

#include "../support/errors.hpp"
#include "files.hpp"

BOOST_AUTO_TEST_SUITE(io_safetensors_listing)

using support::bytes_of;
using support::check_error;
using support::temporary_folder;
using tamp::file_error;
using tamp::io::dtype;
using tamp::io::safetensors_file;
using tamp::io::safetensors_listing;

namespace {

std::string file_of(std::string_view header, std::string_view data) {
  return bytes_of(std::uint64_t{header.size()}) + std::string(header) + std::string(data);
}

// Not in the order of their bytes; a type that tamp does not know; no elements; no dimensions.
const std::string several =
    file_of(R"({"b":{"dtype":"F32","shape":[2,1],"data_offsets":[4,12]},)"
            R"("__metadata__":{"format":"pt","note":"\u00fc"},)"
            R"("new":{"dtype":"Q7_NEW","shape":[3],"data_offsets":[12,17]},)"
            R"("none":{"dtype":"BF16","shape":[0,7],"data_offsets":[4,4]},)"
            R"("a":{"dtype":"I32","shape":[],"data_offsets":[0,4]}})",
            "0123456789abcdefg");

// All that a file's header says, or the sentence that refuses it. The listing has places, the file
// has bytes: both as text from the whole file.
std::string as_text(std::string_view name, dtype type, std::string_view type_name,
                    const std::vector<std::size_t>& shape, std::string_view bytes) {
  std::string text = tamp::detail::sentence(name, ' ', static_cast<int>(type), ' ', type_name);
  for (const std::size_t extent : shape) text += tamp::detail::sentence(' ', extent);
  return tamp::detail::sentence(text, " <", bytes, ">\n");
}
std::string as_text(const std::map<std::string, std::string>& metadata) {
  std::string text;
  for (const auto& [key, value] : metadata) text += tamp::detail::sentence(key, '=', value, '\n');
  return text;
}
std::string listed(const std::string& path) {
  try {
    const safetensors_listing listing(path);
    const std::string whole = support::read_bytes(path);
    std::string text = as_text(listing.metadata());
    for (const auto& t : listing.tensors())
      text += as_text(t.name, t.type, t.type_name, t.shape, whole.substr(t.offset, t.length));
    return text;
  } catch (const file_error& problem) {
    return problem.what();
  }
}
std::string mapped(const std::string& path) {
  try {
    const safetensors_file file(path);
    std::string text = as_text(file.metadata());
    for (const auto& t : file.tensors())
      text += as_text(t.name, t.type, t.type_name, t.shape,
                      {reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size()});
    return text;
  } catch (const file_error& problem) {
    return problem.what();
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(tensors_and_metadata_by_hand) {
  const temporary_folder folder;
  const safetensors_listing listing(folder.write("several", several));
  const std::size_t data = several.size() - 17;
  const auto& tensors = listing.tensors();
  BOOST_REQUIRE(tensors.size() == 4u);
  BOOST_TEST(tensors[0].name == "a");
  BOOST_TEST((tensors[0].type == dtype::i32 && tensors[0].shape.empty()));
  BOOST_TEST((tensors[0].offset == data && tensors[0].length == 4u && tensors[0].size() == 1u));
  BOOST_TEST(tensors[1].name == "none");
  BOOST_TEST((tensors[1].type == dtype::bf16 && tensors[1].size() == 0u));
  BOOST_TEST((tensors[1].offset == data + 4 && tensors[1].length == 0u));
  BOOST_TEST(tensors[2].name == "b");
  BOOST_TEST((tensors[2].shape == std::vector<std::size_t>{2, 1}));
  BOOST_TEST((tensors[2].offset == data + 4 && tensors[2].length == 8u));
  BOOST_TEST(tensors[3].name == "new");
  BOOST_TEST((tensors[3].type == dtype::unknown && tensors[3].type_name == "Q7_NEW"));
  BOOST_TEST((tensors[3].offset == data + 12 && tensors[3].length == 5u));
  BOOST_TEST((listing.metadata() ==
              std::map<std::string, std::string>{{"format", "pt"}, {"note", "\xc3\xbc"}}));
}

BOOST_AUTO_TEST_CASE(an_open_file_can_be_listed) {
  const temporary_folder folder;
  const tamp::detail::readable_file file(folder.write("several", several));
  BOOST_TEST(safetensors_listing(file).tensors().size() == 4u);
}

BOOST_AUTO_TEST_CASE(a_moved_listing_keeps_the_names_of_types) {
  const temporary_folder folder;
  safetensors_listing a(folder.write("several", several));
  const safetensors_listing b(std::move(a));
  BOOST_TEST(b.tensors()[3].type_name == "Q7_NEW");
  static_assert(!std::is_copy_constructible_v<safetensors_listing>);
}

BOOST_AUTO_TEST_CASE(the_same_answers_as_the_mapped_file_gives) {
  const temporary_folder folder;
  for (const std::string& bytes :
       {several, file_of("{}", ""), file_of(R"({"__metadata__":{}} )", ""), std::string(),
        std::string("1234567"), bytes_of(~std::uint64_t{0}),
        bytes_of(std::uint64_t{100'000'001}) + "{}", file_of("[]", ""), file_of("{}", "x"),
        bytes_of(std::uint64_t{3}) + "{}"}) {
    const std::string path = folder.write("file", bytes);
    BOOST_TEST(listed(path) == mapped(path));
  }
  BOOST_TEST(listed((folder / "missing").string()) == mapped((folder / "missing").string()));
}

BOOST_AUTO_TEST_CASE(the_same_answers_for_damaged_files) {
  const temporary_folder folder;
  for (std::size_t length = 0; length < several.size(); ++length) {
    const std::string path = folder.write("cut", several.substr(0, length));
    BOOST_TEST(listed(path) == mapped(path), "cut off after " << length << " bytes");
    BOOST_CHECK_THROW(safetensors_listing{path}, file_error);
  }
  std::size_t refused = 0;
  support::damage(
      several,
      [&](const std::string& path) {
        const std::string answer = listed(path);
        BOOST_TEST(answer == mapped(path));
        if (answer.starts_with(path)) ++refused;
      },
      [](std::size_t) { return false; });
  BOOST_TEST(refused > 100u);
}

// The bytes behind the header are never read: a file of 2^40 bytes, nearly all of it a hole.
BOOST_AUTO_TEST_CASE(the_data_may_be_larger_than_the_memory) {
  const temporary_folder folder;
  const std::string header =
      R"({"w":{"dtype":"U8","shape":[1048576,1048576],"data_offsets":[0,1099511627776]}})";
  const std::string path = folder.write("large", file_of(header, ""));
  std::error_code problem;
  std::filesystem::resize_file(path, std::filesystem::file_size(path) + (std::uint64_t{1} << 40),
                               problem);
  if (problem) return;  // such files are too large here
  const safetensors_listing listing(path);
  BOOST_TEST(listing.tensors()[0].length == std::uint64_t{1} << 40);
  BOOST_TEST(listing.tensors()[0].offset == 8 + header.size());
}

BOOST_AUTO_TEST_SUITE_END()
