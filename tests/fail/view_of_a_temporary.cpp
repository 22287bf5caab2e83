// expects: this container is a temporary, and its elements are gone with it: give it a name, and
// view that
#include <tamp/tamp.hpp>
#include <vector>

const auto dangling = tamp::view(std::vector<float>{1, 2, 3, 4}, 1, 4);
