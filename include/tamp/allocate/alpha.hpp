#pragma once

/// @file
/// AlphaPruning: blocks whose weights have a light-tailed spectrum lose more. Needs Eigen.

#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../role.hpp"
#include "../tensor/detail/finite.hpp"
#include "../tensor/rows.hpp"
#include "allocation.hpp"
#include "detail/measured_units.hpp"
#include "detail/on_target.hpp"
#include "detail/spectral_exponent.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The eigenvalues of W W^T or W^T W in ascending order, divided by a common factor.
struct weight_spectrum {
  std::vector<double> eigenvalues;
  double log10_factor = 0;  ///< the decimal logarithm of the factor
};

/// Computes the eigenvalues of W W^T or W^T W, whichever is smaller.
template <executor E, class Source>
weight_spectrum spectrum(const E& exec, std::string_view layer, const Source& weight) {
  const auto rows = static_cast<std::size_t>(weight.rows());
  const auto cols = static_cast<std::size_t>(weight.cols());
  if (checked_matrix("alpha", rows, cols, sizeof(double)) == 0) return {};
  const std::size_t smaller = (std::min)(rows, cols);
  checked_matrix("alpha", smaller, smaller, sizeof(double));
  check_finite(exec, weight, "alpha", layer);
  // Both sides are contiguous: a row of the weight becomes a column of `w`.
  Eigen::MatrixXd w(static_cast<Eigen::Index>(weight.cols()),
                    static_cast<Eigen::Index>(weight.rows()));
  detail::for_each_range(
      exec, static_cast<std::size_t>(weight.rows()), [&](std::size_t begin, std::size_t end) {
        row_reader<std::remove_cvref_t<Source>> read_row(weight);
        for (std::size_t i = begin; i < end; ++i)
          std::ranges::copy(read_row(i), w.col(static_cast<Eigen::Index>(i)).data());
      });
  // Squares of numbers up to 1 do not overflow.
  const double scale = w.size() == 0 ? 0.0 : w.cwiseAbs().maxCoeff();
  if (scale == 0) return {};
  w /= scale;
  const bool by_rows = w.cols() <= w.rows();
  const Eigen::Index side = by_rows ? w.cols() : w.rows();
  Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(side, side);
  if (by_rows)
    gram.selfadjointView<Eigen::Lower>().rankUpdate(w.transpose());
  else
    gram.selfadjointView<Eigen::Lower>().rankUpdate(w);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram, Eigen::EigenvaluesOnly);
  constexpr Eigen::ComputationInfo success{};  // its name in Eigen is a macro of X11
  if (solver.info() != success) return {};
  return {{solver.eigenvalues().begin(), solver.eigenvalues().end()}, 2 * std::log10(scale)};
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::allocate {

/// The ways to estimate a tail exponent from the n eigenvalues of W W^T.
enum class spectral_exponent {
  /// The power law that fits best among those that begin near the peak of the spectrum: the
  /// published setting, `alpha_peak`. It depends on the scale of W.
  alpha_peak,
  /// The power law that begins at the eigenvalue of place n / 2, from 0: the published `alpha_mid`.
  alpha_mid,
  /// Hill's estimate of the n / 2 largest eigenvalues over the next smaller one. For even n it
  /// begins one eigenvalue below alpha_mid.
  hill
};

/// AlphaPruning: a block loses more if the eigenvalues of its weights decay faster.
///
/// Use it when there is no calibration data and time does not matter. It computes the eigenvalues
/// of every weight, with about n^3 operations for n = min(rows, cols).
///
///     alpha(W)    = 1 + k / sum over the k largest eigenvalues l of W W^T of ln(l / l0)
///     alpha(u)    = mean over the layers of u
///     sparsity(u) = eta * (1 - tau + 2 tau * (alpha(u) - min) / (max - min))
///
/// with the eta for which the mean over weights is on target. `exponent` chooses k and l0.
/// detail/spectral_exponent.hpp has the formulas. Sparsities above 1 are clipped and the excess is
/// shared by the other units. Equal exponents give every unit the same sparsity. Eigenvalues that
/// are zero up to rounding do not count. A weight with fewer than two rows, columns or nonzero
/// eigenvalues, or with all of them equal, has no exponent and does not count in its unit's mean. A
/// unit without any exponent gets the mean of the others. Notes report both cases. Eigenvalues are
/// computed in double by one thread. Memory: the largest weight in double, and three times the
/// square of its smaller side.
///
/// Source: Lu et al. 2024, AlphaPruning (arXiv 2410.10912), with the metric of its section 3,
/// PL_Alpha_Hill, and the published code, haiquanlu/AlphaPruning at commit 5f0e984, lib/esd_utils.py
/// (net_esd_estimator) and lib/prune.py (ww_sparsity), whose defaults these are.
struct alpha {
  using role = tamp::role::allocate;
  static constexpr granularity unit = granularity::block;

  double sparsity = 0.5;
  double tau = 0.3;  ///< half the width of the interval of sparsities, as a fraction of the target
  spectral_exponent exponent = spectral_exponent::alpha_peak;

  std::string label() const {
    return detail::sentence("alpha ", sparsity, ' ', tau, ' ', exponent_name());
  }

  /// Returns one sparsity for each unit, from one exponent for each unit.
  /// @throws value_error if a parameter is out of range or an exponent is negative or not finite
  /// @throws shape_error unless there are as many exponents as sizes
  allocation distribute(std::span<const double> exponents, std::span<const std::size_t> num_params,
                        std::span<const std::string> names = {}) const {
    const detail::ieee_arithmetic as_usual;
    check_parameters();
    detail::check_unit_values("alpha", "exponent", exponents, num_params, names);
    const auto [least, most] = std::minmax_element(exponents.begin(), exponents.end());
    if (exponents.empty() || *least == *most)
      return detail::uniform_because(
          detail::sentence("alpha: the exponent is the same everywhere, so that all units get the ",
                           "sparsity ", sparsity),
          exponents.size(), sparsity);
    std::vector<double> sparsities(exponents.size());
    for (std::size_t u = 0; u < exponents.size(); ++u)
      sparsities[u] = 1 - tau + 2 * tau * ((exponents[u] - *least) / (*most - *least));
    const double mean = detail::mean_over_params(sparsities, num_params);
    for (double& s : sparsities) s = mean == 0 ? sparsity : s * (sparsity / mean);
    return detail::on_target("alpha", sparsities, num_params, sparsity, names);
  }

  /// Measures the units and distributes the sparsity.
  /// @throws value_error if a parameter is out of range or a weight is not finite, naming it
  template <executor E, class Units>
  allocation operator()(const E& exec, const Units& units) const {
    const detail::ieee_arithmetic as_usual;
    check_parameters();
    return detail::allocation_by(
        "alpha", "exponent", units, false,
        [&](std::size_t u, double& value, std::vector<std::string>& notes) {
          return mean_exponent(exec, units, u, value, notes);
        },
        [&](auto values, auto num_params, auto names) {
          return distribute(values, num_params, names);
        });
  }

  friend bool operator==(const alpha&, const alpha&) = default;

 private:
  /// Computes the mean exponent of a unit's layers. Returns false if no layer has an exponent.
  template <executor E, class Units>
  bool mean_exponent(const E& exec, const Units& units, std::size_t unit, double& mean,
                     std::vector<std::string>& notes) const {
    std::size_t layers = 0;
    units.visit(unit, [&](std::string_view layer, const auto& weight, const auto&) {
      const std::optional<double> measured = detail::with_memory(
          "alpha", [&] { return exponent_of(detail::spectrum(exec, layer, weight)); });
      if (measured) {
        mean += *measured;
        ++layers;
      } else {
        notes.push_back(detail::sentence("alpha: ", layer, ", which is ", weight.rows(), " x ",
                                         weight.cols(), ", has no spectral exponent"));
      }
    });
    if (layers != 0) mean /= static_cast<double>(layers);
    return layers != 0;
  }

  std::optional<double> exponent_of(const detail::weight_spectrum& of) const {
    if (exponent == spectral_exponent::alpha_mid) return detail::mid_exponent(of.eigenvalues);
    if (exponent == spectral_exponent::hill) return detail::hill_exponent(of.eigenvalues);
    return detail::peak_exponent(of.eigenvalues, of.log10_factor);
  }

  std::string_view exponent_name() const {
    if (exponent == spectral_exponent::alpha_mid) return "alpha_mid";
    return exponent == spectral_exponent::hill ? "hill" : "alpha_peak";
  }

  void check_parameters() const {
    detail::check_sparsity(sparsity);
    if (!detail::is_fraction(tau))
      detail::raise<value_error>("alpha: tau lies in [0, 1], and is ", tau);
    if (exponent != spectral_exponent::alpha_peak && exponent != spectral_exponent::alpha_mid &&
        exponent != spectral_exponent::hill)
      detail::raise<value_error>("alpha: there is no spectral exponent of number ",
                                 static_cast<int>(exponent));
  }
};

}  // namespace tamp::inline TAMP_FLAGS::allocate
