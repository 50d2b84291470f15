#include "isoflop/sim/requests/capacity.h"

#include <algorithm>
#include <cmath>

namespace isoflop::sim {

Capacity largest_rate(const std::function<CapacityTrial(double)>& trial, double least, double most, double tolerance) {
  Capacity capacity;
  const auto passes = [&](double rate) {
    capacity.trials.push_back(trial(rate));
    const bool good = capacity.trials.back().passes;
    if (good) capacity.best = std::max(capacity.best.value_or(rate), rate);
    if (!good) capacity.failing = std::min(capacity.failing.value_or(rate), rate);
    return good;
  };
  if (!passes(least)) return capacity;
  double good = least, bad = least;
  while (bad <= most) {
    bad = good * 4;
    if (!passes(bad)) break;
    good = bad;
  }
  if (bad > most) return capacity;
  while (bad / good > 1 + tolerance) {
    const double middle = std::sqrt(good * bad);
    (passes(middle) ? good : bad) = middle;
  }
  return capacity;
}

Capacity fewest_replicas(const std::function<CapacityTrial(double)>& trial, std::int64_t most) {
  Capacity capacity;
  const auto passes = [&](std::int64_t replicas) {
    capacity.trials.push_back(trial(static_cast<double>(replicas)));
    return capacity.trials.back().passes;
  };
  std::int64_t bad = 0, good = 1;
  while (!passes(good)) {
    bad = good;
    if (good >= most) {
      capacity.failing = static_cast<double>(bad);
      return capacity;
    }
    good = std::min(most, good * 2);
  }
  while (good - bad > 1) {
    const std::int64_t middle = bad + (good - bad) / 2;
    (passes(middle) ? good : bad) = middle;
  }
  capacity.best = static_cast<double>(good);
  if (bad > 0) capacity.failing = static_cast<double>(bad);
  return capacity;
}

}  // namespace isoflop::sim
