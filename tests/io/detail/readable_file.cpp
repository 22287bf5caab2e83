#include <tamp/io/detail/readable_file.hpp>

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "../../support/errors.hpp"
#include "../files.hpp"

#if __has_include(<sys/stat.h>)
#  include <sys/stat.h>
#endif

BOOST_AUTO_TEST_SUITE(io_detail_readable_file)

using support::check_error;
using support::temporary_folder;
using tamp::file_error;
using tamp::detail::readable_file;

namespace {

std::string read(const readable_file& file, std::uint64_t offset, std::size_t count) {
  std::string text(count, '?');
  file.read(offset, std::as_writable_bytes(std::span(text)));
  return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(any_part_of_a_file_in_any_order) {
  const temporary_folder folder;
  const std::string contents("one\0two\n\r\n", 10);
  const readable_file file(folder.write("file", contents));
  BOOST_TEST(file.size() == 10u);
  BOOST_TEST(file.name() == (folder / "file").string());
  for (std::size_t offset = contents.size() + 1; offset-- > 0;)
    for (std::size_t count = 0; count <= contents.size() - offset; ++count)
      BOOST_TEST((read(file, offset, count) == contents.substr(offset, count)));
}

BOOST_AUTO_TEST_CASE(bytes_that_are_not_there_are_refused) {
  const temporary_folder folder;
  const readable_file file(folder.write("file", "12345"));
  const std::string path = file.name();
  check_error<file_error>(path + ": has 5 bytes; 3 from byte 3 on cannot be read",
                          [&] { read(file, 3, 3); });
  check_error<file_error>(path + ": has 5 bytes; 0 from byte 6 on cannot be read",
                          [&] { read(file, 6, 0); });
  check_error<file_error>(
      path + ": has 5 bytes; 1 from byte 18446744073709551615 on cannot be read",
      [&] { read(file, ~std::uint64_t{0}, 1); });
  const readable_file empty(folder.write("empty", ""));
  BOOST_TEST(empty.size() == 0u);
  BOOST_TEST(read(empty, 0, 0).empty());
}

// The part of 2^32 bytes that is a hole takes no room on the disk.
BOOST_AUTO_TEST_CASE(offsets_may_be_larger_than_32_bits) {
  const temporary_folder folder;
  const std::string path = folder.write("large", "begin");
  constexpr std::uint64_t end = (std::uint64_t{1} << 32) + 7;
  std::error_code problem;
  std::filesystem::resize_file(path, end, problem);
  if (problem) return;  // such files are too large here
  std::fstream(path, std::ios::binary | std::ios::in | std::ios::out | std::ios::ate) << "end";
  const readable_file file(path);
  BOOST_TEST(file.size() == end + 3);
  BOOST_TEST(read(file, end, 3) == "end");
  BOOST_TEST(read(file, 0, 5) == "begin");
}

BOOST_AUTO_TEST_CASE(a_moved_file_can_be_read_from_its_new_place) {
  const temporary_folder folder;
  readable_file a(folder.write("a", "aaaa"));
  readable_file b(std::move(a));
  BOOST_TEST(read(b, 1, 2) == "aa");
  readable_file c(folder.write("c", "cc"));
  c = std::move(b);
  BOOST_TEST(c.size() == 4u);
  BOOST_TEST(c.name() == (folder / "a").string());
  BOOST_TEST(read(c, 0, 4) == "aaaa");
  std::vector<readable_file> many;
  for (int k = 0; k < 20; ++k)
    many.emplace_back(folder.write(std::to_string(k), std::to_string(k)));
  for (int k = 0; k < 20; ++k)
    BOOST_TEST(read(many[static_cast<std::size_t>(k)], 0, 1) == std::to_string(k).substr(0, 1));
  static_assert(!std::is_copy_constructible_v<readable_file>);
}

BOOST_AUTO_TEST_CASE(threads_read_at_the_same_time) {
  const temporary_folder folder;
  std::string contents;
  for (int k = 0; k < 1000; ++k) contents += std::to_string(1000 + k);
  const readable_file file(folder.write("file", contents));
  std::array<bool, 4> fine{};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < fine.size(); ++t)
    threads.emplace_back([&, t] {
      fine[t] = true;
      for (std::size_t k = t; k < 1000; k += fine.size())
        fine[t] = fine[t] && read(file, 4 * k, 4) == std::to_string(1000 + k);
    });
  for (std::thread& thread : threads) thread.join();
  for (const bool is_fine : fine) BOOST_TEST(is_fine);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_replaced_or_removed_can_still_be_read) {
  const temporary_folder folder;
  const readable_file file(folder.write("file", "old"));
  std::filesystem::rename(folder.write("new", "new!"), folder / "file");
  BOOST_TEST(read(file, 0, 3) == "old");
}

BOOST_AUTO_TEST_CASE(a_file_that_becomes_shorter_is_refused_where_it_ends) {
  const temporary_folder folder;
  const std::string path = folder.write("file", "123456");
  const readable_file file(path);
  std::filesystem::resize_file(path, 4);
  BOOST_TEST(read(file, 1, 3) == "234");
  check_error<file_error>(path + ": ends at byte 4; it has become shorter",
                          [&] { read(file, 2, 4); });
}

BOOST_AUTO_TEST_CASE(what_is_no_readable_file_is_refused) {
  const temporary_folder folder;
  const std::string missing = (folder / "missing").string();
  check_error<file_error>(missing + ": cannot be opened: No such file or directory",
                          [&] { readable_file{missing}; });
  std::filesystem::create_directory(folder / "folder");
  const std::string directory = (folder / "folder").string();
  check_error<file_error>(directory + ": is not a regular file", [&] { readable_file{directory}; });
#if __has_include(<sys/stat.h>)
  const std::string pipe = (folder / "pipe").string();  // opening it must not wait for a writer
  BOOST_TEST(::mkfifo(pipe.c_str(), 0600) == 0);
  check_error<file_error>(pipe + ": is not a regular file", [&] { readable_file{pipe}; });
#endif
}

BOOST_AUTO_TEST_SUITE_END()
