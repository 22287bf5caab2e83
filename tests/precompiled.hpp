// The headers that nearly every test includes; see CMakeLists.txt.
#pragma once

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <tamp/tamp.hpp>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>
