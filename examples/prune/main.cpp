// tamp_prune: a model goes in, a pruned model comes out.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <new>
#include <string_view>
#include <tamp/error.hpp>

#include "run.hpp"
#include "sentences.hpp"
#include "settings.hpp"
#include "team.hpp"

namespace {

// Before anything is written, a signal ends the program at once. Then it stops between two layers,
// and a second signal ends it at once, which --resume copes with just as well.
std::atomic<bool> has_begun = false, is_stopped = false;
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void stop(int signal) {
  if (!has_begun) {
    constexpr std::string_view text = "\nStopped. Nothing was written.\n";
    static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
    std::_Exit(130);
  }
  is_stopped = true;
  std::signal(signal, SIG_DFL);
}

// A file that is opened while a standard stream is closed would get its number, and what is printed.
void occupy_standard_streams() {
  for (int number = 0; number <= 2; ++number)
    if (::fcntl(number, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) < 0) std::_Exit(EXIT_FAILURE);
}

int failed(std::string_view sentence) {
  fmt::print(stderr, "tamp_prune: {}\n", tamp_prune::printable(sentence));
  return EXIT_FAILURE;
}

// Returns work(). What it throws becomes a tamp::error.
int in_own_words(const auto& work) {
  try {
    return work();
  } catch (const tamp::error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw tamp::error(
        "the memory does not suffice: two layers must fit into it, or one with --memory, and with "
        "--text the model as floats");
  } catch (const std::filesystem::filesystem_error& problem) {
    throw tamp::error(fmt::format("{}: {}", problem.path1().string(), problem.code().message()));
  } catch (const std::exception& problem) {
    throw tamp::error(problem.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  using namespace tamp_prune;
  occupy_standard_streams();
  const settings s = parse(argc, argv);
  std::signal(SIGINT, stop);
  std::signal(SIGTERM, stop);
  std::signal(SIGXFSZ, SIG_IGN);  // what goes beyond `ulimit -f` fails with a sentence instead
  try {
    surroundings around;
    around.ranks = team::of_launcher();
    around.on_begin = [] { has_begun = true; };
    around.is_stopped = [] { return is_stopped.load(); };
    int code = EXIT_FAILURE;
    try {
      around.ranks.collectively([&] { code = in_own_words([&] { return run(s, around); }); });
    } catch (const tamp::error& problem) {
      if (around.ranks.is_first()) failed(problem.what());
    }
    // A launcher ends all ranks when the first one fails: not before that is said, and without
    // another word.
    std::signal(SIGINT, SIG_IGN);
    std::signal(SIGTERM, SIG_IGN);
    around.ranks.all(true);
    return code;
  } catch (const std::exception& problem) {
    return failed(problem.what());
  }
}
