#include "isoflop/fits/sandwich.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>

#include "isoflop/fits/jacobian.h"
#include "isoflop/fits/kernel/global_search.h"
#include "isoflop/fits/solver/dense.h"
#include "isoflop/statistics.h"

namespace isoflop::fits {

std::vector<std::vector<double>> sandwich_covariance(const RunTable& runs, const ChinchillaFit& fit,
                                                     const ChinchillaOptions& options) {
  const auto rows = residual_jacobian(runs, fit, options);
  const auto m = static_cast<int>(fit.free_names.size());
  const double n = static_cast<double>(runs.size());
  const double spread = scaled_mad(fit.residuals, 0);
  const double bandwidth = 1.06 * spread * std::pow(n, -0.2);
  Eigen::MatrixXd meat = Eigen::MatrixXd::Zero(m, m), bread = Eigen::MatrixXd::Zero(m, m);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const double r = fit.residuals[i], psi = std::clamp(r, -options.delta, options.delta);
    const Eigen::Map<const Eigen::VectorXd> z(rows[i].data(), m);
    const double weight = runs[i].weight * (r > 0 ? options.overestimate_penalty : 1);
    // The chance that a residual like this one, moved by the kernel, lies inside the threshold.
    const double inside =
        std::isfinite(options.delta) && bandwidth > 0
            ? normal_cdf((options.delta - r) / bandwidth) - normal_cdf((-options.delta - r) / bandwidth)
            : 1;
    meat += weight * weight * psi * psi * z * z.transpose();
    bread += weight * inside * z * z.transpose();
  }
  const Eigen::MatrixXd inverse = solver::inverse_positive_definite(bread);
  if (inverse.size() == 0) return {};
  const Eigen::MatrixXd covariance = inverse * meat * inverse;
  std::vector<std::vector<double>> result;
  for (int i = 0; i < m; ++i) result.emplace_back(covariance.row(i).begin(), covariance.row(i).end());
  return result;
}

FittedValue delta_interval(const std::vector<std::vector<double>>& covariance, const ChinchillaFit& fit,
                           const ChinchillaOptions& options, const Functional& f, double level) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  FittedValue value{f(fit.law), nan, nan, nan};
  if (covariance.empty()) return value;
  const kernel::FreeMap map(options);
  std::vector<double> slope(map.count);
  for (std::size_t s = 0; s < map.count; ++s) {
    const double h = 1e-5;
    const auto moved = [&](double by) {
      Theta theta = fit.theta;
      for (std::size_t j = 0; j < theta_size; ++j)
        if (map.slot[j] == static_cast<int>(s)) theta[j] += by;
      return f(kernel::law_of(theta, options));
    };
    slope[s] = (moved(h) - moved(-h)) / (2 * h);
  }
  double variance = 0;
  for (std::size_t i = 0; i < map.count; ++i)
    for (std::size_t j = 0; j < map.count; ++j) variance += slope[i] * covariance[i][j] * slope[j];
  value.se = std::sqrt(variance);
  const double reach = normal_quantile((1 + level) / 2) * value.se;
  value.low = value.estimate - reach;
  value.high = value.estimate + reach;
  return value;
}

}  // namespace isoflop::fits
