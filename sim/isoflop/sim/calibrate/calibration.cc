#include "isoflop/sim/calibrate/calibration.h"

#include <ceres/ceres.h>
#include <glog/logging.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/random.h"
#include "isoflop/statistics.h"

namespace isoflop::sim {
namespace {

constexpr double log_step = 1e-5;            // of the central difference, in ln c
constexpr double unidentified_log_se = 1.0;  // a standard error of a factor e says nothing
constexpr double bound_margin = 1e-3;        // closeness to a bound, in ln c

bool held(const Constant& constant) { return constant.low == constant.high; }

// The square root of rho with the sign of r: least squares on it minimises the robust objective, in one smooth block.
double robust_residual(double r, double scale) {
  const double u = r / scale;
  const double rho = 2 * scale * scale * (u * u / (std::sqrt(1 + u * u) + 1));
  return std::copysign(std::sqrt(rho), r);
}

class Residuals : public ceres::CostFunction {
 public:
  Residuals(const CalibrationProblem& problem, double robust_scale) : problem_(problem), scale_(robust_scale) {
    for (const auto& c : problem.constants) priors_ += c.prior_log_sd > 0 ? 1 : 0;
    set_num_residuals(static_cast<int>(problem.rows.size() + priors_));
    mutable_parameter_block_sizes()->push_back(static_cast<int>(problem.constants.size()));
  }

  bool Evaluate(double const* const* parameters, double* residuals, double** jacobians) const override {
    const std::size_t p = problem_.constants.size();
    std::vector<double> logs(parameters[0], parameters[0] + p);
    if (!fill(logs, residuals)) return false;
    if (!jacobians || !jacobians[0]) return true;
    const auto n = static_cast<std::size_t>(num_residuals());
    std::vector<double> up(n), down(n);
    for (std::size_t j = 0; j < p; ++j) {
      if (held(problem_.constants[j])) {
        for (std::size_t i = 0; i < n; ++i) jacobians[0][i * p + j] = 0;
        continue;
      }
      const double at = logs[j];
      logs[j] = at + log_step;
      if (!fill(logs, up.data())) return false;
      logs[j] = at - log_step;
      if (!fill(logs, down.data())) return false;
      logs[j] = at;
      for (std::size_t i = 0; i < n; ++i) jacobians[0][i * p + j] = (up[i] - down[i]) / (2 * log_step);
    }
    return true;
  }

 private:
  bool fill(const std::vector<double>& logs, double* residuals) const {
    std::vector<double> values(logs.size());
    for (std::size_t j = 0; j < logs.size(); ++j) values[j] = std::exp(logs[j]);
    for (std::size_t i = 0; i < problem_.rows.size(); ++i) {
      const auto& row = problem_.rows[i];
      const double predicted = problem_.predict(values, i);
      if (!(predicted > 0) || !std::isfinite(predicted)) return false;
      residuals[i] = std::sqrt(row.weight) * robust_residual(std::log(predicted / row.measured), scale_);
    }
    std::size_t at = problem_.rows.size();
    for (std::size_t j = 0; j < logs.size(); ++j) {
      const auto& c = problem_.constants[j];
      if (c.prior_log_sd > 0) residuals[at++] = scale_ * (logs[j] - std::log(c.prior_center)) / c.prior_log_sd;
    }
    return true;
  }

