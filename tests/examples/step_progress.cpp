// The progress of a job of several steps: a bar on a terminal, elsewhere a line for each step.
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <study/step_progress.hpp>

BOOST_AUTO_TEST_SUITE(examples_step_progress)

namespace {

// What is written to the standard error goes to another file for a while.
class redirected {
 public:
  explicit redirected(int to) : before_(::dup(STDERR_FILENO)) {
    std::fflush(stderr);
    ::dup2(to, STDERR_FILENO);
  }
  ~redirected() {
    std::fflush(stderr);
    ::dup2(before_, STDERR_FILENO);
    ::close(before_);
  }

 private:
  int before_;
};

void do_two_steps() {
  study::step_progress steps(2);
  steps.begin("loading");
  steps.show(0.5);
  steps.begin("judging");
  steps.show(0.25);
  steps.show(1);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_gets_a_line_for_each_step) {
  const auto path =
      std::filesystem::temp_directory_path() / ("tamp_step_progress_" + std::to_string(::getpid()));
  const int file = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
  BOOST_TEST_REQUIRE(file >= 0);
  {
    const redirected to_file(file);
    do_two_steps();
  }
  ::close(file);
  std::ifstream written(path);
  BOOST_TEST((std::string{std::istreambuf_iterator<char>(written), {}}) ==
             "step 1 of 2, loading\nstep 2 of 2, judging\n");
  std::filesystem::remove(path);
}

BOOST_AUTO_TEST_CASE(a_terminal_shows_the_part_of_all_steps_that_is_done) {
  const int reader = ::posix_openpt(O_RDWR | O_NOCTTY);
  BOOST_TEST_REQUIRE(reader >= 0);
  BOOST_TEST_REQUIRE((::grantpt(reader) == 0 && ::unlockpt(reader) == 0));
  const int terminal = ::open(::ptsname(reader), O_RDWR | O_NOCTTY);
  BOOST_TEST_REQUIRE(terminal >= 0);
  {
    const redirected to_terminal(terminal);
    do_two_steps();
  }
  // Thirty signs are the whole: half of a step of two is a quarter.
  const auto bar = [](std::size_t filled, const std::string& text) {
    return "\r\x1b[K[" + std::string(filled, '#') + std::string(30 - filled, '.') + "] " + text;
  };
  const std::string expected =
      bar(0, "step 1 of 2, loading: 0 %") + bar(7, "step 1 of 2, loading: 50 %") +
      bar(15, "step 2 of 2, judging: 0 %") + bar(18, "step 2 of 2, judging: 25 %") +
      bar(30, "step 2 of 2, judging: 100 %") + "\r\x1b[K";
  std::string written;
  pollfd arrives{reader, POLLIN, 0};
  while (written.size() < expected.size() && ::poll(&arrives, 1, 10'000) == 1) {
    char part[256];
    const auto got = ::read(reader, part, sizeof part);
    BOOST_TEST_REQUIRE(got > 0);
    written.append(part, static_cast<std::size_t>(got));
  }
  BOOST_TEST(written == expected);
  ::close(terminal);
  ::close(reader);
}

BOOST_AUTO_TEST_SUITE_END()
