#pragma once

// The check of a broken precondition in a debug build: a sentence, and the end of the program.

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>

#if !defined(NDEBUG) && defined(__unix__)
#  include <sys/wait.h>
#  include <unistd.h>

#  include <csignal>
#endif

namespace support {

/// Runs `body` in a process of its own. It must print "tamp: SENTENCE" and abort; where
/// preconditions are not checked, it is not run.
template <class Body>
void check_aborts([[maybe_unused]] std::string_view sentence, [[maybe_unused]] Body&& body) {
#if !defined(NDEBUG) && defined(__unix__)
  int ends[2];
  BOOST_REQUIRE(::pipe(ends) == 0);
  const ::pid_t child = ::fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    ::dup2(ends[1], STDERR_FILENO);
    std::signal(SIGABRT, SIG_DFL);
    body();
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string said;
  char part[256];
  for (::ssize_t size; (size = ::read(ends[0], part, sizeof part)) > 0;)
    said.append(part, static_cast<std::size_t>(size));
  ::close(ends[0]);
  int status = 0;
  BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
  BOOST_TEST((WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT));
  BOOST_TEST(said == "tamp: " + std::string(sentence) + '\n');
#endif
}

}  // namespace support