  const CalibrationProblem& problem_;
  double scale_;
  std::size_t priors_ = 0;
};

struct Solution {
  std::vector<double> logs;
  double cost = std::numeric_limits<double>::infinity();
  bool converged = false;
};

Solution solve_from(const CalibrationProblem& problem, const CalibrationOptions& options, std::vector<double> logs) {
  ceres::Problem::Options ownership;
  ceres::Problem ceres_problem(ownership);
  ceres_problem.AddResidualBlock(new Residuals(problem, options.robust_scale), nullptr, logs.data());
  for (std::size_t j = 0; j < logs.size(); ++j) {
    if (held(problem.constants[j])) continue;
    ceres_problem.SetParameterLowerBound(logs.data(), static_cast<int>(j), std::log(problem.constants[j].low));
    ceres_problem.SetParameterUpperBound(logs.data(), static_cast<int>(j), std::log(problem.constants[j].high));
  }
  ceres::Solver::Options solver;
  solver.linear_solver_type = ceres::DENSE_QR;
  solver.max_num_iterations = options.max_iterations;
  solver.function_tolerance = 1e-7;
  solver.num_threads = 1;
  solver.logging_type = ceres::SILENT;
  ceres::Solver::Summary summary;
  ceres::Solve(solver, &ceres_problem, &summary);
  Solution solution;
  solution.logs = std::move(logs);
  solution.cost = summary.IsSolutionUsable() ? 2 * summary.final_cost : std::numeric_limits<double>::infinity();
  solution.converged = summary.termination_type == ceres::CONVERGENCE;
  return solution;
}

void check(const CalibrationProblem& problem) {
  for (const auto& row : problem.rows)
    if (!(row.measured > 0) || !std::isfinite(row.measured))
      throw Error(Fault::BadInput,
                  "row " + row.id + ": measured value " + format_number(row.measured) + " is not positive");
  for (const auto& c : problem.constants)
    if (!(c.low > 0 && c.low <= c.start && c.start <= c.high))
      throw Error(Fault::BadInput, "constant " + c.name + ": start and bounds must be positive and in order");
  if (problem.rows.size() < problem.constants.size())
    throw Error(Fault::BadInput, std::to_string(problem.rows.size()) + " rows cannot determine " +
                                     std::to_string(problem.constants.size()) + " constants");
}

// Sensitivity of ln(predicted) to ln c, row by row; log_step either side, one-sided at nothing: predictions are defined
// beyond the search bounds.
Eigen::MatrixXd sensitivities(const CalibrationProblem& problem, const std::vector<double>& logs) {
  const auto n = static_cast<Eigen::Index>(problem.rows.size());
  const auto p = static_cast<Eigen::Index>(logs.size());
  Eigen::MatrixXd result(n, p);
  std::vector<double> values(logs.size());
  for (std::size_t j = 0; j < logs.size(); ++j) values[j] = std::exp(logs[j]);
  for (Eigen::Index j = 0; j < p; ++j) {
    const auto at = static_cast<std::size_t>(j);
    const double kept = values[at];
    for (Eigen::Index i = 0; i < n; ++i) {
      values[at] = kept * std::exp(log_step);
      const double up = std::log(problem.predict(values, static_cast<std::size_t>(i)));
      values[at] = kept * std::exp(-log_step);
      result(i, j) = (up - std::log(problem.predict(values, static_cast<std::size_t>(i)))) / (2 * log_step);
    }
    values[at] = kept;
  }
  return result;
}

struct Spread {
  std::vector<double> log_se;  // NaN where the rows say nothing
  std::size_t groups = 0;
};

Spread cluster_robust(const CalibrationProblem& problem, const CalibrationOptions& options,
                      const std::vector<double>& logs, const std::vector<double>& predicted,
                      const std::vector<bool>& fixed) {
  const auto p = static_cast<Eigen::Index>(logs.size());
  Eigen::MatrixXd s = sensitivities(problem, logs);
  for (Eigen::Index j = 0; j < p; ++j)
    if (fixed[static_cast<std::size_t>(j)]) s.col(j).setZero();
  Eigen::MatrixXd bread = Eigen::MatrixXd::Zero(p, p);
  std::map<std::string, Eigen::VectorXd> scores;
  const double d = options.robust_scale;
  for (Eigen::Index i = 0; i < s.rows(); ++i) {
    const auto& row = problem.rows[static_cast<std::size_t>(i)];
    const double r = std::log(predicted[static_cast<std::size_t>(i)] / row.measured);
    const double root = std::sqrt(1 + r * r / (d * d));
    // psi = rho'(r) / 2 and its derivative; the expected derivative is what makes the sandwich consistent.
    bread += row.weight / (root * root * root) * s.row(i).transpose() * s.row(i);
    auto [score, fresh] = scores.try_emplace(row.group, Eigen::VectorXd::Zero(p));
    score->second += row.weight * r / root * s.row(i).transpose();
  }
  Eigen::MatrixXd meat = Eigen::MatrixXd::Zero(p, p);
  for (const auto& [group, score] : scores) meat += score * score.transpose();
  Eigen::MatrixXd curvature = bread;
  for (Eigen::Index j = 0; j < p; ++j) {
    const auto& c = problem.constants[static_cast<std::size_t>(j)];
    if (c.prior_log_sd > 0) curvature(j, j) += d * d / (c.prior_log_sd * c.prior_log_sd);
  }
  Spread spread;
  spread.groups = scores.size();
  const double small_sample = spread.groups > 1
                                  ? static_cast<double>(spread.groups) / static_cast<double>(spread.groups - 1)
                                  : std::numeric_limits<double>::quiet_NaN();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(curvature);
  const double floor = 1e-9 * std::max(eigen.eigenvalues().maxCoeff(), 1e-300);
  Eigen::MatrixXd inverse = Eigen::MatrixXd::Zero(p, p);
  Eigen::VectorXd undetermined = Eigen::VectorXd::Zero(p);
  for (Eigen::Index k = 0; k < p; ++k) {
    const Eigen::VectorXd v = eigen.eigenvectors().col(k);
    if (eigen.eigenvalues()(k) > floor) inverse += v * v.transpose() / eigen.eigenvalues()(k);
    else undetermined += v.cwiseAbs2();
  }
  const Eigen::MatrixXd covariance = small_sample * inverse * meat * inverse;
  for (Eigen::Index j = 0; j < p; ++j)
    spread.log_se.push_back(undetermined(j) > 1e-6 ? std::numeric_limits<double>::quiet_NaN()
                                                   : std::sqrt(std::max(0.0, covariance(j, j))));
  return spread;
}

std::vector<double> predictions(const CalibrationProblem& problem, const std::vector<double>& values) {
  std::vector<double> result;
  for (std::size_t i = 0; i < problem.rows.size(); ++i) result.push_back(problem.predict(values, i));
  return result;
}

std::vector<double> random_start(const CalibrationProblem& problem, std::uint64_t seed, std::uint64_t index) {
  Random random(seed, index);
  std::vector<double> logs;
  for (const auto& c : problem.constants)
    logs.push_back(std::clamp(std::log(c.start) + random.uniform(-1, 1), std::log(c.low), std::log(c.high)));
  return logs;
}

FittedConstant describe(const Constant& constant, double log_value, double log_se, std::size_t groups) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  FittedConstant fitted{constant, {held(constant) ? constant.start : std::exp(log_value), nan, nan, nan}, false, {}};
  const auto value = [&] {
    return format_number(fitted.value.estimate) + (constant.unit.empty() ? "" : " " + constant.unit);
  };
  if (held(constant)) {
    fitted.reason = "held at " + value();
  } else if (log_value < std::log(constant.low) + bound_margin) {
    fitted.reason = "at the lower end of its range, " + value();
  } else if (log_value > std::log(constant.high) - bound_margin) {
    fitted.reason = "at the upper end of its range, " + value();
  } else if (std::isnan(log_se) || log_se == 0) {
    fitted.reason = "the rows do not depend on it apart from the other constants";
  } else if (log_se > unidentified_log_se) {
    fitted.reason = "its standard error is a factor of " + format_number(std::exp(log_se), 3);
  } else {
    fitted.identified = true;
    // Degrees of freedom of the grouped sandwich: groups - 1.
    const double t = student_t_quantile(0.95, std::max(1.0, static_cast<double>(groups) - 1));
    fitted.value.se = fitted.value.estimate * log_se;
    fitted.value.low = std::exp(log_value - t * log_se);
    fitted.value.high = std::exp(log_value + t * log_se);
  }
  return fitted;
}

}  // namespace

