// expects: observe<Statistic>(X): X is the activations, (tokens, features), as a tensor that
// tamp can read
#include <tamp/tamp.hpp>
#include <vector>

void wrong() { static_cast<void>(tamp::observe<tamp::stat::column_norm>(5)); }
