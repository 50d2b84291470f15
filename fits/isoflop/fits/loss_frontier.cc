#include "isoflop/fits/loss_frontier.h"

#include <cmath>
#include <limits>
#include <set>

namespace isoflop::fits {
namespace {

// Best E >= 0 and K at a given g, and the sum of squares they leave.
double amplitudes(const std::vector<FrontierPoint>& points, LossFrontier& law) {
  double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (const auto& p : points) {
    const double x = std::pow(p.compute_flop / law.unit_flop, -law.g);
    n += 1, sx += x, sy += p.loss, sxx += x * x, sxy += x * p.loss;
  }
  law.K = (n * sxy - sx * sy) / (n * sxx - sx * sx);
  law.E = (sy - law.K * sx) / n;
  if (law.E < 0) law.E = 0, law.K = sxy / sxx;
  double squares = 0;
  for (const auto& p : points) squares += std::pow(law.loss(p.compute_flop) - p.loss, 2);
  return squares;
}

}  // namespace

double LossFrontier::loss(double compute_flop) const { return E + K * std::pow(compute_flop / unit_flop, -g); }

LossFrontier fit_frontier(const std::vector<FrontierPoint>& points) {
  LossFrontier law;
  std::set<double> budgets;
  double log_sum = 0;
  for (const auto& p : points) budgets.insert(p.compute_flop), log_sum += std::log(p.compute_flop);
  if (budgets.size() < 4) {
    law.reason = "fewer than four points on the frontier";
    return law;
  }
  law.unit_flop = std::exp(log_sum / static_cast<double>(points.size()));
  double low = std::log(0.01), high = std::log(2.0), best = 0, least = std::numeric_limits<double>::infinity();
  const auto at = [&](double log_g) {
    law.g = std::exp(log_g);
    return amplitudes(points, law);
  };
  for (int i = 0; i <= 100; ++i) {
    const double log_g = low + (high - low) * i / 100;
    if (const double q = at(log_g); q < least) least = q, best = log_g;
  }
  for (double width = (high - low) / 100; width > 1e-9; width /= 2)
    for (const double sign : {-1.0, 1.0})
      if (const double q = at(best + sign * width);
          q < least && best + sign * width >= low && best + sign * width <= high)
        least = q, best += sign * width;
  law.rms = std::sqrt(at(best) / static_cast<double>(points.size()));
  if (law.K <= 0) law.reason = "the least loss does not fall with compute";
  return law;
}

}  // namespace isoflop::fits
