#include "isoflop/fits/power_sum_fit.h"

#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "isoflop/error.h"
#include "isoflop/fits/identifiability.h"
#include "isoflop/fits/kernel/newton.h"
#include "isoflop/fits/solver/dense.h"
#include "isoflop/parallel.h"
#include "isoflop/statistics.h"

namespace isoflop::fits {
namespace {

constexpr std::size_t most_terms = 6, most_parameters = 2 * most_terms + 1;
using Vector = std::array<double, most_parameters>;  // ln A_1..K, ln E, alpha_1..K
using Quadratic = kernel::Quadratic<most_parameters>;

// The runs with centred logarithms.
struct Prepared {
  std::size_t terms = 0, n = 0;
  std::vector<std::vector<double>> ln_x;
  std::vector<double> center, inverse_loss, weight;

  explicit Prepared(const PowerSumData& data) : terms(data.x.size()), n(data.loss.size()) {
    for (const auto& column : data.x) {
      auto& logs = ln_x.emplace_back();
      for (double v : column) logs.push_back(std::log(v));
      center.push_back(mean(logs));
      for (double& v : logs) v -= center.back();
    }
    for (double l : data.loss) inverse_loss.push_back(1 / l);
    weight = data.weight.empty() ? std::vector<double>(n, 1.0) : data.weight;
  }
};

// Objective with gradient and Hessian over (ln A, ln E, alpha); `magnitude` is the sum of the gradient's terms' sizes.
void evaluate(const Prepared& runs, const Vector& at, double delta, bool exponents_free, Quadratic& q,
              Vector* magnitude = nullptr) {
  const std::size_t k = runs.terms, parameters = exponents_free ? 2 * k + 1 : k + 1;
  q = Quadratic{};
  const double floor = std::exp(at[k]);
  double share[most_terms + 1], slope[most_parameters];
  for (std::size_t i = 0; i < runs.n; ++i) {
    double sum = floor;
    for (std::size_t t = 0; t < k; ++t) sum += share[t] = std::exp(at[t] - at[k + 1 + t] * runs.ln_x[t][i]);
    share[k] = floor;
    const double r = std::log(sum * runs.inverse_loss[i]);
    const double psi = std::clamp(r, -delta, delta), inside = r == psi ? 1 : 0, w = runs.weight[i];
    q.value += w * psi * (r - 0.5 * psi);
    for (std::size_t t = 0; t <= k; ++t) slope[t] = share[t] / sum;
    if (exponents_free)
      for (std::size_t t = 0; t < k; ++t) slope[k + 1 + t] = -runs.ln_x[t][i] * slope[t];
    const double first = w * psi, second = w * (inside - psi);
    for (std::size_t a = 0; a < parameters; ++a) {
      q.gradient[a] += first * slope[a];
      if (magnitude) (*magnitude)[a] += std::fabs(first * slope[a]);
      const double scaled = second * slope[a];
      for (std::size_t b = 0; b <= a; ++b) q.hessian[a][b] += scaled * slope[b];
    }
    // diag(z) couples each amplitude with itself and with its own exponent.
    for (std::size_t t = 0; t <= k; ++t) q.hessian[t][t] += first * slope[t];
    if (exponents_free)
      for (std::size_t t = 0; t < k; ++t) {
        q.hessian[k + 1 + t][t] += first * slope[k + 1 + t];
        q.hessian[k + 1 + t][k + 1 + t] -= first * slope[k + 1 + t] * runs.ln_x[t][i];
      }
  }
  for (std::size_t a = 0; a < parameters; ++a)
    for (std::size_t b = 0; b < a; ++b) q.hessian[b][a] = q.hessian[a][b];
}

// Inner products of every term at every exponent of the grid, relative to the losses: the last index is the floor.
class Grid {
 public:
  Grid(const Prepared& runs, const PowerSumOptions& options) : points_(options.points), terms_(runs.terms) {
    const std::size_t columns = points_ * terms_ + 1;
    std::vector<std::vector<double>> column(columns, std::vector<double>(runs.n));
    for (std::size_t e = 0; e < points_; ++e)
      exponents_.push_back(options.lowest_exponent + (options.highest_exponent - options.lowest_exponent) *
                                                         static_cast<double>(e) / static_cast<double>(points_ - 1));
    parallel_for(columns, options.threads, [&](std::size_t c) {
      for (std::size_t i = 0; i < runs.n; ++i) {
        const double root = std::sqrt(runs.weight[i]) * runs.inverse_loss[i];
        column[c][i] = c + 1 == columns ? root : root * std::exp(-exponents_[c % points_] * runs.ln_x[c / points_][i]);
      }
    });
    gram_.assign(columns, std::vector<double>(columns));
    right_.resize(columns);
    parallel_for(columns, options.threads, [&](std::size_t c) {
      for (std::size_t d = 0; d < columns; ++d) {
        double sum = 0;
        for (std::size_t i = 0; i < runs.n; ++i) sum += column[c][i] * column[d][i];
        gram_[c][d] = sum;
      }
      for (std::size_t i = 0; i < runs.n; ++i) right_[c] += column[c][i] * std::sqrt(runs.weight[i]);
    });
  }

