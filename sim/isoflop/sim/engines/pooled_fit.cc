#include "isoflop/sim/engines/pooled_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "isoflop/error.h"
#include "isoflop/parallel.h"

namespace isoflop::sim {
namespace {

constexpr std::size_t rows_for_interval = 20, groups_for_interval = 12;
// Of the widest cell around the stated start values: nearly free, but for constants that are known to vary little.
constexpr double spread_of_widest = 1.5, widest_to_narrower = 5;

using Values = std::map<std::string, std::vector<double>>;

struct CellResult {
  std::vector<double> values, standard_errors;
  std::size_t groups = 0;
};

// What the rows and what the prior say about ln c_k: half the second derivative of the objective, the other constants
// held. A constant that the prior determines more than the rows do has no standard error of its own.
double information(const CalibrationProblem& problem, const std::vector<double>& values, std::size_t k) {
  constexpr double step = 1e-3;
  double sum = 0;
  std::vector<double> up = values, down = values;
  up[k] *= std::exp(step);
  down[k] *= std::exp(-step);
  for (std::size_t i = 0; i < problem.rows.size(); ++i) {
    const double slope = std::log(problem.predict(up, i) / problem.predict(down, i)) / (2 * step);
    sum += problem.rows[i].weight * slope * slope;
  }
  return sum;
}

double prior_information(const Constant& c, const PooledOptions& options) {
  return c.prior_log_sd > 0 ? options.robust_scale * options.robust_scale / (c.prior_log_sd * c.prior_log_sd) : 0;
}

CellResult fit_cell(const PooledProblem& problem, const std::vector<std::size_t>& rows,
                    const std::vector<double>& center, const std::vector<double>& start, bool widest, int fold,
                    double scale, const PooledOptions& options) {
  CalibrationProblem part;
  std::vector<std::size_t> kept = rows;
  part.constants = problem.constants;
  for (std::size_t k = 0; k < part.constants.size(); ++k) {
    Constant& c = part.constants[k];
    c.prior_center = std::clamp(center[k], c.low, c.high);
    c.start = widest ? std::clamp(start[k], c.low, c.high) : c.prior_center;
    if (c.low == c.high) continue;
    c.prior_log_sd =
        widest ? std::min(spread_of_widest, widest_to_narrower * problem.spread[k]) : scale * problem.spread[k];
    if (!widest && problem.spread[k] <= 0) c.low = c.high = c.start = c.prior_center;
  }
  // A narrower cell with many rows must not decide the wider one alone.
  std::map<std::string, double> share;
  const auto narrower = [&](std::size_t i) { return problem.rows[i].cells.back(); };
  if (widest)
    for (const std::size_t i : kept) ++share[narrower(i)];
  for (const std::size_t i : kept) {
    const PooledRow& row = problem.rows[i];
    const double weight =
        widest ? static_cast<double>(kept.size()) / static_cast<double>(share.size()) / share[narrower(i)] : 1;
    part.rows.push_back({row.id, row.group, row.measured, widest ? std::sqrt(weight) : 1});
  }
  while (part.rows.size() <
         part.constants.size()) {  // calibrate() asks for as many rows as constants; priors carry the rest
    part.rows.push_back(part.rows.front());
    part.rows.back().weight = 1e-12;
    kept.push_back(kept.front());
  }
  part.predict = [&](std::span<const double> values, std::size_t row) {
    return problem.predict(values, kept[row], fold);
  };
  CalibrationOptions fit;
  fit.robust_scale = options.robust_scale;
  fit.starts = widest && start == center ? options.starts : 1;
  fit.seed = options.seed;
  fit.max_iterations = 60;
  const Calibration calibration = calibrate(part, fit);
  CellResult result;
  result.values = calibration.values();
  result.groups = calibration.groups;
  for (std::size_t k = 0; k < calibration.constants.size(); ++k) {
    const FittedConstant& c = calibration.constants[k];
    const bool determined = c.identified && calibration.groups > 1 &&
                            information(part, result.values, k) > prior_information(c.constant, options);
    result.standard_errors.push_back(determined ? c.value.se : std::numeric_limits<double>::quiet_NaN());
  }
  return result;
}

struct Hierarchy {
  std::map<std::string, std::string> parent;
  std::map<std::string, std::size_t> depth;
  std::map<std::string, std::vector<std::size_t>> rows;
};

Hierarchy hierarchy_of(const PooledProblem& problem, const std::vector<std::size_t>& rows) {
  Hierarchy h;
  for (const std::size_t i : rows) {
    const auto& cells = problem.rows[i].cells;
    for (std::size_t level = 0; level < cells.size(); ++level) {
      h.rows[cells[level]].push_back(i);
      h.depth[cells[level]] = level;
      h.parent[cells[level]] = level == 0 ? std::string() : cells[level - 1];
    }
  }
  return h;
}

std::map<std::string, CellResult> fit_all(const PooledProblem& problem, const std::vector<std::size_t>& rows, int fold,
                                          const PooledOptions& options, const Values& start) {
  const Hierarchy h = hierarchy_of(problem, rows);
  std::vector<std::string> order;
  for (const auto& [cell, members] : h.rows) order.push_back(cell);
  std::stable_sort(order.begin(), order.end(),
                   [&](const auto& a, const auto& b) { return h.depth.at(a) < h.depth.at(b); });
  std::map<std::string, CellResult> result;
  for (const std::string& cell : order) {
    const std::string& parent = h.parent.at(cell);
    std::vector<double> center;
    if (parent.empty())
      for (const Constant& c : problem.constants) center.push_back(c.start);
    else
      center = result.at(parent).values;
    // A cell whose rows are its parent's has nothing of its own to say.
    if (!parent.empty() && h.rows.at(cell).size() == h.rows.at(parent).size()) {
      result[cell] = result.at(parent);
      continue;
    }
    result[cell] = fit_cell(problem, h.rows.at(cell), center, start.count(cell) > 0 ? start.at(cell) : center,
                            parent.empty(), fold, problem.spread_scale ? problem.spread_scale(cell) : 1, options);
  }
  return result;
}

Values values_of(const std::map<std::string, CellResult>& cells) {
  Values values;
  for (const auto& [name, cell] : cells) values[name] = cell.values;
  return values;
}

double ratio_error(double predicted, double measured) { return 100 * std::fabs(predicted / measured - 1); }

// Interval of a set of rows, when they are enough to say anything.
std::optional<RatioInterval> interval_of(const PooledProblem& problem, const std::vector<double>& predicted,
                                         const std::vector<std::size_t>& rows) {
  std::vector<double> ratios;
  std::vector<std::string> groups;
  for (const std::size_t i : rows) {
    ratios.push_back(problem.rows[i].measured / predicted[i]);
    groups.push_back(problem.rows[i].group);
  }
  if (rows.size() < rows_for_interval ||
      std::set<std::string>(groups.begin(), groups.end()).size() < groups_for_interval)
    return std::nullopt;
  return conformal_interval(ratios, groups);
}

}  // namespace

const std::vector<double>& resolve_values(const std::map<std::string, std::vector<double>>& cells,
                                          const std::vector<std::string>& path) {
  for (auto cell = path.rbegin(); cell != path.rend(); ++cell)
    if (const auto found = cells.find(*cell); found != cells.end()) return found->second;
  throw Error(Fault::CannotRun, "no constants for " + (path.empty() ? std::string("nothing") : path.back()));
}

const PooledCell& PooledFit::resolve(const std::vector<std::string>& path) const {
  for (auto cell = path.rbegin(); cell != path.rend(); ++cell)
    if (const auto found = cells.find(*cell); found != cells.end()) return found->second;
  throw Error(Fault::CannotRun, "no constants for " + (path.empty() ? std::string("nothing") : path.back()));
}

PooledFit fit_pooled(const PooledProblem& problem, const PooledOptions& options) {
  if (problem.rows.size() < problem.constants.size())
    throw Error(Fault::BadInput, std::to_string(problem.rows.size()) + " rows cannot determine " +
                                     std::to_string(problem.constants.size()) + " constants");
  const std::size_t n = problem.rows.size();
  std::vector<std::size_t> every(n);
  std::vector<std::string> groups;
  std::set<std::string> leaves;
  for (std::size_t i = 0; i < n; ++i) {
    every[i] = i;
    groups.push_back(problem.rows[i].group);
    leaves.insert(problem.rows[i].cells.back());
  }
  const auto full = fit_all(problem, every, -1, options, {});
  const Values start = values_of(full);

  PooledFit result;
  result.in_sample.resize(n);
  for (std::size_t i = 0; i < n; ++i)
    result.in_sample[i] = problem.predict(resolve_values(start, problem.rows[i].cells), i, -1);
  result.cross = result.in_sample;
  std::vector<int> folds = folds_by_group(groups, options.folds, options.seed);
  if (problem.rows.front().fold >= 0)
    for (std::size_t i = 0; i < n; ++i) folds[i] = problem.rows[i].fold;
  const int count = 1 + *std::max_element(folds.begin(), folds.end());
  // One job per fold, then one per narrowest cell.
  const std::vector<std::string> leaf_list(leaves.begin(), leaves.end());
  const bool by_leaf = options.leave_leaves_out && leaf_list.size() > 1;
  const std::size_t fold_jobs = count > 1 ? static_cast<std::size_t>(count) : 0;
  result.fold_values.resize(fold_jobs);
  result.leaf_left_out.assign(n, std::numeric_limits<double>::quiet_NaN());
  parallel_for(fold_jobs + (by_leaf ? leaf_list.size() : 0), options.threads, [&](std::size_t job) {
    const bool leaf_job = job >= fold_jobs;
    const auto left_out = [&](std::size_t i) {
      return leaf_job ? problem.rows[i].cells.back() == leaf_list[job - fold_jobs] : folds[i] == static_cast<int>(job);
    };
    std::vector<std::size_t> rows;
    for (const std::size_t i : every)
      if (!left_out(i)) rows.push_back(i);
    if (rows.size() < problem.constants.size()) return;
    const int fold = leaf_job ? -1 : static_cast<int>(job);
    Values cells = values_of(fit_all(problem, rows, fold, options, start));
    for (const std::size_t i : every)
      if (left_out(i))
        (leaf_job ? result.leaf_left_out : result.cross)[i] =
            problem.predict(resolve_values(cells, problem.rows[i].cells), i, fold);
    if (!leaf_job) result.fold_values[job] = std::move(cells);
  });

  // Intervals of rows: from the other folds, the narrowest cell that has enough of them.
  result.interval.resize(n);
  const Hierarchy h = hierarchy_of(problem, every);
  std::map<std::pair<std::string, int>, RatioInterval> made;
  for (std::size_t i = 0; i < n; ++i) {
    const auto& cells = problem.rows[i].cells;
    for (std::size_t level = cells.size(); level-- > 0;) {
      const auto key = std::pair(cells[level], folds[i]);
      auto found = made.find(key);
      if (found == made.end()) {
        std::vector<std::size_t> others;
        for (const std::size_t j : h.rows.at(cells[level]))
          if (folds[j] != folds[i]) others.push_back(j);
        const auto interval = interval_of(problem, result.cross, others);
        const double none = std::numeric_limits<double>::quiet_NaN();
        found = made.emplace(key, interval.value_or(RatioInterval{none, none})).first;
      }
      result.interval[i] = found->second;
      if (std::isfinite(found->second.low)) break;
    }
    if (!std::isfinite(result.interval[i].low)) result.interval[i] = interval_of_too_few_rows;
  }

  for (const auto& [name, fitted] : full) {
    PooledCell cell;
    cell.name = name;
    cell.values = fitted.values;
    cell.standard_errors = fitted.standard_errors;
    const auto& members = h.rows.at(name);
    cell.rows = members.size();
    std::set<std::string> names;
    double error = 0;
    for (const std::size_t i : members) {
      names.insert(groups[i]);
      error += ratio_error(result.cross[i], problem.rows[i].measured) / static_cast<double>(members.size());
    }
    cell.groups = names.size();
    cell.cross_validated_mape = error;
    std::string at = name;
    auto interval = interval_of(problem, result.cross, members);
    while (!interval && !h.parent.at(at).empty()) {
      at = h.parent.at(at);
      interval = interval_of(problem, result.cross, h.rows.at(at));
    }
    cell.interval = interval.value_or(interval_of_too_few_rows);
    cell.unseen_interval = cell.interval;
    if (by_leaf) {
      std::vector<std::size_t> usable;
      for (const std::size_t i : members)
        if (std::isfinite(result.leaf_left_out[i])) usable.push_back(i);
      if (const auto wide = interval_of(problem, result.leaf_left_out, usable))
        cell.unseen_interval = {std::min(wide->low, cell.interval.low), std::max(wide->high, cell.interval.high)};
    }
    result.cells[name] = std::move(cell);
  }
  return result;
}

}  // namespace isoflop::sim
