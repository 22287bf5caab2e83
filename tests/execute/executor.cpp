#include <tamp/execute/executor.hpp>

#include <boost/test/unit_test.hpp>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "../support/errors.hpp"
#include "loop_checks.hpp"

BOOST_AUTO_TEST_SUITE(execute_executor)

namespace {

// A host's thread pool as hosts write them: it knows tasks and nothing of tamp.
class pool {
 public:
  explicit pool(std::size_t size) {
    for (std::size_t k = 0; k < size; ++k) workers_.emplace_back([this] { work(); });
  }
  ~pool() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    changed_.notify_all();
    for (auto& worker : workers_) worker.join();
  }
  std::size_t size() const { return workers_.size(); }

  void submit(std::function<void()> task) {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    changed_.notify_one();
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return closing_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      const auto task = std::move(tasks_.back());
      tasks_.pop_back();
      lock.unlock();
      task();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::function<void()>> tasks_;
  std::vector<std::thread> workers_;
  bool closing_ = false;
};

// The member that makes it an executor.
struct on_pool {
  pool* threads;

  template <class Body>
  void for_each_range(std::size_t count, Body&& body) const {
    const std::size_t length = count / (4 * threads->size()) + 1;
    const std::size_t parts = (count + length - 1) / length;
    std::mutex mutex;
    std::condition_variable finished;
    std::size_t running = parts;
    std::exception_ptr thrown;
    for (std::size_t begin = 0; begin < count; begin += length)
      threads->submit([&, begin] {
        std::exception_ptr mine;
        try {
          body(begin, begin + length < count ? begin + length : count);
        } catch (...) {
          mine = std::current_exception();
        }
        const std::lock_guard lock(mutex);
        if (mine) thrown = mine;
        if (--running == 0) finished.notify_one();
      });
    std::unique_lock lock(mutex);
    finished.wait(lock, [&] { return running == 0; });
    if (thrown) std::rethrow_exception(thrown);
  }
};

struct one_by_one {  // as fine as it gets, and backwards
  void for_each_range(std::size_t count, const auto& body) const {
    while (count-- > 0) body(count, count + 1);
  }
};

struct without_a_loop {};
struct that_only_works_when_not_const {
  template <class Body>
  void for_each_range(std::size_t, Body&&) {}
};
struct with_a_loop_over_indices {
  void for_each_range(std::size_t, void (*)(std::size_t)) const {}
};

const std::size_t pool_sizes[] = {1, 2, 3, 8};

}  // namespace

BOOST_AUTO_TEST_CASE(what_runs_ranges_is_an_executor) {
  static_assert(tamp::executor<on_pool> && tamp::executor<one_by_one>);
  static_assert(!tamp::executor<pool> && !tamp::executor<without_a_loop>);
  static_assert(!tamp::executor<that_only_works_when_not_const>);
  static_assert(!tamp::executor<with_a_loop_over_indices> && !tamp::executor<int>);
}

BOOST_AUTO_TEST_CASE(a_hosts_pool_visits_every_index_exactly_once) {
  for (const auto size : pool_sizes) {
    pool threads(size);
    checks::visits_every_index_exactly_once(on_pool{&threads});
  }
}

BOOST_AUTO_TEST_CASE(exceptions_come_out_of_a_hosts_pool) {
  for (const auto size : pool_sizes) {
    pool threads(size);
    checks::lets_exceptions_out_and_works_afterwards(on_pool{&threads});
  }
}

BOOST_AUTO_TEST_CASE(ranges_may_be_of_one_index_and_in_any_order) {
  checks::visits_every_index_exactly_once(one_by_one{});
  checks::lets_exceptions_out_and_works_afterwards(one_by_one{});
}

namespace {

// Runs what it was told to run, whatever it was asked.
struct told {
  std::vector<std::pair<std::size_t, std::size_t>> ranges;
  void for_each_range(std::size_t, const auto& body) const {
    for (const auto& [begin, end] : ranges) body(begin, end);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(an_executor_that_does_not_run_all_ranges_is_refused) {
  std::vector<int> runs;
  const auto run = [&](std::vector<std::pair<std::size_t, std::size_t>> ranges) {
    runs.assign(8, 0);
    tamp::detail::for_each_range(told{ranges}, 8, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) ++runs.at(i);
    });
  };
  run({{5, 8}, {2, 2}, {0, 5}});
  BOOST_TEST(runs == std::vector<int>(8, 1), boost::test_tools::per_element());
  support::check_error<tamp::value_error>("the executor ran 0 of 8 indices", [&] { run({}); });
  support::check_error<tamp::value_error>("the executor ran 7 of 8 indices",
                                          [&] { run({{0, 3}, {4, 8}}); });
  support::check_error<tamp::value_error>("the executor ran 16 of 8 indices",
                                          [&] { run({{0, 8}, {0, 8}}); });
  support::check_error<tamp::value_error>("the executor runs the range from 3 to 9 of 8",
                                          [&] { run({{0, 3}, {3, 9}}); });
  support::check_error<tamp::value_error>("the executor runs the range from 5 to 4 of 8",
                                          [&] { run({{5, 4}}); });
  support::check_error<tamp::value_error>(
      "the executor ran some of 8 indices twice, and left out others",
      [&] { run({{0, 4}, {0, 4}}); });
  support::check_error<tamp::value_error>(
      "the executor ran some of 8 indices twice, and left out others",
      [&] { run({{0, 3}, {2, 4}, {5, 8}}); });
}

BOOST_AUTO_TEST_SUITE_END()
