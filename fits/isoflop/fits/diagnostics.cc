#include "isoflop/fits/diagnostics.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "isoflop/fits/bootstrap.h"
#include "isoflop/fits/identifiability.h"
#include "isoflop/fits/jacobian.h"
#include "isoflop/fits/solver/dense.h"
#include "isoflop/random.h"
#include "isoflop/statistics.h"

namespace isoflop::fits {
namespace {

// Rows weighted by the square root of the run's weight.
Eigen::MatrixXd weighted_jacobian(const RunTable& runs, const ChinchillaFit& fit, const ChinchillaOptions& options) {
  const auto rows = residual_jacobian(runs, fit, options);
  const auto m = static_cast<Eigen::Index>(fit.free_names.size());
  Eigen::MatrixXd jacobian(static_cast<Eigen::Index>(rows.size()), m);
  for (std::size_t i = 0; i < rows.size(); ++i)
    jacobian.row(static_cast<Eigen::Index>(i)) =
        std::sqrt(runs[i].weight) * Eigen::Map<const Eigen::RowVectorXd>(rows[i].data(), m);
  return jacobian;
}

// One-way analysis of variance, for groups of unequal size.
double intraclass(const std::vector<double>& values, const std::vector<std::size_t>& groups, std::size_t count) {
  std::vector<double> sum(count, 0), size(count, 0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    sum[groups[i]] += values[i];
    size[groups[i]] += 1;
  }
  const double n = static_cast<double>(values.size()), k = static_cast<double>(count), center = mean(values);
  double between = 0, within = 0, squares = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double own = sum[groups[i]] / size[groups[i]];
    within += (values[i] - own) * (values[i] - own) / (n - k);
  }
  for (std::size_t g = 0; g < count; ++g) {
    const double own = sum[g] / size[g] - center;
    between += size[g] * own * own / (k - 1);
    squares += size[g] * size[g];
  }
  const double typical_size = (n - squares / n) / (k - 1);
  return (between - within) / (between + (typical_size - 1) * within);
}

}  // namespace

GroupCorrelation residual_correlation(const ChinchillaFit& fit, const std::vector<std::size_t>& groups,
                                      std::uint64_t seed) {
  GroupCorrelation result;
  result.groups = group_count(groups);
  if (result.groups < 3 || result.groups + 3 > groups.size()) return result;
  const double limit = 3 * scaled_mad(fit.residuals, 0);
  std::vector<double> clipped;
  for (double r : fit.residuals) clipped.push_back(std::clamp(r, -limit, limit));
  result.intraclass = intraclass(clipped, groups, result.groups);
  constexpr int regroupings = 999;
  Random random(seed, 0);
  int as_large = 0;
  for (int k = 0; k < regroupings; ++k) {
    for (std::size_t i = clipped.size(); i-- > 1;) std::swap(clipped[i], clipped[random.index(i + 1)]);
    if (intraclass(clipped, groups, result.groups) >= result.intraclass) ++as_large;
  }
  result.p = (1.0 + as_large) / (1.0 + regroupings);
  return result;
}

Identifiability identifiability(const RunTable& runs, const ChinchillaFit& fit, const ChinchillaOptions& options) {
  Identifiability result;
  std::vector<double> params, tokens;
  for (const Run& run : runs.runs()) {
    params.push_back(run.params);
    tokens.push_back(run.tokens);
  }
  result.model_sizes = level_count(params);
  result.token_counts = level_count(tokens);
  result.degrees_of_freedom = static_cast<long>(runs.size()) - static_cast<long>(options.free_parameters());
  if (fit.hessian.empty()) return result;
  const auto m = static_cast<Eigen::Index>(fit.hessian.size());
  Eigen::MatrixXd hessian(m, m);
  for (Eigen::Index i = 0; i < m; ++i)
    hessian.row(i) = Eigen::Map<const Eigen::RowVectorXd>(fit.hessian[static_cast<std::size_t>(i)].data(), m);
  Eigen::VectorXd direction = solver::symmetric_eigen(hessian).vectors.col(0);
  if (direction(0) < 0) direction = -direction;
  result.sloppiest.assign(direction.begin(), direction.end());
  result.names = fit.free_names;
  Eigen::MatrixXd jacobian = weighted_jacobian(runs, fit, options);
  jacobian.colwise().normalize();
  const Eigen::VectorXd singular = solver::singular_values(jacobian).values;
  result.scaled_condition = singular(0) / singular(m - 1);
  return result;
}

std::vector<DeltaRow> delta_sweep(const RunTable& runs, const ChinchillaOptions& options,
                                  const std::vector<double>& deltas) {
  std::vector<DeltaRow> rows;
  for (double delta : deltas) {
    ChinchillaOptions own = options;
    own.delta = delta;
    rows.push_back({delta, fit_chinchilla(runs, own)});
  }
  return rows;
}

std::vector<DropRow> drop_sweep(const RunTable& runs, const ChinchillaOptions& options, std::size_t most) {
  std::vector<DropRow> rows;
  RunTable rest = runs;
  rows.push_back({0, {}, 0, fit_chinchilla(rest, options)});
  for (std::size_t k = 1; k <= most && rows.back().fit.usable(); ++k) {
    const auto& residuals = rows.back().fit.residuals;
    const auto worst =
        static_cast<std::size_t>(std::max_element(residuals.begin(), residuals.end(),
                                                  [](double a, double b) { return std::fabs(a) < std::fabs(b); }) -
                                 residuals.begin());
    DropRow row;
    row.dropped = k;
    row.last_dropped = rest[worst];
    row.last_residual = -residuals[worst] / scaled_mad(residuals, 0);
    std::vector<std::size_t> kept;
    for (std::size_t i = 0; i < rest.size(); ++i)
      if (i != worst) kept.push_back(i);
    rest = rest.selected(kept);
    row.fit = fit_chinchilla(rest, options);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Influence> influence(const RunTable& runs, const ChinchillaFit& fit, const ChinchillaOptions& options) {
  std::vector<std::size_t> each(runs.size());
  for (std::size_t i = 0; i < each.size(); ++i) each[i] = i;
  const Draws left_out = jackknife(runs, fit, options, each, options.threads);
  const Eigen::MatrixXd jacobian = weighted_jacobian(runs, fit, options);
  const Eigen::MatrixXd q = solver::orthonormal_columns(jacobian);
  const double mad = scaled_mad(fit.residuals, 0);
  std::vector<Influence> list;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    Influence one;
    one.run = i;
    one.residual_in_mads = mad > 0 ? -fit.residuals[i] / mad : 0;
    // A replicate without a fit shifts the rest: only a complete jackknife can be attributed to runs.
    if (left_out.failed == 0) one.change_of_a = left_out.laws[i].exponent_a() - fit.law.exponent_a();
    one.leverage = q.row(static_cast<Eigen::Index>(i)).squaredNorm();
    list.push_back(one);
  }
  std::stable_sort(list.begin(), list.end(), [](const Influence& a, const Influence& b) {
    return std::fabs(a.change_of_a) > std::fabs(b.change_of_a);
  });
  return list;
}

}  // namespace isoflop::fits
