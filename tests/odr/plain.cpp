// Without OpenMP, without foreign macros.
#include <string>
#include <xtensor/xtensor.hpp>

#include "calls.hpp"

std::string plain();
std::string plain() { return call_everything(); }
