// What the study's files include; see CMakeLists.txt.
#pragma once

#include <fmt/format.h>

#include <Eigen/Dense>
#include <llama/fitprune_host.hpp>
#include <llama/load_gguf.hpp>
#include <llama/load_safetensors.hpp>
#include <llama/quality.hpp>
#include <llama/reduced.hpp>
#include <llama/scenes.hpp>
#include <llama/tamp_host.hpp>
#include <tamp/io/calibration.hpp>
#include <tamp/tamp.hpp>
