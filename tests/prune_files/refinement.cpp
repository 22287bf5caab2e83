// Names of refinements, and texts that are none.
#include <prune/refinement.hpp>

#include <boost/test/unit_test.hpp>
#include <string>
#include <tamp/error.hpp>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_refinement)

using support::check_error;
using tamp_prune::refinement;
using tamp_prune::refinement_of;

BOOST_AUTO_TEST_CASE(steps_and_their_labels) {
  const refinement swaps = refinement_of("swaps:25");
  BOOST_TEST(swaps.swaps.value() == 25u);
  BOOST_TEST(!swaps.repairs);
  BOOST_TEST(swaps.reads_grams());
  BOOST_TEST(swaps.label() == "swaps 25");
  const refinement repair = refinement_of("repair");
  BOOST_TEST(!repair.swaps);
  BOOST_TEST(repair.repairs);
  BOOST_TEST(repair.label() == "repair");
  const refinement both = refinement_of("swaps:999999+repair");
  BOOST_TEST(both.swaps.value() == 999999u);
  BOOST_TEST(both.repairs);
  BOOST_TEST(both.label() == "swaps 999999, repair");
  const refinement dsnot = refinement_of("dsnot");
  BOOST_TEST(dsnot.is_dsnot);
  BOOST_TEST(!dsnot.reads_grams());
  BOOST_TEST(dsnot.label() == "dsnot 50");
}

BOOST_AUTO_TEST_CASE(others_are_refused) {
  for (const std::string text :
       {"", "swaps", "swaps:", "swaps:0", "swaps:-1", "swaps:1.5", "swaps:1000000", "swaps:25 ",
        "swaps:25+", "swaps:25+swaps:3", "repair+swaps:25", "repair+repair", "+repair",
        "dsnot+repair", "swaps:25+repair+repair", "Repair"})
    check_error<tamp::value_error>(
        "--refine: there is no refinement '" + text +
            "'; there are swaps:25 (any number from 1 on), repair, swaps:25+repair and dsnot",
        [&] { refinement_of(text); });
}

BOOST_AUTO_TEST_SUITE_END()
