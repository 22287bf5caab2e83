#include <tamp/mpi/ranks.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "support.hpp"

BOOST_AUTO_TEST_SUITE(mpi_ranks)

using support::check_error_on_all;
using tamp::detail::share_of_samples;
using tamp::mpi::ranks;
using tamp::mpi::sample_range;

BOOST_AUTO_TEST_CASE(shares_by_hand) {
  // 128 samples by 4 ranks are 16 groups of 8, of which each rank has 4.
  BOOST_TEST((share_of_samples(128, 0, 4) == sample_range{0, 32}));
  BOOST_TEST((share_of_samples(128, 3, 4) == sample_range{96, 32}));
  // 13 samples by 3 ranks are groups of one.
  BOOST_TEST((share_of_samples(13, 0, 3) == sample_range{0, 4}));
  BOOST_TEST((share_of_samples(13, 1, 3) == sample_range{4, 4}));
  BOOST_TEST((share_of_samples(13, 2, 3) == sample_range{8, 5}));
  // The last group may be smaller: 50 samples by 3 ranks are 12 groups of 4 and one of 2.
  BOOST_TEST((share_of_samples(50, 2, 3) == sample_range{32, 18}));
  // More ranks than samples.
  BOOST_TEST((share_of_samples(1, 0, 2) == sample_range{0, 0}));
  BOOST_TEST((share_of_samples(1, 1, 2) == sample_range{0, 1}));
  BOOST_TEST((share_of_samples(0, 1, 2) == sample_range{0, 0}));
}

BOOST_AUTO_TEST_CASE(shares_follow_each_other_and_are_all) {
  for (const std::uint64_t samples : {1u, 2u, 7u, 8u, 100u, 128u, 1000u})
    for (std::uint64_t size = 1; size < 20; ++size) {
      std::uint64_t next = 0;
      for (std::uint64_t rank = 0; rank < size; ++rank) {
        const sample_range share = share_of_samples(samples, rank, size);
        BOOST_TEST(share.first == next);
        next += share.count;
      }
      BOOST_TEST(next == samples);
    }
  // No overflow with many samples.
  const std::uint64_t many = std::uint64_t{1} << 63;
  BOOST_TEST(share_of_samples(many, 7, 8).first + share_of_samples(many, 7, 8).count == many);
}

BOOST_AUTO_TEST_CASE(what_one_rank_has_all_get) {
  const ranks where(MPI_COMM_WORLD);
  const std::size_t last = where.size() - 1;
  std::string text = where.rank() == last ? "the last" : "";
  where.broadcast(last, text);
  BOOST_TEST(text == "the last");
  std::vector<double> numbers;
  if (where.rank() == 0) numbers = {1, 2};
  where.broadcast(0, numbers);
  BOOST_TEST(numbers == (std::vector<double>{1, 2}), boost::test_tools::per_element());
  BOOST_TEST(where.sum(where.rank() + 1) == where.size() * (where.size() + 1) / 2);
  BOOST_TEST(where.all(true));
  BOOST_TEST(!where.all(where.rank() != last));

  const auto texts = where.gather(std::to_string(where.rank()));
  BOOST_TEST(texts.size() == (where.rank() == 0 ? where.size() : 0));
  for (std::size_t r = 0; r < texts.size(); ++r) BOOST_TEST(texts[r] == std::to_string(r));
}

BOOST_AUTO_TEST_CASE(an_error_on_one_rank_is_one_on_all) {
  const ranks where(MPI_COMM_WORLD);
  const std::size_t last = where.size() - 1;
  check_error_on_all<tamp::shape_error>(where, last, "3 columns", [&] {
    where.together([&] {
      if (where.rank() == last) tamp::detail::raise<tamp::shape_error>(3, " columns");
    });
  });
  // Other exceptions are tamp::error on the other ranks, and themselves on their own.
  check_error_on_all<std::runtime_error>(where, last, "no luck", [&] {
    where.together([&] {
      if (where.rank() == last) throw std::runtime_error("no luck");
    });
  });
  // The lowest of several is named.
  try {
    where.together([] { tamp::detail::raise<tamp::value_error>("bad"); });
    BOOST_ERROR("nothing was refused");
  } catch (const tamp::value_error& e) {
    BOOST_TEST(e.what() == std::string(where.rank() == 0 ? "bad" : "rank 0: bad"));
  }
  BOOST_TEST(where.all(true));
}

BOOST_AUTO_TEST_CASE(a_body_that_fails_between_two_collective_calls_leaves_none_waiting) {
  const ranks where(MPI_COMM_WORLD);
  const std::size_t last = where.size() - 1;
  for (const int step : {0, 1, 2})
    check_error_on_all<tamp::file_error>(where, last, "full", [&] {
      where.collectively([&] {
        for (int k = 0; k < 2; ++k) {
          if (where.rank() == last && k == step) tamp::detail::raise<tamp::file_error>("full");
          where.sum(1);
        }
        if (where.rank() == last) tamp::detail::raise<tamp::file_error>("full");
      });
    });
  bool done = false;
  where.collectively([&] { done = where.all(true); });
  BOOST_TEST(done);
}

BOOST_AUTO_TEST_SUITE_END()
