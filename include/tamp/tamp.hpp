#pragma once

/// @file
/// Everything that needs nothing but the C++ library. Adapters, files and CUDA are included by
/// name.

#include "allocate/uniform.hpp"
#include "config.hpp"
#include "error.hpp"
#include "execute/executor.hpp"
#include "execute/sequential.hpp"
#include "execute/standard.hpp"
#include "mask/bitmask.hpp"
#include "pattern/n_of_m.hpp"
#include "pattern/per_row.hpp"
#include "pattern/per_tensor.hpp"
#include "prune/apply.hpp"
#include "prune/compose.hpp"
#include "prune/model.hpp"
#include "prune/observe.hpp"
#include "prune/plan.hpp"
#include "prune/prune.hpp"
#include "prune/prune_model.hpp"
#include "prune/report.hpp"
#include "prune/select.hpp"
#include "role.hpp"
#include "score/magnitude.hpp"
#include "score/wanda.hpp"
#include "stat/column_norm.hpp"
#include "tensor/element.hpp"
#include "tensor/rows.hpp"
#include "tensor/traits.hpp"
#include "tensor/view.hpp"
#include "version.hpp"
