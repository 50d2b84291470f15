#include "isoflop/sim/serving/expert_spread.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "isoflop/model/routing.h"
#include "isoflop/random.h"

namespace isoflop::sim {
namespace {

constexpr int deals = 8, grid = 96;
constexpr std::uint64_t deal_seed = 1;

/// P(N <= m) for m = 0 .. n, N the number of independent events that happen.
std::vector<double> cumulative_counts(std::span<const double> chances) {
  std::vector<double> p = {1.0};
  for (const double chance : chances) {
    p.push_back(0);
    for (std::size_t m = p.size() - 1; m > 0; --m) p[m] = p[m] * (1 - chance) + p[m - 1] * chance;
    p[0] *= 1 - chance;
  }
  std::partial_sum(p.begin(), p.end(), p.begin());
  return p;
}

double expected_most_touched(const std::vector<double>& q, std::size_t local, double tokens, bool alike) {
  std::vector<double> all_below(local + 1, 1.0), chances(local);
  const std::size_t groups = q.size() / local;
  for (std::size_t g = 0; g < (alike ? 1 : groups); ++g) {
    for (std::size_t i = 0; i < local; ++i) chances[i] = 1 - std::pow(1 - q[g * local + i], tokens);
    const std::vector<double> below = cumulative_counts(chances);
    for (std::size_t m = 0; m <= local; ++m)
      all_below[m] *= alike ? std::pow(below[m], static_cast<double>(groups)) : below[m];
  }
  double sum = 0;
  for (std::size_t m = 0; m < local; ++m) sum += std::max(0.0, 1 - all_below[m]);
  return sum;
}

double expected_most_copies(const std::vector<double>& q, std::size_t local, double tokens, bool alike) {
  const std::size_t groups = q.size() / local;
  std::vector<std::pair<double, double>> of_group;  // mean, standard deviation
  for (std::size_t g = 0; g < (alike ? 1 : groups); ++g) {
    double mean = 0, variance = 0;
    for (std::size_t i = g * local; i < (g + 1) * local; ++i) mean += q[i], variance += q[i] * (1 - q[i]);
    of_group.emplace_back(tokens * mean, std::sqrt(tokens * variance));
  }
  double most = 0, widest = 0;
  for (const auto& [mean, sd] : of_group) most = std::max(most, mean), widest = std::max(widest, sd);
  if (widest <= 0) return most;
  // The largest is hardly ever below the largest mean less 4 deviations, nor above it by 6.
  const double from = most - 4 * widest, width = 10 * widest / grid;
  double beyond = 0;
  for (int step = 0; step < grid; ++step) {
    const double at = from + (step + 0.5) * width;
    double below = 1;
    for (const auto& [mean, sd] : of_group) {
      const double one = sd > 0 ? 0.5 * std::erfc((mean - at) / (sd * std::sqrt(2.0))) : (at >= mean ? 1.0 : 0.0);
      below *= alike ? std::pow(one, static_cast<double>(groups)) : one;
    }
    beyond += 1 - below;
  }
  return from + beyond * width;
}

}  // namespace

ExpertSpread busiest_group(std::int64_t experts, std::int64_t per_token, std::int64_t groups, double tokens,
                           double skew) {
  std::vector<double> q = inclusion_probabilities(experts, per_token, std::max(0.0, skew));
  const bool alike = skew <= 0;
  const auto local = static_cast<std::size_t>(experts / groups);
  const double copies = tokens * static_cast<double>(per_token);
  ExpertSpread spread;
  const int draws = alike || groups == 1 ? 1 : deals;
  for (int draw = 0; draw < draws; ++draw) {
    if (draws > 1) {
      Random random(deal_seed, static_cast<std::uint64_t>(draw));
      for (std::size_t i = q.size(); i > 1; --i) std::swap(q[i - 1], q[random.index(i)]);
    }
    spread.touched += expected_most_touched(q, local, tokens, alike) / draws;
    spread.copies += (groups == 1 ? copies : expected_most_copies(q, local, tokens, alike)) / draws;
  }
  const double x = static_cast<double>(groups), least = std::min(1.0, copies);
  const double each = tokens * std::min(static_cast<double>(per_token), static_cast<double>(local));
  spread.copies = std::min(std::max({spread.copies, copies / x, least}), each);
  spread.touched = std::min(std::max(spread.touched, least), std::min(static_cast<double>(local), spread.copies));
  return spread;
}

}  // namespace isoflop::sim