  std::size_t cells() const {
    std::size_t count = 1;
    for (std::size_t t = 0; t < terms_; ++t) count *= points_;
    return count;
  }

  // Non-negative least squares in a cell, by the best subset of positive amplitudes; larger gain = smaller residual.
  double solve(std::size_t cell, Vector& at) const {
    std::array<std::size_t, most_terms + 1> index{};
    for (std::size_t t = 0; t < terms_; ++t) {
      const std::size_t e = cell % points_;
      cell /= points_;
      index[t] = t * points_ + e;
      at[terms_ + 1 + t] = exponents_[e];
    }
    index[terms_] = points_ * terms_;
    double best_gain = -1;
    for (unsigned set = 1; set < (1u << (terms_ + 1)); ++set) {
      kernel::Quadratic<most_terms + 1> q;
      std::array<std::size_t, most_terms + 1> member{};
      std::size_t m = 0;
      for (std::size_t t = 0; t <= terms_; ++t)
        if ((set >> t) & 1u) member[m++] = t;
      for (std::size_t i = 0; i < m; ++i) {
        q.gradient[i] = -right_[index[member[i]]];
        for (std::size_t j = 0; j < m; ++j) q.hessian[i][j] = gram_[index[member[i]]][index[member[j]]];
      }
      std::array<double, most_terms + 1> x{};
      if (!kernel::damped_step(q, m, 0, x)) continue;
      double gain = 0;
      bool positive = true;
      for (std::size_t i = 0; i < m; ++i) {
        gain -= x[i] * q.gradient[i];
        positive = positive && x[i] > 0;
      }
      if (!positive || gain <= best_gain) continue;
      best_gain = gain;
      // A term that is switched off keeps a little, from where Newton can bring it back.
      for (std::size_t t = 0; t <= terms_; ++t)
        at[t] = std::log(1e-3 / std::sqrt(gram_[index[t]][index[t]] / gram_.back().back()));
      for (std::size_t i = 0; i < m; ++i) at[member[i]] = std::log(x[i]);
    }
    return best_gain;
  }

 private:
  std::size_t points_, terms_;
  std::vector<double> exponents_;
  std::vector<std::vector<double>> gram_;
  std::vector<double> right_;
};

struct Start {
  Vector at{};
  double value = 0;
  bool converged = false;
};

Start refined(const Prepared& runs, Vector at, double delta, bool exponents_free,
              const kernel::NewtonSettings& settings) {
  Quadratic q;
  const std::size_t m = exponents_free ? 2 * runs.terms + 1 : runs.terms + 1;
  const auto outcome = kernel::minimise(
      at, m, q, settings, [&](const Vector& x, Quadratic& out) { evaluate(runs, x, delta, exponents_free, out); });
  return {at, q.value, outcome.converged};
}

std::vector<std::size_t> lowest(const std::vector<double>& values, std::size_t count) {
  auto order = sorted_order(values);
  order.resize(std::min(order.size(), count));
  return order;
}

std::string data_problem(const PowerSumData& data) {
  const std::size_t free = 2 * data.x.size() + 1;
  if (data.loss.size() < free) return fmt::format("{} runs cannot determine {} parameters", data.loss.size(), free);
  for (std::size_t k = 0; k < data.x.size(); ++k)
    if (const auto levels = level_count(data.x[k]); levels < 3)
      return fmt::format("{} has {} distinct value{}; its amplitude and exponent need at least 3", data.names[k],
                         levels, levels == 1 ? "" : "s");
  return {};
}

void judge(PowerSumFit& fit, const Prepared& runs, const Start& best) {
  const std::size_t k = runs.terms;
  fit.status = FitStatus::NotIdentified;
  for (std::size_t t = 0; t < k; ++t) {
    if (!(fit.law.alpha[t] > 1e-3) || fit.law.alpha[t] > 8 || best.at[t] < -25) {
      fit.reason = fmt::format("term {} has no place in the best law (exponent {:.3g}, share {:.2g} of the loss)",
                               t + 1, fit.law.alpha[t], std::exp(best.at[t]));
      return;
    }
  }
  if (!(fit.hessian_eigenvalues.front() > 1e-14 * fit.hessian_eigenvalues.back())) {
    fit.reason =
        "the Hessian is singular at the minimum: some combination of the parameters can change without changing the "
        "fit";
    return;
  }
  fit.status = FitStatus::NotConverged;
  if (!best.converged) {
    fit.reason = "Newton's method did not reach a minimum from the best start";
    return;
  }
  fit.status = FitStatus::Converged;
  if (fit.gradient_relative > 1e-9 && fit.objective > 1e-28 * static_cast<double>(runs.n)) {
    fit.reason = fmt::format("the relative gradient {:.2g} is above 1e-9", fit.gradient_relative);
    return;
  }
  if (fit.starts_agreeing < 3) {
    fit.reason = fmt::format("only {} of {} starts reached the best objective", fit.starts_agreeing, fit.starts_tried);
    return;
  }
  fit.status = FitStatus::Certified;
}

}  // namespace

PowerSumData PowerSumData::from_csv(const CsvTable& table, const std::vector<std::string>& names,
                                    const std::string& loss) {
  PowerSumData data;
  data.names = names;
  std::vector<std::size_t> columns;
  for (const auto& name : names) columns.push_back(table.column(name));
  const std::size_t loss_column = table.column(loss);
  const auto positive = [&table](std::size_t row, std::size_t column) {
    const double value = table.required_number(row, column);
    if (!(value > 0)) table.reject(row, column, "\"" + std::string(table.text(row, column)) + "\" is not positive");
    return value;
  };
  data.x.resize(names.size());
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (std::size_t k = 0; k < names.size(); ++k) data.x[k].push_back(positive(row, columns[k]));
    data.loss.push_back(positive(row, loss_column));
  }
  return data;
}

