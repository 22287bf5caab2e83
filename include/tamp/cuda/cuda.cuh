#pragma once

/// @file
/// All headers of tamp that work on tensors of a GPU.

#include "amia_select.cuh"
#include "apply.cuh"
#include "attention_top_k.cuh"
#include "bitmask.cuh"
#include "column_norm.cuh"
#include "compressed_2_of_4.cuh"
#include "dynamic_ffn.cuh"
#include "fitprune.cuh"
#include "gram.cuh"
#include "index_list.cuh"
#include "observe.cuh"
#include "on.cuh"
#include "owl.cuh"
#include "select.cuh"
#include "token_context.cuh"
#include "token_diversity.cuh"
#include "workspace.cuh"
