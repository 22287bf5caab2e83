// expects: this Eigen expression has no elements in memory: evaluate it into a matrix first
#include <tamp/adapt/eigen.hpp>
#include <tamp/tamp.hpp>

void wrong(const Eigen::MatrixXf& a, const Eigen::MatrixXf& b) {
  tamp::select(a + b, tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{}));
}
