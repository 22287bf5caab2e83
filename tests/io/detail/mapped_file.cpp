#include <tamp/io/detail/mapped_file.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "../../support/errors.hpp"
#include "../files.hpp"

#if __has_include(<sys/stat.h>)
#  include <sys/stat.h>
#endif

BOOST_AUTO_TEST_SUITE(io_detail_mapped_file)

using support::check_error;
using support::temporary_folder;
using tamp::file_error;
using tamp::detail::mapped_file;

namespace {

std::string_view text(const mapped_file& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

}  // namespace

BOOST_AUTO_TEST_CASE(all_bytes_of_a_file_at_an_aligned_address) {
  const temporary_folder folder;
  const std::string contents("one\0two\n\r\n", 10);
  const mapped_file file(folder.write("file", contents));
  BOOST_TEST((text(file) == contents));
  BOOST_TEST(file.name() == (folder / "file").string());
  BOOST_TEST(reinterpret_cast<std::uintptr_t>(file.bytes().data()) % alignof(double) == 0u);
}

BOOST_AUTO_TEST_CASE(an_empty_file_has_no_bytes) {
  const temporary_folder folder;
  BOOST_TEST(mapped_file(folder.write("empty", "")).bytes().empty());
}

BOOST_AUTO_TEST_CASE(moving_keeps_the_bytes_where_they_are) {
  const temporary_folder folder;
  mapped_file a(folder.write("a", "aaaa"));
  const std::byte* where = a.bytes().data();
  mapped_file b(std::move(a));
  BOOST_TEST((b.bytes().data() == where));
  mapped_file c(folder.write("c", "cc"));
  c = std::move(b);
  BOOST_TEST((c.bytes().data() == where));
  BOOST_TEST(text(c) == "aaaa");
  static_assert(!std::is_copy_constructible_v<mapped_file>);
}

BOOST_AUTO_TEST_CASE(a_replaced_or_removed_file_can_still_be_read) {
  const temporary_folder folder;
  const mapped_file file(folder.write("file", "old"));
  std::filesystem::rename(folder.write("new", "new!"), folder / "file");
  BOOST_TEST(text(file) == "old");
  BOOST_TEST(text(mapped_file(folder / "file")) == "new!");
}

BOOST_AUTO_TEST_CASE(what_is_no_readable_file_is_refused) {
  const temporary_folder folder;
  const std::string missing = (folder / "missing").string();
  check_error<file_error>(missing + ": cannot be opened: No such file or directory",
                          [&] { mapped_file{missing}; });
  std::filesystem::create_directory(folder / "folder");
  const std::string directory = (folder / "folder").string();
  check_error<file_error>(directory + ": is not a regular file", [&] { mapped_file{directory}; });
#if __has_include(<sys/stat.h>)
  const std::string pipe = (folder / "pipe").string();  // opening it must not wait for a writer
  BOOST_TEST(::mkfifo(pipe.c_str(), 0600) == 0);
  check_error<file_error>(pipe + ": is not a regular file", [&] { mapped_file{pipe}; });
#endif
}

BOOST_AUTO_TEST_SUITE_END()
