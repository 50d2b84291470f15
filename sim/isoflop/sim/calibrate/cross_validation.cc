#include "isoflop/sim/calibrate/cross_validation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "isoflop/parallel.h"
#include "isoflop/random.h"
#include "isoflop/statistics.h"

namespace isoflop::sim {

std::vector<int> folds_by_group(std::span<const std::string> groups, int folds, std::uint64_t seed) {
  std::map<std::string, std::size_t> sizes;
  for (const auto& group : groups) ++sizes[group];
  std::vector<std::string> order;
  for (const auto& [group, size] : sizes) order.push_back(group);
  Random random(seed);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.index(i)]);
  // Large groups first, so that the folds come out even.
  std::stable_sort(order.begin(), order.end(), [&](const auto& a, const auto& b) { return sizes[a] > sizes[b]; });
  std::vector<std::size_t> load(static_cast<std::size_t>(std::clamp<int>(folds, 1, static_cast<int>(order.size()))), 0);
  std::map<std::string, int> fold_of;
  for (const auto& group : order) {
    const auto lightest = std::min_element(load.begin(), load.end());
    *lightest += sizes[group];
    fold_of[group] = static_cast<int>(lightest - load.begin());
  }
  std::vector<int> result;
  for (const auto& group : groups) result.push_back(fold_of[group]);
  return result;
}

CrossValidation cross_validate(const CalibrationProblem& problem, const Calibration& full, int folds,
                               const CalibrationOptions& options, int threads) {
  std::vector<std::string> groups;
  for (const auto& row : problem.rows) groups.push_back(row.group);
  CrossValidation result;
  result.fold = folds_by_group(groups, folds, options.seed);
  const int used = problem.rows.empty() ? 0 : 1 + *std::max_element(result.fold.begin(), result.fold.end());
  result.scheme = std::to_string(used) + "-fold by group";
  result.predicted.assign(problem.rows.size(), std::numeric_limits<double>::quiet_NaN());
  if (used < 2) {
    result.scheme = "none: only one group";
    return result;
  }
  parallel_for(static_cast<std::size_t>(used), threads, [&](std::size_t left_out) {
    CalibrationProblem part;
    part.constants = problem.constants;
    for (std::size_t j = 0; j < part.constants.size(); ++j)
      part.constants[j].start =
          std::clamp(full.constants[j].value.estimate, part.constants[j].low, part.constants[j].high);
    std::vector<std::size_t> position;
    for (std::size_t i = 0; i < problem.rows.size(); ++i) {
      if (result.fold[i] == static_cast<int>(left_out)) continue;
      part.rows.push_back(problem.rows[i]);
      position.push_back(i);
    }
    part.predict = [&](std::span<const double> values, std::size_t row) {
      return problem.predict(values, position[row]);
    };
    CalibrationOptions once = options;
    once.starts = 1;
    const auto values = calibrate(part, once).values();
    for (std::size_t i = 0; i < problem.rows.size(); ++i)
      if (result.fold[i] == static_cast<int>(left_out)) result.predicted[i] = problem.predict(values, i);
  });
  std::vector<double> measured;
  for (const auto& row : problem.rows) measured.push_back(row.measured);
  result.accuracy = accuracy_of(measured, result.predicted);
  return result;
}

namespace {

RatioInterval quantile_interval(std::span<const double> sorted_logs, double tail) {
  const auto at = [&](double p) {
    const double position = p * static_cast<double>(sorted_logs.size() - 1);
    const auto below = static_cast<std::size_t>(position);
    const std::size_t above = std::min(below + 1, sorted_logs.size() - 1);
    return sorted_logs[below] + (position - static_cast<double>(below)) * (sorted_logs[above] - sorted_logs[below]);
  };
  return {std::exp(at(tail)), std::exp(at(1 - tail))};
}

constexpr int tail_steps = 20;
constexpr int calibration_folds = 20;

}  // namespace

RatioInterval conformal_interval(std::span<const double> ratios, std::span<const std::string> groups, double coverage) {
  if (ratios.size() < 2) return {0, std::numeric_limits<double>::infinity()};
  std::vector<double> all;
  for (double ratio : ratios) all.push_back(std::log(ratio));
  std::vector<double> sorted = all;
  std::sort(sorted.begin(), sorted.end());
  const auto fold = folds_by_group(groups, calibration_folds, 0);
  const int folds = 1 + *std::max_element(fold.begin(), fold.end());
  if (folds < 2) return quantile_interval(sorted, 0);
  std::vector<std::vector<double>> others(static_cast<std::size_t>(folds));
  for (std::size_t i = 0; i < all.size(); ++i)
    for (int f = 0; f < folds; ++f)
      if (fold[i] != f) others[static_cast<std::size_t>(f)].push_back(all[i]);
  for (auto& part : others) std::sort(part.begin(), part.end());
  // From the nominal level outwards until the rows left out are covered; the extremes when nothing suffices.
  for (int step = tail_steps; step > 0; --step) {
    const double tail = (1 - coverage) / 2 * step / tail_steps;
    std::size_t inside = 0;
    std::vector<RatioInterval> intervals;
    for (const auto& part : others) intervals.push_back(quantile_interval(part, tail));
    for (std::size_t i = 0; i < ratios.size(); ++i) {
      const auto& interval = intervals[static_cast<std::size_t>(fold[i])];
      inside += interval.low <= ratios[i] && ratios[i] <= interval.high;
    }
    if (static_cast<double>(inside) >= coverage * static_cast<double>(ratios.size()))
      return quantile_interval(sorted, tail);
  }
  return quantile_interval(sorted, 0);
}

double cross_coverage(std::span<const double> ratios, std::span<const std::string> groups, std::span<const int> fold,
                      double coverage) {
  const std::set<int> folds(fold.begin(), fold.end());
  std::size_t inside = 0;
  for (int held : folds) {
    std::vector<double> known;
    std::vector<std::string> known_groups;
    for (std::size_t i = 0; i < ratios.size(); ++i) {
      if (fold[i] == held) continue;
      known.push_back(ratios[i]);
      known_groups.push_back(groups[i]);
    }
    const auto interval = conformal_interval(known, known_groups, coverage);
    for (std::size_t i = 0; i < ratios.size(); ++i)
      if (fold[i] == held && interval.low <= ratios[i] && ratios[i] <= interval.high) ++inside;
  }
  return ratios.empty() ? std::numeric_limits<double>::quiet_NaN()
                        : static_cast<double>(inside) / static_cast<double>(ratios.size());
}

}  // namespace isoflop::sim
