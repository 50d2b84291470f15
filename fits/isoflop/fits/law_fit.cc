#include "isoflop/fits/law_fit.h"

#include <ceres/ceres.h>
#include <fmt/format.h>
#include <glog/logging.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "isoflop/error.h"
#include "isoflop/fits/solver/dense.h"
#include "isoflop/fits/solver/law_problem.h"
#include "isoflop/parallel.h"
#include "isoflop/random.h"

namespace isoflop::fits {
namespace {

using Eigen::Index;
using Eigen::VectorXd;

// One row as Ceres sees it: residual over delta, so that its tolerances do not depend on the scale of the loss.
class RowCost final : public ceres::CostFunction {
 public:
  RowCost(const LawProblem& problem, std::size_t row, double scale) : problem_(problem), row_(row), scale_(scale) {
    set_num_residuals(1);
    mutable_parameter_block_sizes()->push_back(static_cast<int>(problem.dimension()));
  }
  bool Evaluate(double const* const* blocks, double* residual, double** jacobians) const override {
    const auto values = problem_.parameters(Eigen::Map<const VectorXd>(blocks[0], problem_.dimension()));
    double* slope = jacobians ? jacobians[0] : nullptr;
    if (!problem_.residual(row_, values, residual[0], slope)) return false;
    residual[0] *= scale_;
    if (slope)
      for (Index j = 0; j < problem_.dimension(); ++j) slope[j] *= scale_;
    return true;
  }

