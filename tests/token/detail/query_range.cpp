#include <tamp/token/detail/query_range.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <vector>

BOOST_AUTO_TEST_SUITE(token_detail_query_range)

using tamp::modality;
using tamp::observable;
using tamp::detail::query_range;
using tamp::token::context;
using enum tamp::modality;

namespace {

constexpr observable any = observable::attention, last = observable::last_query,
                     words = observable::text_queries, patches = observable::visual_queries;

void check(const context& c, observable of, std::size_t begin, std::size_t end) {
  const query_range range(c, of);
  BOOST_TEST_CONTEXT(names(of)) {
    BOOST_TEST(range.begin == begin);
    BOOST_TEST(range.end == end);
  }
}
void check_empty(const context& c, observable of) {
  const query_range range(c, of);
  BOOST_TEST(range.begin >= range.end, names(of));
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const std::vector<modality> kinds{text, image, image, text, text};
  const std::vector<float> numbers(2 * 5);
  const context c{.kinds = kinds, .attention = {numbers, 1, 2, 5, 2}};
  check(c, any, 2, 4);
  check(c, last, 4, 5);
  check(c, words, 3, 5);
  check(c, patches, 1, 3);
  check_empty(c, observable::none);
  check_empty(c, observable::hidden | observable::keys);
}

BOOST_AUTO_TEST_CASE(of_several_observables_it_holds_what_lies_between_them_too) {
  const std::vector<modality> kinds{text, image, image, text, text};
  check({.kinds = kinds}, patches | last, 1, 5);
  check({.kinds = kinds}, words | last | observable::keys, 3, 5);
  const std::vector<float> numbers(5);
  check({.kinds = kinds, .attention = {numbers, 1, 1, 5, 0}}, any | words, 0, 5);
}

BOOST_AUTO_TEST_CASE(text_between_visual_tokens_belongs_to_their_range) {
  const std::vector<modality> kinds{text, image, text, audio, text};
  check({.kinds = kinds}, patches, 1, 4);
  check({.kinds = kinds}, words, 4, 5);
}

BOOST_AUTO_TEST_CASE(where_no_text_follows_the_last_token_speaks_for_it) {
  const std::vector<modality> kinds{text, image, image};
  check({.kinds = kinds}, words, 2, 3);
  check({.kinds = kinds}, patches, 1, 3);
}

BOOST_AUTO_TEST_CASE(where_nothing_is_visual_all_is_text) {
  const std::vector<modality> kinds{text, text};
  check({.kinds = kinds}, words, 0, 2);
  check_empty({.kinds = kinds}, patches);
}

BOOST_AUTO_TEST_CASE(where_there_is_no_token_there_is_no_query) {
  check_empty({}, any | last | words | patches);
}

BOOST_AUTO_TEST_SUITE_END()
