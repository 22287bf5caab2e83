#pragma once

// The check of an error: of this very type, with this very sentence.

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <typeinfo>

namespace support {

template <class Error, class Body>
void check_error(std::string_view sentence, Body&& body) {
  try {
    body();
  } catch (const tamp::error& e) {
    BOOST_TEST((typeid(e) == typeid(Error)), "the error is of another type: " << e.what());
    BOOST_TEST(std::string_view(e.what()) == sentence);
    return;
  }
  BOOST_ERROR("nothing was refused, instead of \"" << sentence << '"');
}

}  // namespace support
