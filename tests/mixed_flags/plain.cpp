#include "calls.hpp"

results plain() { return all_results(); }
