#include "calls.hpp"

results without_exceptions() { return all_results(); }
