#pragma once

/// @file
/// Reads and writes safetensors files. Needs nlohmann-json (CMake: tamp::safetensors).

#include "safetensors_file.hpp"
#include "safetensors_writer.hpp"
