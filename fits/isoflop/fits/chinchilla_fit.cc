#include "isoflop/fits/chinchilla_fit.h"

#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "isoflop/error.h"
#include "isoflop/fits/identifiability.h"
#include "isoflop/fits/jacobian.h"
#include "isoflop/fits/kernel/global_search.h"
#include "isoflop/fits/solver/dense.h"

namespace isoflop::fits {
namespace {

using kernel::FreeMap;
using kernel::PreparedRuns;

constexpr double grid_low = 0.05, grid_high = 1.2;
constexpr std::size_t grid_points = 16, diagonal_points = 64;
constexpr double certified_gradient = 1e-9;  // relative to the sum of magnitudes; rounding leaves about 1e-13
constexpr double rounding = 1e-15;           // of one residual

void validate(const ChinchillaOptions& options) {
  if (!(options.delta > 0)) throw Error(Fault::Usage, "the Huber threshold must be positive");
  if (!(options.overestimate_penalty > 0) || !std::isfinite(options.overestimate_penalty))
    throw Error(Fault::Usage, "the penalty on overestimates must be positive and finite");
  if (options.fixed_E && !(*options.fixed_E >= 0)) throw Error(Fault::Usage, "the fixed floor E must not be negative");
}

// Gradient and Hessian of the free parameters in plain coordinates, from centred sums.
void state_derivatives(ChinchillaFit& fit, const kernel::Sums& sums, const PreparedRuns& prepared, const FreeMap& map,
                       const RunTable& runs, const ChinchillaOptions& options) {
  Eigen::Matrix<double, 6, 6> h, t = Eigen::Matrix<double, 6, 6>::Identity();
  Eigen::Matrix<double, 6, 1> g;
  for (std::size_t i = 0; i < theta_size; ++i) {
    g(static_cast<int>(i)) = sums.gradient[i];
    for (std::size_t j = i; j < theta_size; ++j)
      h(static_cast<int>(i), static_cast<int>(j)) = h(static_cast<int>(j), static_cast<int>(i)) =
          sums.hessian[kernel::upper(i, j)];
  }
  t(0, 3) = -prepared.mean_ln_n();
  t(1, 4) = -prepared.mean_ln_d();
  const auto m = static_cast<int>(map.count);
  Eigen::MatrixXd pick = Eigen::MatrixXd::Zero(6, m);
  for (std::size_t j = 0; j < theta_size; ++j)
    if (map.slot[j] >= 0) pick(static_cast<int>(j), map.slot[j]) = 1;
  const Eigen::MatrixXd chain = t * pick;
  const Eigen::VectorXd gradient = chain.transpose() * g;
  const Eigen::MatrixXd hessian = chain.transpose() * h * chain;

  // Where the law fits exactly, residuals are rounding errors and their gradient is not expected to cancel.
  const bool exact = fit.objective < 1e-28 * prepared.rows().total_weight();
  const double least_psi = exact ? rounding / certified_gradient : 0;
  Eigen::VectorXd magnitude = Eigen::VectorXd::Zero(m);
  const auto jacobian = residual_jacobian(runs, fit, options);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const double r = fit.residuals[i], psi = std::fabs(std::clamp(r, -options.delta, options.delta));
    const double weight = runs[i].weight * (r > 0 ? options.overestimate_penalty : 1);
    magnitude +=
        weight * std::max(psi, least_psi) * Eigen::Map<const Eigen::VectorXd>(jacobian[i].data(), m).cwiseAbs();
  }
  static const char* const names[theta_size] = {"ln A", "ln B", "ln E", "alpha", "beta", "k"};
  for (std::size_t j = 0; j < theta_size; ++j)
    if (map.slot[j] >= 0 && static_cast<std::size_t>(map.slot[j]) == fit.free_names.size())
      fit.free_names.push_back(j == 3 && options.tied_exponents ? "alpha = beta" : names[j]);
  fit.gradient_norm = gradient.cwiseAbs().maxCoeff();
  fit.gradient_relative = (gradient.cwiseAbs().array() / magnitude.array()).maxCoeff();
  const Eigen::VectorXd eigenvalues = solver::symmetric_eigen(hessian).values;
  fit.hessian_eigenvalues.assign(eigenvalues.begin(), eigenvalues.end());
  for (int i = 0; i < m; ++i) fit.hessian.emplace_back(hessian.row(i).begin(), hessian.row(i).end());
}

// The largest share of the loss that a term reaches in any run.
double largest_share(const RunTable& runs, double amplitude, double exponent, double k, bool of_params) {
  double share = 0;
  for (const Run& run : runs.runs())
    share =
        std::max(share, std::pow(amplitude * std::pow(of_params ? run.params : run.tokens, -exponent), k) / run.loss);
  return share;
}

void judge(ChinchillaFit& fit, const RunTable& runs, const kernel::SearchResult& search) {
  const auto set = [&fit](FitStatus status, std::string reason) {
    fit.status = status;
    fit.reason = std::move(reason);
  };
  const auto& law = fit.law;
  const bool finite = std::isfinite(fit.objective) && std::isfinite(law.A) && std::isfinite(law.B);
  for (const bool of_params : {true, false}) {
    const double exponent = of_params ? law.alpha : law.beta;
    const char* name = of_params ? "alpha" : "beta";
    const char* counted = of_params ? "the model size" : "the token count";
    if (largest_share(runs, of_params ? law.A : law.B, exponent, law.k, of_params) < 1e-7)
      return set(FitStatus::NotIdentified,
                 fmt::format("the best law has no term in {} at all; these runs show no dependence on it", counted));
    if (finite && !(exponent > 1e-3))
      return set(FitStatus::AtBound, fmt::format("{} = {:.3g} is not positive: more of {} does not lower these losses, "
                                                 "or they fall as its logarithm",
                                                 name, exponent, counted));
    if (exponent > 8)
      return set(FitStatus::NotIdentified,
                 fmt::format("{} runs off to {:.3g}: only the smallest values of {} matter", name, exponent, counted));
  }
  if (!finite || !search.best.converged)
    return set(FitStatus::NotConverged, "Newton's method did not reach a minimum from the best start");
  const double least = fit.hessian_eigenvalues.front(), most = fit.hessian_eigenvalues.back();
  if (!(least > 1e-14 * most))
    return set(FitStatus::NotIdentified,
               "the Hessian is singular at the minimum: some combination of the parameters "
               "can change without changing the fit");
  for (const auto& other : search.polished) {
    if (other.objective > search.best.objective * (1 + 1e-6) + 1e-24) continue;
    if (std::fabs(other.theta[3] - search.best.theta[3]) + std::fabs(other.theta[4] - search.best.theta[4]) > 1e-2)
      return set(FitStatus::NotIdentified,
                 fmt::format("a second law with alpha = {:.4g}, beta = {:.4g} fits these runs just as well",
                             other.theta[3], other.theta[4]));
  }
  if (fit.gradient_relative > certified_gradient)
    return set(FitStatus::Converged,
               fmt::format("the relative gradient {:.2g} is above {:.0e}", fit.gradient_relative, certified_gradient));
  if (fit.starts_agreeing < std::max<std::size_t>(3, fit.starts_tried / 4))
    return set(FitStatus::Converged,
               fmt::format("only {} of {} starts reached the best objective", fit.starts_agreeing, fit.starts_tried));
  set(FitStatus::Certified, "");
}

// The grid is scanned on at most this many runs, evenly taken; Newton then takes all of them.
constexpr std::size_t most_scanned = 8192;

kernel::SearchResult searched(const RunTable& runs, const PreparedRuns& prepared, const ChinchillaOptions& options,
                              const FreeMap& map) {
  if (runs.size() > most_scanned) {
    std::vector<std::size_t> part;
    for (std::size_t i = 0; i < most_scanned; ++i) part.push_back(i * runs.size() / most_scanned);
    const RunTable sample = runs.selected(part);
    const PreparedRuns prepared_sample(sample);
    std::vector<Theta> starts;
    for (const auto& point : searched(sample, prepared_sample, options, map).polished)
      starts.push_back(prepared.centred(prepared_sample.plain(point.theta)));
    return kernel::polish_starts(prepared.rows(), starts, options, map, options.threads);
  }
  const kernel::ExponentGrid grid(prepared, grid_low, grid_high, options.tied_exponents ? diagonal_points : grid_points,
                                  options.tied_exponents);
  kernel::SearchSettings settings;
  settings.threads = options.threads;
  return kernel::global_search(prepared.rows(), grid, options, map, settings);
}

}  // namespace

