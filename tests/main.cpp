// The entry point of every test program; the suites are linked to it.
#define BOOST_TEST_MODULE tamp
#include <boost/test/unit_test.hpp>
