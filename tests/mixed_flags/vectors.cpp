#include "calls.hpp"

results with_vectors() { return all_results(); }
