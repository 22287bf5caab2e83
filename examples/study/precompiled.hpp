// The headers that the study's files include; see CMakeLists.txt.
#pragma once

#include <fmt/format.h>

#include <Eigen/Core>
#include <llama/reduced.hpp>
#include <llama/tamp_host.hpp>
#include <tamp/tamp.hpp>