 private:
  const LawProblem& problem_;
  std::size_t row_;
  double scale_;
};

// Ceres speaks through glog, which writes to standard error unless told otherwise.
void silence_logging() {
  static const bool done = [] {
    FLAGS_minloglevel = 3;
    return true;
  }();
  static_cast<void>(done);
}

void levenberg_marquardt(const LawProblem& problem, VectorXd& at, int iterations) {
  const bool robust = std::isfinite(problem.delta());
  const double scale = robust ? 1 / problem.delta() : 1;
  ceres::Problem::Options ownership;
  ceres::Problem ceres_problem(ownership);
  ceres_problem.AddParameterBlock(at.data(), static_cast<int>(at.size()));
  for (Index j = 0; j < at.size(); ++j) {
    at[j] = std::clamp(at[j], problem.low(j), problem.high(j));
    ceres_problem.SetParameterLowerBound(at.data(), static_cast<int>(j), problem.low(j));
    ceres_problem.SetParameterUpperBound(at.data(), static_cast<int>(j), problem.high(j));
  }
  for (std::size_t row = 0; row < problem.rows(); ++row) {
    if (problem.weight(row) == 0) continue;
    ceres::LossFunction* loss = robust ? new ceres::HuberLoss(1.0) : nullptr;
    if (problem.weight(row) != 1) loss = new ceres::ScaledLoss(loss, problem.weight(row), ceres::TAKE_OWNERSHIP);
    ceres_problem.AddResidualBlock(new RowCost(problem, row, scale), loss, at.data());
  }
  ceres::Solver::Options options;
  options.linear_solver_type = ceres::DENSE_QR;
  options.logging_type = ceres::SILENT;
  options.num_threads = 1;
  options.max_num_iterations = iterations;
  options.max_num_consecutive_invalid_steps = 20;
  options.function_tolerance = 1e-15;
  options.gradient_tolerance = 1e-15;
  options.parameter_tolerance = 1e-15;
  ceres::Solver::Summary summary;
  ceres::Solve(options, &ceres_problem, &summary);
}

// Newton's method with the exact gradient and its central differences as Hessian: where many residuals lie outside
// delta, Levenberg-Marquardt only creeps.
void newton(const LawProblem& problem, VectorXd& at) {
  VectorXd gradient;
  double value = problem.objective(at, gradient);
  double damping = 1e-8;
  for (int iteration = 0; iteration < 200 && std::isfinite(value) && value > 0; ++iteration) {
    const Index p = at.size();
    Eigen::MatrixXd hessian(p, p);
    VectorXd up(p), down(p);
    for (Index j = 0; j < p; ++j) {
      const double h = 1e-6 * std::max(std::fabs(at[j]), 1e-2);
      VectorXd moved = at;
      moved[j] = at[j] + h;
      if (!std::isfinite(problem.objective(moved, up))) return;
      moved[j] = at[j] - h;
      if (!std::isfinite(problem.objective(moved, down))) return;
      hessian.col(j) = (up - down) / (2 * h);
    }
    hessian = (hessian + hessian.transpose()).eval() / 2;
    // Coordinates held by their bounds take no part in the step.
    for (Index j = 0; j < p; ++j) {
      const bool held = (at[j] <= problem.low(j) && gradient[j] > 0) || (at[j] >= problem.high(j) && gradient[j] < 0);
      if (!held) continue;
      hessian.row(j).setZero();
      hessian.col(j).setZero();
      hessian(j, j) = 1;
      gradient[j] = 0;
    }
    bool improved = false;
    for (int attempt = 0; attempt < 12; ++attempt) {
      Eigen::MatrixXd damped = hessian;
      damped.diagonal() += damping * hessian.diagonal().cwiseAbs() + VectorXd::Constant(p, 1e-300);
      VectorXd next = at - solver::solve_symmetric(damped, gradient);
      for (Index j = 0; j < p; ++j) next[j] = std::clamp(next[j], problem.low(j), problem.high(j));
      VectorXd next_gradient;
      const double next_value = problem.objective(next, next_gradient);
      // Near the minimum the value no longer tells steps apart, the gradient still does.
      const bool flat = next_value <= value * (1 + 1e-14) && next_gradient.norm() < 0.5 * gradient.norm();
      if (next_value < value || flat) {
        improved = flat || value - next_value > 1e-16 * value;
        at = next, gradient = next_gradient, value = next_value;
        damping = std::max(damping / 10, 1e-12);
        break;
      }
      damping *= 10;
    }
    if (!improved) return;
  }
}

struct Candidate {
  VectorXd at;
  double objective = std::numeric_limits<double>::infinity();
};

void keep_best(std::vector<Candidate>& points, std::size_t count) {
  std::stable_sort(points.begin(), points.end(),
                   [](const Candidate& a, const Candidate& b) { return a.objective < b.objective; });
  while (!points.empty() && !std::isfinite(points.back().objective)) points.pop_back();
  if (points.size() > count) points.resize(count);
}

std::vector<Candidate> search(const LawProblem& problem, const LawFitOptions& options) {
  std::vector<Candidate> points(options.search_points);
  parallel_for(points.size(), options.threads, [&](std::size_t i) {
    Random random(options.seed, i);
    VectorXd at(problem.dimension());
    for (Index j = 0; j < at.size(); ++j) at[j] = random.uniform(problem.low(j), problem.high(j));
    if (!problem.solve_linear(at)) return;
    points[i] = {at, problem.objective(at)};
  });
  keep_best(points, 6 * options.polishes);
  // The best points by value alone often crowd into one wrong valley; a few steps downhill sort them better.
  parallel_for(points.size(), options.threads, [&](std::size_t i) {
    levenberg_marquardt(problem, points[i].at, 20);
    points[i].objective = problem.objective(points[i].at);
  });
  keep_best(points, options.polishes);
  return points;
}

std::string sentence_about(const std::vector<double>& direction, const LossLaw& law) {
  std::vector<std::size_t> order(direction.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return std::fabs(direction[a]) > std::fabs(direction[b]); });
  std::string names;
  for (std::size_t k = 0; k < std::min<std::size_t>(3, order.size()); ++k) {
    if (k > 0 && std::fabs(direction[order[k]]) < 0.2) break;
    names += (names.empty() ? "" : ", ") + law.facts().parameters[order[k]].name;
  }
  return names;
}

void judge(const LawProblem& problem, const LossLaw& law, const VectorXd& at, LawFit& fit) {
  VectorXd gradient, magnitude;
  problem.objective(at, gradient, &magnitude);
  for (Index j = 0; j < at.size(); ++j) {
    const double span = problem.high(j) - problem.low(j);
    if (at[j] - problem.low(j) < 1e-7 * span || problem.high(j) - at[j] < 1e-7 * span)
      fit.at_bound.push_back(problem.parameter(j).name);
    else if (magnitude[j] > 0)
      fit.gradient_relative = std::max(fit.gradient_relative, std::fabs(gradient[j]) / magnitude[j]);
  }
  Eigen::MatrixXd jacobian = problem.jacobian(at);
  const VectorXd lengths = jacobian.colwise().norm();
  const bool silent_column = lengths.minCoeff() <= 1e-14 * lengths.maxCoeff();
  jacobian *= lengths.cwiseMax(1e-300).cwiseInverse().asDiagonal();
  const solver::SingularValues svd = solver::singular_values(jacobian);
  const double least = svd.values.minCoeff(), most = svd.values.maxCoeff();
  fit.condition = silent_column || least <= 0 ? std::numeric_limits<double>::infinity() : most / least;
  const VectorXd direction = svd.right.col(svd.values.size() - 1);
  fit.sloppiest.assign(direction.data(), direction.data() + direction.size());

  const auto values = problem.parameters(at);
  for (std::size_t row = 0; row < problem.rows(); ++row) {
    double r = 0;
    problem.residual(row, values, r, nullptr);
    fit.residuals.push_back(r);
  }
  const bool stationary = fit.gradient_relative < 1e-6 || fit.objective < 1e-24 * static_cast<double>(fit.n);
  if (fit.condition > 1e9) {
    fit.status = FitStatus::NotIdentified;
    fit.reason = "these data cannot tell " + sentence_about(fit.sloppiest, law) + " apart (scaled condition number " +
                 fmt::format("{:.1e}", fit.condition) + ")";
  } else if (!stationary) {
    fit.status = FitStatus::NotConverged;
    fit.reason =
        fmt::format("the gradient does not vanish at the best point (relative size {:.1e})", fit.gradient_relative);
  } else if (!fit.at_bound.empty()) {
    fit.status = FitStatus::AtBound;
    std::string names;
    for (const auto& name : fit.at_bound) names += (names.empty() ? "" : ", ") + name;
    fit.reason = "the best law lies on the edge of the search range of " + names;
  } else if (fit.starts_agreeing < 2) {
    fit.status = FitStatus::Converged;
    fit.reason = fmt::format("only one of {} starts found this minimum", fit.starts_tried);
  } else {
    fit.status = FitStatus::Certified;
  }
}

}  // namespace