std::string status_name(FitStatus status) {
  switch (status) {
    case FitStatus::Certified:
      return "certified";
    case FitStatus::Converged:
      return "converged";
    case FitStatus::NotConverged:
      return "not_converged";
    case FitStatus::AtBound:
      return "at_bound";
    case FitStatus::NotIdentified:
      return "not_identified";
  }
  return "not_converged";
}

ChinchillaFit fit_chinchilla(const RunTable& runs, const ChinchillaOptions& options) {
  validate(options);
  ChinchillaFit fit;
  fit.n = runs.size();
  if (auto problem = identifiability_problem(runs, options); !problem.empty()) {
    fit.status = FitStatus::NotIdentified;
    fit.reason = std::move(problem);
    return fit;
  }
  const PreparedRuns prepared(runs);
  const FreeMap map(options);
  const auto search = searched(runs, prepared, options, map);
  const double least_loss = std::min_element(runs.runs().begin(), runs.runs().end(), [](const Run& a, const Run& b) {
                              return a.loss < b.loss;
                            })->loss;
  if (!options.fixed_E && std::exp(search.best.theta[2]) < 1e-6 * least_loss) {
    ChinchillaOptions without_floor = options;
    without_floor.fixed_E = 0;
    fit = fit_chinchilla(runs, without_floor);
    if (fit.usable()) {
      fit.status = FitStatus::AtBound;
      fit.reason =
          "the best floor is E = 0, the edge of what the law allows; the other parameters are those of the law "
          "without a floor";
    }
    return fit;
  }
  fit.theta = prepared.plain(search.best.theta);
  fit.law = kernel::law_of(fit.theta, options);
  fit.objective = search.best.objective;
  fit.starts_tried = search.tried;
  fit.starts_agreeing = search.agreeing;
  fit.cells = options.tied_exponents ? diagonal_points : grid_points * grid_points;
  for (const Run& run : runs.runs()) fit.residuals.push_back(residual_of(run, fit.law, options));
  state_derivatives(fit, kernel::evaluate_at(prepared.rows(), search.best.theta, options), prepared, map, runs,
                    options);
  judge(fit, runs, search);
  return fit;
}

double chinchilla_objective(const RunTable& runs, const ChinchillaLaw& law, const ChinchillaOptions& options) {
  validate(options);
  double sum = 0;
  for (const Run& run : runs.runs()) {
    const double r = residual_of(run, law, options);
    const double psi = std::clamp(r, -options.delta, options.delta);
    sum += run.weight * (r > 0 ? options.overestimate_penalty : 1) * psi * (r - 0.5 * psi);
  }
  return sum;
}

}  // namespace isoflop::fits
