#include <tamp/io/detail/replaced_file.hpp>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tamp/io/safetensors.hpp>

#include "../../support/errors.hpp"
#include "../files.hpp"

BOOST_AUTO_TEST_SUITE(io_detail_replaced_file)

namespace fs = std::filesystem;
using support::check_error;
using support::read_bytes;
using support::temporary_folder;
using tamp::file_error;
using tamp::detail::replaced_file;

namespace {

void replace(const fs::path& path, std::string_view text) {
  replaced_file file(path);
  file.open(text);
  file.commit();
}

unsigned mode_of(const fs::path& path) {
  return static_cast<unsigned>(fs::status(path).permissions());
}

// Files may have this many bytes at most, as on a disk that is nearly full.
class small_disk {
 public:
  explicit small_disk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~small_disk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;

 private:
  void (*handler_)(int);
  rlimit before_{};
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_appears_and_is_replaced_by_commit) {
  const temporary_folder folder;
  replace(folder / "a", "one");
  BOOST_TEST(read_bytes(folder / "a") == "one");
  replaced_file file(folder / "a");
  BOOST_TEST(folder.count() == 1u);
  file.open(std::string_view("two"));
  file.write(5, std::as_bytes(std::span("67", 2)));
  file.write(3, std::as_bytes(std::span("45", 2)));
  BOOST_TEST(read_bytes(folder / "a") == "one");
  BOOST_TEST(folder.count() == 2u);
  file.commit();
  BOOST_TEST(read_bytes(folder / "a") == "two4567");
  BOOST_TEST(folder.count() == 1u);
  check_error<file_error>((folder / "a").string() + ": has been committed before",
                          [&] { file.commit(); });
}

BOOST_AUTO_TEST_CASE(large_and_small_pieces_land_where_they_belong) {
  const temporary_folder folder;
  const std::string large(100'000, 'l');
  replaced_file file(folder / "a");
  file.open(std::string_view("head"));
  std::string expected = "head";
  for (const std::string& piece : {std::string("s"), large, std::string("tt"), large + large,
                                   std::string(65'536, 'b'), std::string("u")}) {
    file.write(expected.size(), std::as_bytes(std::span(piece)));
    expected += piece;
  }
  file.commit();
  BOOST_TEST((read_bytes(folder / "a") == expected));
}

BOOST_AUTO_TEST_CASE(symbolic_links_stay_and_their_target_is_replaced) {
  const temporary_folder folder;
  fs::create_directory(folder / "far");
  folder.write("far/target", "old");
  fs::create_symlink("far/target", folder / "link");
  fs::create_symlink("link", folder / "second");
  fs::create_symlink(folder / "far" / "missing", folder / "dangling");
  replace(folder / "second", "new");
  BOOST_TEST(fs::is_symlink(folder / "second"));
  BOOST_TEST(fs::is_symlink(folder / "link"));
  BOOST_TEST(read_bytes(folder / "far" / "target") == "new");
  replace(folder / "dangling", "made");
  BOOST_TEST(fs::is_symlink(folder / "dangling"));
  BOOST_TEST(read_bytes(folder / "far" / "missing") == "made");
  fs::create_symlink("loop", folder / "loop");
  BOOST_CHECK_THROW(replace(folder / "loop", "x"), file_error);
  BOOST_TEST(fs::is_symlink(folder / "loop"));
}

BOOST_AUTO_TEST_CASE(permissions_are_kept) {
  const temporary_folder folder;
  for (const unsigned mode : {0600u, 0644u, 0755u, 0444u}) {
    folder.write("a", "old");
    fs::permissions(folder / "a", static_cast<fs::perms>(mode));
    replace(folder / "a", "new");
    BOOST_TEST(mode_of(folder / "a") == mode);
    BOOST_TEST(read_bytes(folder / "a") == "new");
  }
  const auto mask = ::umask(027);
  replace(folder / "fresh", "new");
  ::umask(mask);
  BOOST_TEST(mode_of(folder / "fresh") == 0640u);
}

BOOST_AUTO_TEST_CASE(the_owner_is_kept_where_the_system_allows_it) {
  if (::geteuid() != 0) return;  // only root gives files away
  const temporary_folder folder;
  folder.write("a", "old");
  BOOST_TEST_REQUIRE(::chown((folder / "a").c_str(), 1234, 4321) == 0);
  replace(folder / "a", "new");
  struct ::stat status{};
  BOOST_TEST_REQUIRE(::stat((folder / "a").c_str(), &status) == 0);
  BOOST_TEST(status.st_uid == 1234u);
  BOOST_TEST(status.st_gid == 4321u);
}

BOOST_AUTO_TEST_CASE(what_is_no_regular_file_is_never_replaced) {
  const temporary_folder folder;
  fs::create_directory(folder / "folder");
  BOOST_TEST_REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  fs::create_symlink("/dev/null", folder / "link");
  const auto refused = [&](const fs::path& path, std::string_view kind) {
    check_error<file_error>(path.string() + ": cannot be written: it is a " + std::string(kind) +
                                ", and only regular files are replaced",
                            [&] { replace(path, "x"); });
  };
  refused(folder / "folder", "folder");
  refused(folder / "pipe", "pipe");
  refused(folder / "link", "device");
  refused("/dev/null", "device");
  BOOST_TEST(fs::is_character_file("/dev/null"));
  BOOST_TEST(folder.count() == 3u);
  check_error<file_error>(
      (folder / "missing" / "").string() + ": cannot be written: the name is that of no file",
      [&] { replace(folder / "missing" / "", "x"); });
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_an_error_and_the_old_file_stays) {
  const temporary_folder folder;
  folder.write("a", "old");
  const std::string path = (folder / "a").string();
  {
    const small_disk full(1000);
    for (const std::size_t size : {2'000u, 100'000u}) {
      const std::string text(size, 'x');
      check_error<file_error>(path + ": cannot be written: File too large",
                              [&] { replace(path, text); });
      BOOST_TEST(folder.count() == 1u);
    }
    using tamp::io::dtype;
    BOOST_CHECK_THROW(([&] {
                        tamp::io::safetensors_writer out(path, {{"w", dtype::u8, {5000}}});
                        const std::string bytes(100, 'x');
                        for (int k = 0; k < 50; ++k)
                          out.write_bytes("w", std::as_bytes(std::span(bytes)));
                        out.commit();
                      }()),
                      file_error);
  }
  BOOST_TEST(folder.count() == 1u);
  BOOST_TEST(read_bytes(path) == "old");
}

// A killed process holds no lock; one that still writes does.
BOOST_AUTO_TEST_CASE(what_killed_runs_left_behind_is_removed) {
  const temporary_folder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    auto* abandoned = new replaced_file(folder / "a");
    abandoned->open(std::string_view("half"));
    ::kill(::getpid(), SIGKILL);
  }
  BOOST_TEST_REQUIRE(child > 0);
  ::waitpid(child, nullptr, 0);
  BOOST_TEST(folder.count() == 1u);  // its partial file
  folder.write("a.partial-1234567890", "by an earlier version");
  folder.write("a.partial-notes", "by a person");
  folder.write("a.partial-", "by a person");
  folder.write("ab.partial-12", "of another file");
  fs::create_directory(folder / "a.partial-7");

  replaced_file busy(folder / "a");
  busy.open(std::string_view("busy"));
  BOOST_TEST(folder.count() == 5u);
  replace(folder / "a", "whole");
  BOOST_TEST(folder.count() == 6u);
  BOOST_TEST(read_bytes(folder / "a") == "whole");
  busy.commit();
  BOOST_TEST(read_bytes(folder / "a") == "busy");
  BOOST_TEST(folder.count() == 5u);
  for (const char* name : {"a.partial-notes", "a.partial-", "ab.partial-12", "a.partial-7"})
    BOOST_TEST(fs::exists(folder / name), name);
}

BOOST_AUTO_TEST_CASE(the_folder_may_change_between_open_and_commit) {
  const temporary_folder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder / "");
  replaced_file file("a");
  file.open(std::string_view("text"));
  fs::current_path(before);
  file.commit();
  BOOST_TEST(read_bytes(folder / "a") == "text");
}

BOOST_AUTO_TEST_SUITE_END()
