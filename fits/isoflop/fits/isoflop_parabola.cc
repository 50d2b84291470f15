#include "isoflop/fits/isoflop_parabola.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>

#include "isoflop/error.h"
#include "isoflop/fits/solver/dense.h"
#include "isoflop/statistics.h"

namespace isoflop::fits {
namespace {

struct Parabola {
  Eigen::Vector3d c;           // c0 + c1 x + c2 x^2
  Eigen::Matrix3d covariance;  // of c; zero without degrees of freedom
  double vertex() const { return -c[1] / (2 * c[2]); }
};

Parabola least_squares_parabola(const Eigen::VectorXd& x, const Eigen::VectorXd& y, const Eigen::VectorXd& weight) {
  Eigen::MatrixXd design(x.size(), 3);
  design << Eigen::VectorXd::Ones(x.size()), x, x.cwiseAbs2();
  const Eigen::VectorXd root = weight.cwiseSqrt();
  const Eigen::MatrixXd weighted = root.asDiagonal() * design;
  Parabola parabola;
  parabola.c = solver::least_squares(weighted, root.cwiseProduct(y));
  parabola.covariance.setZero();
  if (x.size() > 3) {
    const double variance =
        (root.cwiseProduct(design * parabola.c - y)).squaredNorm() / static_cast<double>(x.size() - 3);
    parabola.covariance = variance * solver::inverse_positive_definite(weighted.transpose() * weighted);
  }
  return parabola;
}

// The vertex that a parabola through the runs finds lies at ln N* + bias(t), t measured from ln N*: solve for N*.
double bias_at_vertex(double alpha, double beta, const Eigen::VectorXd& log_params, double vertex) {
  double truth = vertex;
  for (int i = 0; i < 50; ++i) {
    std::vector<double> t;
    for (double x : log_params) t.push_back(x - truth);
    const double next = vertex - parabola_bias(alpha, beta, t);
    if (std::fabs(next - truth) < 1e-13) break;
    truth = next;
  }
  return vertex - truth;
}

void fit_curve(const RunTable& runs, const IsoflopOptions& options, IsoflopCurve& curve) {
  if (curve.runs.size() < std::max<std::size_t>(options.least_points, 3)) return;
  const auto n = static_cast<Eigen::Index>(curve.runs.size());
  Eigen::VectorXd log_params(n), loss(n), weight(n);
  for (Eigen::Index i = 0; i < n; ++i) {
    const Run& run = runs[curve.runs[static_cast<std::size_t>(i)]];
    log_params[i] = std::log(run.params);
    loss[i] = run.loss;
    weight[i] = run.weight;
  }
  std::vector<double> sizes(log_params.begin(), log_params.end());
  std::sort(sizes.begin(), sizes.end());
  if (std::unique(sizes.begin(), sizes.end(), [](double a, double b) { return b - a < 1e-9; }) - sizes.begin() < 3)
    return;
  curve.centre = log_params.mean();
  const Parabola parabola = least_squares_parabola(log_params.array() - curve.centre, loss, weight);
  curve.c0 = parabola.c[0], curve.c1 = parabola.c[1], curve.c2 = parabola.c[2];
  if (!(curve.c2 > 0)) {
    curve.status = CurveStatus::NotConvex;
    return;
  }
  const double vertex = curve.centre + parabola.vertex();
  if (vertex < log_params.minCoeff() || vertex > log_params.maxCoeff()) {
    curve.status = CurveStatus::MinimumOutside;
    return;
  }
  curve.status = CurveStatus::Used;
  const Eigen::Vector3d slope(0, -1 / (2 * curve.c2), curve.c1 / (2 * curve.c2 * curve.c2));
  curve.params_log_se = std::sqrt(std::max(0.0, slope.dot(parabola.covariance * slope)));
  curve.loss = curve.c0 - curve.c1 * curve.c1 / (4 * curve.c2);
  if (options.alpha && options.beta) curve.bias_log = bias_at_vertex(*options.alpha, *options.beta, log_params, vertex);
  curve.params = std::exp(vertex - curve.bias_log);
  curve.tokens = curve.budget_flop / (6 * curve.params);
}

}  // namespace

double parabola_bias(double alpha, double beta, std::span<const double> t) {
  if (!(alpha > 0) || !(beta > 0)) throw Error(Fault::CannotRun, "the parabola's bias needs positive exponents");
  if (t.size() < 3) throw Error(Fault::CannotRun, "a parabola needs three points");
  const auto n = static_cast<Eigen::Index>(t.size());
  Eigen::VectorXd x(n), y(n);
  double middle = 0;
  for (double each : t) middle += each / static_cast<double>(t.size());
  for (Eigen::Index i = 0; i < n; ++i) {
    const double each = t[static_cast<std::size_t>(i)];
    x[i] = each - middle;
    y[i] = std::exp(-alpha * each) / alpha + std::exp(beta * each) / beta;
  }
  return middle + least_squares_parabola(x, y, Eigen::VectorXd::Ones(n)).vertex();
}

std::string curve_status_name(CurveStatus status) {
  switch (status) {
    case CurveStatus::Used: return "used";
    case CurveStatus::TooFewRuns: return "too_few_runs";
    case CurveStatus::NotConvex: return "not_convex";
    case CurveStatus::MinimumOutside: return "minimum_outside";
  }
  return "";
}

std::vector<double> crowded_budgets(const RunTable& runs, double gap, std::size_t least_points) {
  std::vector<double> log_compute;
  for (const Run& run : runs.runs()) log_compute.push_back(std::log(run.compute_flop()));
  std::sort(log_compute.begin(), log_compute.end());
  std::vector<double> budgets, group;
  for (std::size_t i = 0; i < log_compute.size(); ++i) {
    group.push_back(log_compute[i]);
    if (i + 1 < log_compute.size() && log_compute[i + 1] - log_compute[i] <= gap) continue;
    if (group.size() >= least_points) budgets.push_back(std::exp(median(group)));
    group.clear();
  }
  return budgets;
}

std::vector<double> hoffmann_budgets() { return {6e18, 1e19, 3e19, 6e19, 1e20, 3e20, 6e20, 1e21, 3e21}; }

double IsoflopFit::params(double compute_flop) const {
  return std::exp(log_factor + exponent_a * std::log(compute_flop));
}

IsoflopFit fit_isoflop_parabolas(const RunTable& runs, const IsoflopOptions& options) {
  IsoflopFit fit;
  const auto budgets = options.budgets_flop.empty() ? crowded_budgets(runs, options.tolerance, options.least_points)
                                                    : options.budgets_flop;
  for (double budget : budgets) {
    fit.curves.emplace_back();
    fit.curves.back().budget_flop = budget;
  }
  for (std::size_t i = 0; i < runs.size() && !budgets.empty(); ++i) {
    const double log_compute = std::log(runs[i].compute_flop());
    const auto nearest =
        std::min_element(fit.curves.begin(), fit.curves.end(), [&](const IsoflopCurve& a, const IsoflopCurve& b) {
          return std::fabs(log_compute - std::log(a.budget_flop)) < std::fabs(log_compute - std::log(b.budget_flop));
        });
    if (std::fabs(log_compute - std::log(nearest->budget_flop)) < options.tolerance) nearest->runs.push_back(i);
  }
  std::vector<double> x, y;
  for (auto& curve : fit.curves) {
    fit_curve(runs, options, curve);
    if (curve.status != CurveStatus::Used) continue;
    x.push_back(std::log(curve.budget_flop));
    y.push_back(std::log(curve.params));
  }
  fit.used = x.size();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  fit.exponent_a = fit.exponent_a_se = fit.log_factor = nan;
  if (fit.used < 2) {
    fit.reason = fit.curves.empty()
                     ? "no budget has enough runs of different size"
                     : "fewer than two budgets have a convex curve with its minimum inside the sizes tried";
    return fit;
  }
  const double mx = mean(x), my = mean(y);
  double sxx = 0, sxy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sxx += (x[i] - mx) * (x[i] - mx), sxy += (x[i] - mx) * (y[i] - my);
  fit.exponent_a = sxy / sxx;
  fit.log_factor = my - fit.exponent_a * mx;
  if (fit.used > 2) {
    double rss = 0;
    for (std::size_t i = 0; i < x.size(); ++i) rss += std::pow(y[i] - fit.log_factor - fit.exponent_a * x[i], 2);
    fit.exponent_a_se = std::sqrt(rss / static_cast<double>(fit.used - 2) / sxx);
  }
  return fit;
}

}  // namespace isoflop::fits
