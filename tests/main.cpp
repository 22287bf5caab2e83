// The entry point of every test program; the suites are linked to it.
#include <boost/test/unit_test.hpp>

namespace {

bool name_master_suite() {
  boost::unit_test::framework::master_test_suite().p_name.value = "tamp";
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  return boost::unit_test::unit_test_main(name_master_suite, argc, argv);
}