double law_objective(const LossLaw& law, const LawData& data, const std::vector<double>& parameters, double delta) {
  const LawProblem problem(law, data, delta);
  return problem.objective(problem.coordinates(parameters));
}

LawFit fit_law(const LossLaw& law, const LawData& data, const LawFitOptions& options) {
  if (!(options.delta > 0)) throw Error(Fault::Usage, "the Huber threshold must be positive");
  if ((options.search_points == 0 || options.polishes == 0) && options.starts.empty())
    throw Error(Fault::Usage, "a search needs at least one point");
  for (std::size_t i = 0; i < data.size(); ++i)
    if (!std::isfinite(data.outputs[i]) || (law.facts().positive_output && !(data.outputs[i] > 0)))
      throw Error(Fault::BadInput, fmt::format("{}: observation {} has the value {}, which law {} cannot have",
                                               data.name, i + 1, data.outputs[i], law.facts().id));
  silence_logging();
  LawFit fit;
  fit.n = data.size();
  const std::size_t p = law.facts().parameters.size();
  if (data.size() < p) {
    fit.status = FitStatus::NotIdentified;
    fit.reason = fmt::format("{} observations cannot determine {} parameters", data.size(), p);
    return fit;
  }
  const LawProblem problem(law, data, options.delta);
  auto candidates = search(problem, options);
  for (const auto& start : options.starts) {
    VectorXd at = problem.coordinates(start);
    for (Index j = 0; j < at.size(); ++j) at[j] = std::clamp(at[j], problem.low(j), problem.high(j));
    if (const double value = problem.objective(at); std::isfinite(value)) candidates.push_back({at, value});
  }
  if (candidates.empty()) {
    fit.status = FitStatus::NotConverged;
    fit.reason = "the law has no value at any point of the search";
    return fit;
  }
  parallel_for(candidates.size(), options.threads, [&](std::size_t i) {
    levenberg_marquardt(problem, candidates[i].at, 600);
    newton(problem, candidates[i].at);
    candidates[i].objective = problem.objective(candidates[i].at);
  });
  const auto best = std::min_element(candidates.begin(), candidates.end(),
                                     [](const Candidate& a, const Candidate& b) { return a.objective < b.objective; });
  fit.objective = best->objective;
  fit.starts_tried = candidates.size();
  // Noise-free data have an objective of rounding errors only, where nothing is left to agree about.
  const double rounding = 1e-22 * static_cast<double>(data.size());
  for (const auto& candidate : candidates)
    if (candidate.objective <= best->objective * (1 + 1e-9) + rounding) ++fit.starts_agreeing;
  fit.parameters = problem.parameters(best->at);
  judge(problem, law, best->at, fit);
  return fit;
}

LawDraws bootstrap_law(const LossLaw& law, const LawData& data, const LawFit& fit, const LawFitOptions& options,
                       std::size_t replicates, std::uint64_t seed) {
  std::vector<std::vector<double>> found(replicates);
  parallel_for(replicates, options.threads, [&](std::size_t i) {
    Random random(seed, i);
    LawData resample = data;
    resample.weights.assign(data.size(), 0);
    for (std::size_t k = 0; k < data.size(); ++k) {
      const std::size_t row = random.index(data.size());
      resample.weights[row] += data.weights.empty() ? 1 : data.weights[row];
    }
    LawFitOptions search = options;
    search.threads = 1;
    search.seed = stream_seed(seed, replicates + i);
    search.search_points = std::min<std::size_t>(options.search_points, 200);
    search.polishes = std::min<std::size_t>(options.polishes, 3);
    search.starts = {fit.parameters};
    const LawFit replicate = fit_law(law, resample, search);
    if (replicate.usable()) found[i] = replicate.parameters;
  });
  LawDraws draws;
  for (auto& parameters : found) {
    if (parameters.empty()) ++draws.failed;
    else draws.parameters.push_back(std::move(parameters));
  }
  return draws;
}

}  // namespace isoflop::fits
