// The entry point and, since the library of Boost.Test is built for libstdc++, all of Boost.Test.
#define BOOST_TEST_MODULE tamp
#include <boost/test/included/unit_test.hpp>
