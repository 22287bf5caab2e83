#include <tamp/stat/detail/check_kinds.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <span>
#include <vector>

#include "../../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(stat_detail_check_kinds)

BOOST_AUTO_TEST_CASE(modalities_are_absent_or_one_for_each_token) {
  const std::vector<tamp::modality> two{tamp::modality::text, tamp::modality::image};
  tamp::detail::check_kinds("test", two, 2);
  tamp::detail::check_kinds("test", {}, 2);
  support::check_error<tamp::shape_error>("test: 2 modalities for 3 tokens",
                                          [&] { tamp::detail::check_kinds("test", two, 3); });
  support::check_error<tamp::shape_error>("test: 2 modalities lie at a null pointer", [] {
    tamp::detail::check_kinds(
        "test", std::span<const tamp::modality>(static_cast<const tamp::modality*>(nullptr), 2), 2);
  });
}

BOOST_AUTO_TEST_SUITE_END()
