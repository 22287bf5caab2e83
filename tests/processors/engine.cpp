// Eigen's products, as SparseGPT uses them, compiled for a processor with AVX-512 beside the
// engine's.
#include <Eigen/Core>
#include <tamp/score/sparsegpt.hpp>
