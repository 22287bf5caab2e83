#include "calls.hpp"

results with_openmp() { return all_results(); }
