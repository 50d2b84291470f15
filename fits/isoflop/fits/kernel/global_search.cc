#include "isoflop/fits/kernel/global_search.h"

#include <algorithm>
#include <cmath>

#include "isoflop/fits/kernel/newton.h"
#include "isoflop/parallel.h"
#include "isoflop/statistics.h"

namespace isoflop::fits::kernel {
namespace {

bool raw(const ChinchillaOptions& options) { return options.residual == Residual::RawLoss; }
Penalty penalty_of(const ChinchillaOptions& options) { return {options.delta, options.overestimate_penalty}; }

// Least squares of 1 = (A p + B q + E) / L over non-negative A, B, E: the best of the few subsets of positive ones.
std::array<double, 3> amplitudes(const NormalSums& sums, const std::optional<double>& fixed_E) {
  const auto& s = sums.s;
  const double gram[3][3] = {{s[0], s[1], s[2]}, {s[1], s[3], s[4]}, {s[2], s[4], s[5]}};
  double right[3] = {s[6], s[7], s[8]};
  if (fixed_E)
    for (int i = 0; i < 2; ++i) right[i] -= *fixed_E * gram[i][2];
  std::array<double, 3> best{0, 0, fixed_E.value_or(0)};
  double best_gain = -1;
  for (unsigned set = 1; set < (fixed_E ? 4u : 8u); ++set) {
    Quadratic<3> q;
    std::size_t m = 0, member[3] = {};
    for (std::size_t i = 0; i < 3; ++i)
      if ((set >> i) & 1u) member[m++] = i;
    for (std::size_t i = 0; i < m; ++i) {
      q.gradient[i] = -right[member[i]];
      for (std::size_t j = 0; j < m; ++j) q.hessian[i][j] = gram[member[i]][member[j]];
    }
    std::array<double, 3> x{};
    if (!damped_step(q, m, 0, x)) continue;
    double gain = 0;
    bool allowed = true;
    for (std::size_t i = 0; i < m; ++i) {
      gain += x[i] * right[member[i]];
      allowed = allowed && x[i] > 0;
    }
    if (!allowed || gain <= best_gain) continue;
    best_gain = gain;
    best = {0, 0, fixed_E.value_or(0)};
    for (std::size_t i = 0; i < m; ++i) best[member[i]] = x[i];
  }
  return best;
}

// Residuals are known to a few rounding errors, so objectives below this are zero: the law fits exactly.
// Per unit of weight.
constexpr double exact_fit = 1e-31;

double log_or_least(double x) { return x > 0 ? std::max(std::log(x), least_log) : least_log; }

Quadratic<6> reduced(const Sums& sums, const FreeMap& map) {
  Quadratic<6> q;
  q.value = sums.objective;
  for (std::size_t i = 0; i < theta_size; ++i) {
    if (map.slot[i] < 0) continue;
    const auto a = static_cast<std::size_t>(map.slot[i]);
    q.gradient[a] += map.coefficient[i] * sums.gradient[i];
    for (std::size_t j = 0; j < theta_size; ++j) {
      if (map.slot[j] < 0) continue;
      q.hessian[a][static_cast<std::size_t>(map.slot[j])] +=
          map.coefficient[i] * map.coefficient[j] * sums.hessian[upper(std::min(i, j), std::max(i, j))];
    }
  }
  return q;
}

}  // namespace

PreparedRuns::PreparedRuns(const RunTable& runs)
    : ln_n_(runs.size()), ln_d_(runs.size()), loss_(runs.size()), inverse_loss_(runs.size()), weight_(runs.size()) {
  const std::size_t n = runs.size();
  for (std::size_t i = 0; i < n; ++i) {
    ln_n_[i] = std::log(runs[i].params);
    ln_d_[i] = std::log(runs[i].tokens);
    loss_[i] = runs[i].loss;
    inverse_loss_[i] = 1 / runs[i].loss;
    weight_[i] = runs[i].weight;
    mean_ln_n_ += ln_n_[i] / static_cast<double>(n);
    mean_ln_d_ += ln_d_[i] / static_cast<double>(n);
  }
  for (std::size_t i = 0; i < n; ++i) {
    ln_n_[i] -= mean_ln_n_;
    ln_d_[i] -= mean_ln_d_;
  }
  for (std::size_t i = n; i < loss_.groups() * lanes; ++i) loss_[i] = inverse_loss_[i] = 1;
}

Theta PreparedRuns::centred(const Theta& theta) const {
  return {theta[0] - theta[3] * mean_ln_n_, theta[1] - theta[4] * mean_ln_d_, theta[2], theta[3], theta[4], theta[5]};
}

Theta PreparedRuns::plain(const Theta& theta) const {
  return {theta[0] + theta[3] * mean_ln_n_, theta[1] + theta[4] * mean_ln_d_, theta[2], theta[3], theta[4], theta[5]};
}

FreeMap::FreeMap(const ChinchillaOptions& options) {
  slot.fill(-1);
  for (std::size_t j = 0; j < theta_size; ++j) {
    if (j == 2 && options.fixed_E) continue;
    if (j == 5 && !options.coupled) continue;
    slot[j] = j == 4 && options.tied_exponents ? slot[3] : static_cast<int>(count++);
  }
}

FreeMap FreeMap::holding(std::size_t j) const {
  FreeMap rest = *this;
  const int gone = rest.slot[j];
  if (gone < 0) return rest;
  for (int& s : rest.slot) s = s == gone ? -1 : s > gone ? s - 1 : s;
  --rest.count;
  return rest;
}

FreeMap FreeMap::with_exponent_ratio(double ratio) const {
  FreeMap tied = holding(4);
  if (slot[4] == slot[3]) tied = *this;
  tied.slot[4] = tied.slot[3];
  tied.coefficient[4] = ratio;
  return tied;
}

ExponentGrid::ExponentGrid(const PreparedRuns& runs, double low, double high, std::size_t points, bool diagonal)
    : points_(points), diagonal_(diagonal) {
  const Rows rows = runs.rows();
  for (std::size_t i = 0; i < points; ++i) {
    const double e = low + (high - low) * static_cast<double>(i) / static_cast<double>(points - 1);
    exponents_.push_back(e);
    best().decay(rows.ln_n, rows.groups, e, n_.emplace_back(runs.size()).data());
    best().decay(rows.ln_d, rows.groups, e, d_.emplace_back(runs.size()).data());
  }
}

Theta theta_of(const ChinchillaLaw& law) {
  return {std::log(law.A), std::log(law.B), log_or_least(law.E), law.alpha, law.beta, law.k};
}

ChinchillaLaw law_of(const Theta& plain, const ChinchillaOptions& options) {
  ChinchillaLaw law;
  law.E = options.fixed_E ? *options.fixed_E : std::exp(plain[2]);
  law.A = std::exp(plain[0]);
  law.B = std::exp(plain[1]);
  law.alpha = plain[3];
  law.beta = plain[4];
  if (options.coupled) law.k = plain[5];
  return law;
}

bool is_finite(const ChinchillaLaw& law) {
  return std::isfinite(law.E) && std::isfinite(law.A) && std::isfinite(law.B) && law.A > 0 && law.B > 0 &&
         std::isfinite(law.alpha) && std::isfinite(law.beta) && std::isfinite(law.k);
}

Point solve_cell(const Rows& rows, const ExponentGrid& grid, std::size_t cell, const ChinchillaOptions& options,
                 int newton_steps) {
  const double *p = grid.p(cell), *q = grid.q(cell);
  NormalSums normal;
  best().normal_equations(rows, p, q, normal);
  const auto linear = amplitudes(normal, options.fixed_E);
  // A term that least squares switches off keeps a thousandth of the loss, from where Newton can bring it back.
  const double least = 1e-3 * normal.s[9] / std::max(normal.s[8], 1e-300);
  std::array<double, 3> x{std::log(std::max(linear[0], least)), std::log(std::max(linear[1], least)),
                          options.fixed_E ? log_or_least(*options.fixed_E) : std::log(std::max(linear[2], least))};
  const Penalty penalty = penalty_of(options);
  const auto kernel = best().evaluate_cell[raw(options)];
  Quadratic<3> quadratic;
  NewtonSettings settings;
  settings.most_steps = newton_steps;
  settings.stop_relative = 1e-5;
  minimise(x, options.fixed_E ? 2u : 3u, quadratic, settings, [&](const std::array<double, 3>& at, Quadratic<3>& out) {
    CellSums sums;
    kernel(rows, p, q, at.data(), penalty, sums);
    out.value = sums.objective;
    out.gradient = sums.gradient;
    const auto& h = sums.hessian;
    out.hessian = {{{h[0], h[1], h[2]}, {h[1], h[3], h[4]}, {h[2], h[4], h[5]}}};
  });
  return {{x[0], x[1], x[2], grid.alpha(cell), grid.beta(cell), 1}, quadratic.value, false};
}

Sums evaluate_at(const Rows& rows, const Theta& theta, const ChinchillaOptions& options) {
  Sums sums;
  best().evaluate[options.coupled][raw(options)](rows, theta.data(), penalty_of(options), sums);
  return sums;
}

Point polish(const Rows& rows, const Theta& start, const ChinchillaOptions& options, const FreeMap& map) {
  Theta theta = start;
  const auto expanded = [&map, &start](const std::array<double, 6>& x) {
    Theta full = start;
    for (std::size_t j = 0; j < theta_size; ++j)
      if (map.slot[j] >= 0) full[j] = map.coefficient[j] * x[static_cast<std::size_t>(map.slot[j])];
    return full;
  };
  const auto kernel = best().evaluate[options.coupled][raw(options)];
  const double total_weight = rows.total_weight();
  const auto newton = [&](double delta, double stop_relative) {
    std::array<double, 6> x{};
    for (std::size_t j = 0; j < theta_size; ++j)
      if (map.slot[j] >= 0) x[static_cast<std::size_t>(map.slot[j])] = theta[j] / map.coefficient[j];
    const Penalty penalty{delta, options.overestimate_penalty};
    NewtonSettings settings;
    settings.stop_relative = stop_relative;
    settings.stop_absolute = exact_fit * total_weight;
    Sums sums;
    Quadratic<6> q;
    const auto outcome = minimise(x, map.count, q, settings, [&](const std::array<double, 6>& at, Quadratic<6>& out) {
      const Theta full = expanded(at);
      kernel(rows, full.data(), penalty, sums);
      out = reduced(sums, map);
    });
    theta = expanded(x);
    return Point{theta, q.value, outcome.converged};
  };
  if (std::isfinite(options.delta)) {
    // Far below the residuals the objective is nearly piecewise linear and Newton alone crawls: approach by steps.
    Sums sums;
    kernel(rows, theta.data(), {options.delta, options.overestimate_penalty}, sums);
    const double mean_residual = sums.objective / (options.delta * total_weight);
    for (double delta = 0.1 * mean_residual; delta > 1.5 * options.delta; delta /= 4) newton(delta, 1e-6);
  }
  return newton(options.delta, NewtonSettings{}.stop_relative);
}

namespace {

// Cells that are lower than all their neighbours.
bool is_local_minimum(const ExponentGrid& grid, const std::vector<double>& values, std::size_t cell) {
  const auto side = static_cast<long>(grid.points()), rows = grid.diagonal() ? 1 : side;
  const long row = grid.diagonal() ? 0 : static_cast<long>(cell) / side, column = static_cast<long>(cell) % side;
  for (long i = std::max(0L, row - 1); i <= std::min(rows - 1, row + 1); ++i)
    for (long j = std::max(0L, column - 1); j <= std::min(side - 1, column + 1); ++j)
      if (values[static_cast<std::size_t>(i * side + j)] < values[cell]) return false;
  return true;
}

// (A/N^alpha)^k is a power law again: each start at several k, with the same terms.
std::vector<Theta> with_couplings(const std::vector<Theta>& starts) {
  std::vector<Theta> coupled;
  for (const Theta& t : starts)
    for (double k : {1.0, 0.7, 0.45, 1.4}) coupled.push_back({t[0] / k, t[1] / k, t[2], t[3] / k, t[4] / k, t[5] * k});
  return coupled;
}

}  // namespace

SearchResult polish_starts(const Rows& rows, const std::vector<Theta>& starts, const ChinchillaOptions& options,
                           const FreeMap& map, int threads) {
  SearchResult result;
  result.polished.resize(starts.size());
  parallel_for(starts.size(), threads,
               [&](std::size_t i) { result.polished[i] = polish(rows, starts[i], options, map); });
  result.tried = result.polished.size();
  result.best.objective = 1e300;
  for (const Point& p : result.polished)
    if (p.objective < result.best.objective) result.best = p;
  const double as_good = result.best.objective * (1 + 1e-10) + 10 * exact_fit * rows.total_weight();
  for (const Point& p : result.polished)
    if (p.objective <= as_good) ++result.agreeing;
  return result;
}

SearchResult global_search(const Rows& rows, const ExponentGrid& grid, const ChinchillaOptions& options,
                           const FreeMap& map, const SearchSettings& settings, const std::vector<Theta>& extra) {
  std::vector<Point> cells(grid.cells());
  parallel_for(grid.cells(), settings.threads,
               [&](std::size_t c) { cells[c] = solve_cell(rows, grid, c, options, settings.cell_steps); });
  std::vector<double> values;
  for (const Point& cell : cells) values.push_back(std::isfinite(cell.objective) ? cell.objective : 1e300);
  const auto order = sorted_order(values);

  std::vector<Theta> starts;
  for (std::size_t rank = 0; rank < order.size() && starts.size() < 2 * settings.polishes; ++rank)
    if (rank < settings.polishes || is_local_minimum(grid, values, order[rank]))
      starts.push_back(cells[order[rank]].theta);
  if (options.coupled) starts = with_couplings(starts);
  starts.insert(starts.end(), extra.begin(), extra.end());
  return polish_starts(rows, starts, options, map, settings.threads);
}

}  // namespace isoflop::fits::kernel
