#include "isoflop/fits/identifiability.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoflop/statistics.h"

namespace isoflop::fits {

std::vector<std::size_t> log_groups(const std::vector<double>& values, double gap) {
  const auto order = sorted_order(values);
  std::vector<std::size_t> groups(values.size());
  std::size_t group = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    if (rank > 0 && std::log(values[order[rank]] / values[order[rank - 1]]) > gap) ++group;
    groups[order[rank]] = group;
  }
  return groups;
}

std::size_t group_count(const std::vector<std::size_t>& groups) {
  return groups.empty() ? 0 : 1 + *std::max_element(groups.begin(), groups.end());
}

std::size_t level_count(const std::vector<double>& values, double gap) {
  std::size_t count = 0;
  double last = 0;
  for (std::size_t i : sorted_order(values))
    if (count == 0 || std::log(values[i] / last) > gap) {
      ++count;
      last = values[i];
    }
  return count;
}

std::string identifiability_problem(const RunTable& all, const ChinchillaOptions& options) {
  std::vector<double> params, tokens, x, y;
  for (const Run& run : all.runs()) {
    if (!(run.weight > 0)) continue;
    params.push_back(run.params);
    tokens.push_back(run.tokens);
    x.push_back(std::log(run.params));
    y.push_back(std::log(run.tokens));
  }
  const std::size_t free = options.free_parameters();
  if (params.size() < free) return fmt::format("{} runs cannot determine {} parameters", params.size(), free);
  const std::size_t sizes = level_count(params), amounts = level_count(tokens);
  // Levels of an additive term show only as contrasts when the floor is free: amplitude and exponent need three.
  const std::size_t needed = options.fixed_E || options.tied_exponents ? 2 : 3;
  if (sizes < needed)
    return fmt::format("the runs have {} distinct model size{}; A and alpha need at least {}", sizes,
                       sizes == 1 ? "" : "s", needed);
  if (amounts < needed)
    return fmt::format("the runs have {} distinct token count{}; B and beta need at least {}", amounts,
                       amounts == 1 ? "" : "s", needed);
  if (sizes + amounts + (options.fixed_E ? 1 : 0) < free + (options.fixed_E ? 2 : 1))
    return fmt::format("{} model sizes and {} token counts cannot determine {} parameters", sizes, amounts, free);
  const double mx = mean(x), my = mean(y);
  double sxx = 0, sxy = 0, syy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sxx += (x[i] - mx) * (x[i] - mx);
    sxy += (x[i] - mx) * (y[i] - my);
    syy += (y[i] - my) * (y[i] - my);
  }
  const double unexplained = 1 - sxy * sxy / (sxx * syy);
  if (unexplained < 1e-4)
    return fmt::format(
        "tokens follow parameters as D ~ N^{:.3g} in every run (R2 {:.6f}), so the terms in N and D cannot be told "
        "apart; "
        "runs off this line are needed",
        sxy / sxx, 1 - unexplained);
  return {};
}

}  // namespace isoflop::fits