PowerSumFit fit_power_sum(const PowerSumData& data, const PowerSumOptions& options) {
  if (data.x.empty() || data.x.size() > most_terms)
    throw Error(Fault::Usage, fmt::format("a sum of power laws has 1 to {} terms, not {}", most_terms, data.x.size()));
  if (!(options.delta > 0) || options.points < 2 || options.polishes < 1)
    throw Error(Fault::Usage, "the Huber threshold must be positive, the grid at least two points wide");
  PowerSumFit fit;
  fit.n = data.loss.size();
  if (auto problem = data_problem(data); !problem.empty()) {
    fit.status = FitStatus::NotIdentified;
    fit.reason = std::move(problem);
    return fit;
  }
  const Prepared runs(data);
  const Grid grid(runs, options);
  fit.cells = grid.cells();
  std::vector<Vector> cells(fit.cells);
  std::vector<double> loss_of_fit(fit.cells);
  parallel_for(fit.cells, options.threads, [&](std::size_t c) { loss_of_fit[c] = -grid.solve(c, cells[c]); });

  kernel::NewtonSettings quick, fine;
  quick.most_steps = 10;
  quick.stop_relative = 1e-5;
  fine.stop_absolute = 1e-31 * static_cast<double>(fit.n);
  const auto by_least_squares = lowest(loss_of_fit, options.amplitude_fits);
  std::vector<Start> starts(by_least_squares.size());
  parallel_for(starts.size(), options.threads, [&](std::size_t i) {
    starts[i] = refined(runs, cells[by_least_squares[i]], options.delta, false, quick);
  });
  std::vector<double> values;
  for (const Start& start : starts) values.push_back(start.value);
  const auto chosen = lowest(values, options.polishes);
  std::vector<Start> polished(chosen.size());
  parallel_for(polished.size(), options.threads,
               [&](std::size_t i) { polished[i] = refined(runs, starts[chosen[i]].at, options.delta, true, fine); });

  const Start& best = *std::min_element(polished.begin(), polished.end(),
                                        [](const Start& a, const Start& b) { return a.value < b.value; });
  fit.objective = best.value;
  fit.starts_tried = polished.size();
  for (const Start& start : polished)
    if (start.value <= best.value * (1 + 1e-10) + 10 * fine.stop_absolute) ++fit.starts_agreeing;
  fit.law.E = std::exp(best.at[runs.terms]);
  for (std::size_t t = 0; t < runs.terms; ++t) {
    fit.law.alpha.push_back(best.at[runs.terms + 1 + t]);
    fit.law.A.push_back(std::exp(best.at[t] + fit.law.alpha[t] * runs.center[t]));
  }
  Quadratic q;
  Vector magnitude{};
  evaluate(runs, best.at, options.delta, true, q, &magnitude);
  const auto m = static_cast<Eigen::Index>(2 * runs.terms + 1);
  Eigen::MatrixXd hessian(m, m);
  for (Eigen::Index a = 0; a < m; ++a) {
    const auto i = static_cast<std::size_t>(a);
    fit.gradient_relative = std::max(fit.gradient_relative, std::fabs(q.gradient[i]) / std::max(magnitude[i], 1e-300));
    for (Eigen::Index b = 0; b < m; ++b) hessian(a, b) = q.hessian[i][static_cast<std::size_t>(b)];
  }
  const Eigen::VectorXd eigenvalues = solver::symmetric_eigen(hessian).values;
  fit.hessian_eigenvalues.assign(eigenvalues.begin(), eigenvalues.end());
  for (std::size_t i = 0; i < fit.n; ++i) {
    double loss = fit.law.E;
    for (std::size_t t = 0; t < runs.terms; ++t) loss += fit.law.A[t] * std::pow(data.x[t][i], -fit.law.alpha[t]);
    fit.residuals.push_back(std::log(loss / data.loss[i]));
  }
  judge(fit, runs, best);
  return fit;
}

}  // namespace isoflop::fits
