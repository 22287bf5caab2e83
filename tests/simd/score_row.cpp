#include <tamp/simd/score_row.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "../support/instructions.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(simd_score_row)

using support::infinity;
using support::not_a_number;
using support::with_every_instructions;
using tamp::detail::with_row_scores;

namespace {

template <class Element>
void check_scores_of_all_values() {
  std::vector<Element> weights;
  for (unsigned bits = 0; bits < 65536; ++bits)
    weights.push_back(Element::from_bits(static_cast<std::uint16_t>(bits)));
  std::vector<float> scores(weights.size());
  const auto itself = [](float weight, std::size_t) { return weight; };
  const bool is_usable = with_row_scores([&](auto loops) {
    return loops.template score_row<false>(weights.data(), weights.size(), itself, scores.data())
        .is_usable;
  });
  BOOST_TEST(!is_usable);
  std::size_t wrong = 0;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const float expected = static_cast<float>(weights[k]);
    wrong += std::isnan(expected) ? !std::isnan(scores[k])
                                  : std::memcmp(&expected, &scores[k], sizeof expected) != 0;
  }
  BOOST_TEST(wrong == 0u);
}

template <class Element>
bool is_usable_with(Element odd, std::size_t size, std::size_t at) {
  std::vector<Element> weights(size, tamp::element_traits<Element>::store(1));
  weights[at] = odd;
  std::vector<tamp::compute_type<Element>> scores(size);
  const auto itself = [](auto weight, std::size_t) { return weight; };
  const auto scored = [&](auto loops, auto by_sum) {
    return loops.template score_row<by_sum>(weights.data(), size, itself, scores.data()).is_usable;
  };
  return with_row_scores([&](auto loops) {
    const bool is_usable = loops.row_is_finite(weights.data(), size);
    BOOST_TEST(scored(loops, std::false_type{}) == is_usable);
    BOOST_TEST(scored(loops, std::true_type{}) == is_usable);
    return is_usable;
  });
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_16_bit_number_is_scored_as_its_value) {
  with_every_instructions([] {
    check_scores_of_all_values<tamp::f16>();
    check_scores_of_all_values<tamp::bf16>();
  });
}

BOOST_AUTO_TEST_CASE(what_is_not_finite_is_seen_wherever_it_stands) {
  with_every_instructions([] {
    for (const std::size_t size : {1u, 63u, 64u, 131u})
      for (std::size_t at = 0; at < size; ++at) {
        BOOST_TEST(!is_usable_with(not_a_number, size, at));
        BOOST_TEST(!is_usable_with(-infinity, size, at));
        BOOST_TEST(!is_usable_with(static_cast<double>(infinity), size, at));
        BOOST_TEST(!is_usable_with(tamp::f16(infinity), size, at));
        BOOST_TEST(!is_usable_with(tamp::bf16(not_a_number), size, at));
        BOOST_TEST(is_usable_with(std::numeric_limits<float>::max(), size, at));
        BOOST_TEST(is_usable_with(tamp::f16(65504.0f), size, at));
      }
  });
}

BOOST_AUTO_TEST_CASE(a_score_that_is_no_number_is_seen_and_infinity_is_not) {
  with_every_instructions([] {
    for (const std::size_t at : {0u, 70u, 128u}) {
      const std::vector<float> weights(129, 1.0f);
      std::vector<float> scores(129);
      const auto usable = [&](float odd, auto by_sum) {
        return with_row_scores([&](auto loops) {
          return loops
              .template score_row<by_sum>(
                  weights.data(), weights.size(),
                  [&](float weight, std::size_t j) { return j == at ? odd : weight; },
                  scores.data())
              .is_usable;
        });
      };
      BOOST_TEST(!usable(not_a_number, std::false_type{}));
      BOOST_TEST(!usable(not_a_number, std::true_type{}));
      BOOST_TEST(usable(infinity, std::false_type{}));
      BOOST_TEST(usable(infinity, std::true_type{}));
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