std::vector<double> Calibration::values() const {
  std::vector<double> result;
  for (const auto& c : constants) result.push_back(c.value.estimate);
  return result;
}

Calibration calibrate(const CalibrationProblem& problem, const CalibrationOptions& options) {
  check(problem);
  static const bool silent = (FLAGS_minloglevel = 3, true);  // once: callers may be threads of one program
  static_cast<void>(silent);
  std::vector<Solution> solutions;
  for (int start = 0; start < std::max(1, options.starts); ++start) {
    std::vector<double> logs;
    if (start == 0) {
      for (const auto& c : problem.constants) logs.push_back(std::log(c.start));
    } else {
      logs = random_start(problem, options.seed, static_cast<std::uint64_t>(start));
    }
    solutions.push_back(solve_from(problem, options, std::move(logs)));
  }
  const auto best = std::min_element(solutions.begin(), solutions.end(),
                                     [](const Solution& a, const Solution& b) { return a.cost < b.cost; });
  if (!std::isfinite(best->cost)) throw Error(Fault::CannotRun, "the model gives no positive prediction at any start");
  Calibration result;
  result.objective = best->cost;
  result.converged = best->converged;
  result.starts_tried = static_cast<int>(solutions.size());
  for (const auto& s : solutions) result.starts_agreeing += s.cost <= 1.01 * best->cost + 1e-12 ? 1 : 0;
  std::vector<double> values;
  std::vector<bool> fixed;
  for (std::size_t j = 0; j < problem.constants.size(); ++j) {
    const auto& c = problem.constants[j];
    values.push_back(held(c) ? c.start : std::exp(best->logs[j]));
    fixed.push_back(best->logs[j] < std::log(c.low) + bound_margin || best->logs[j] > std::log(c.high) - bound_margin);
  }
  result.predicted = predictions(problem, values);
  const Spread spread = cluster_robust(problem, options, best->logs, result.predicted, fixed);
  result.groups = spread.groups;
  for (std::size_t j = 0; j < problem.constants.size(); ++j)
    result.constants.push_back(describe(problem.constants[j], best->logs[j], spread.log_se[j], spread.groups));
  std::vector<double> measured;
  for (const auto& row : problem.rows) measured.push_back(row.measured);
  result.in_sample = accuracy_of(measured, result.predicted);
  return result;
}

}  // namespace isoflop::sim
