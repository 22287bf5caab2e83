#include "calls.hpp"

results with_fast_math() { return all_results(); }
