// expects: this tensor is a temporary, and its numbers are gone with it: give it a name
#include <Eigen/Core>
#include <tamp/adapt/eigen.hpp>
#include <tamp/tamp.hpp>

void wrong(tamp::token::context& context) { context.hidden = Eigen::MatrixXf(4, 2); }
