#pragma once

/// @file
/// All that works on the tensors of a GPU.

#include "apply.cuh"
#include "bitmask.cuh"
#include "column_norm.cuh"
#include "observe.cuh"
#include "on.cuh"
#include "select.cuh"
#include "workspace.cuh"
