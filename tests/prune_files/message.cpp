// Messages from rank to rank.
#include <prune/message.hpp>

#include <bit>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <tamp/error.hpp>
#include <vector>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_message)

using tamp_prune::message;

BOOST_AUTO_TEST_CASE(what_is_added_is_taken_in_the_same_order_to_the_bit) {
  const std::vector<double> numbers{-0.0, 0.1, std::numeric_limits<double>::denorm_min()};
  message sent;
  sent.add(std::uint64_t{1} << 63);
  sent.add(numbers);
  sent.add(std::string("a\0b", 3));
  sent.add(std::vector<float>{});
  message received(sent.text());
  std::uint64_t number = 0;
  std::vector<double> taken{7};
  std::string text = "x";
  std::vector<float> none{1};
  received.take(number);
  received.take(taken);
  received.take(text);
  BOOST_TEST(!received.is_at_end());
  received.take(none);
  BOOST_TEST(received.is_at_end());
  BOOST_TEST(number == std::uint64_t{1} << 63);
  BOOST_REQUIRE(taken.size() == numbers.size());
  for (std::size_t k = 0; k < numbers.size(); ++k)
    BOOST_TEST(std::bit_cast<std::uint64_t>(taken[k]) == std::bit_cast<std::uint64_t>(numbers[k]));
  BOOST_TEST((text == std::string("a\0b", 3) && none.empty()));
}

BOOST_AUTO_TEST_CASE(a_message_that_ends_too_early_is_refused) {
  message sent;
  sent.add(std::vector<double>{1, 2});
  for (std::size_t length = 0; length < sent.text().size(); ++length)
    support::check_error<tamp::error>(
        "a message of another rank ends too early: all ranks must run the same tamp_prune", [&] {
          message received(sent.text().substr(0, length));
          std::vector<double> numbers;
          received.take(numbers);
        });
}

BOOST_AUTO_TEST_SUITE_END()
