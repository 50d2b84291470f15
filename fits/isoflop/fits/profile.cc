#include "isoflop/fits/profile.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "isoflop/error.h"
#include "isoflop/fits/kernel/resample.h"
#include "isoflop/parallel.h"
#include "isoflop/statistics.h"

namespace isoflop::fits {
namespace {

using kernel::FreeMap;
using kernel::PreparedRuns;
using kernel::Rows;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// 2n where residuals outside the threshold prevail, n where those inside do.
double likelihood_factor(const ChinchillaFit& fit, const ChinchillaOptions& options) {
  const auto inside = std::count_if(fit.residuals.begin(), fit.residuals.end(),
                                    [&options](double r) { return std::fabs(r) <= options.delta; });
  const double n = static_cast<double>(fit.n);
  return 2 * static_cast<double>(inside) > n ? n : 2 * n;
}

// Fits with one quantity held, each from the solution next to it.
class HeldFit {
 public:
  HeldFit(Profiled which, const ChinchillaOptions& options) : which_(which), options_(options), free_(options) {}

  bool applies() const {
    switch (which_) {
      case Profiled::Alpha:
        return free_.slot[3] >= 0;
      case Profiled::Beta:
        return free_.slot[4] >= 0 && !options_.tied_exponents;
      case Profiled::Floor:
        return free_.slot[2] >= 0;
      case Profiled::ExponentA:
        return !options_.tied_exponents;
      case Profiled::Coupling:
        return options_.coupled;
    }
    return false;
  }

  double value_of(const ChinchillaLaw& law) const {
    switch (which_) {
      case Profiled::Alpha:
        return law.alpha;
      case Profiled::Beta:
        return law.beta;
      case Profiled::Floor:
        return law.E;
      case Profiled::ExponentA:
        return law.exponent_a();
      case Profiled::Coupling:
        return law.k;
    }
    return nan;
  }

  // `start`: centred.
  kernel::Point at(const Rows& rows, double value, Theta start) const {
    FreeMap map = free_;
    switch (which_) {
      case Profiled::Alpha:
        start[3] = value;
        if (options_.tied_exponents) start[4] = value;
        map = free_.holding(3);
        break;
      case Profiled::Beta:
        start[4] = value;
        map = free_.holding(4);
        break;
      case Profiled::Floor:
        start[2] = std::log(value);
        map = free_.holding(2);
        break;
      case Profiled::ExponentA:
        map = free_.with_exponent_ratio(value / (1 - value));
        start[3] = (1 - value) * (start[3] + start[4]);
        start[4] = value / (1 - value) * start[3];
        break;
      case Profiled::Coupling:
        start[5] = value;
        map = free_.holding(5);
        break;
    }
    return kernel::polish(rows, start, options_, map);
  }

 private:
  Profiled which_;
  const ChinchillaOptions& options_;
  FreeMap free_;
};

std::string profiled_name(Profiled which) {
  switch (which) {
    case Profiled::Alpha:
      return "alpha";
    case Profiled::Beta:
      return "beta";
    case Profiled::Floor:
      return "E";
    case Profiled::ExponentA:
      return "a";
    case Profiled::Coupling:
      return "k";
  }
  return "";
}

void sort_by_value(std::vector<ProfilePoint>& points) {
  std::sort(points.begin(), points.end(),
            [](const ProfilePoint& a, const ProfilePoint& b) { return a.value < b.value; });
}

// Where the profile crosses `cut` between neighbouring points; NaN when it does not on that side.
double crossing(const std::vector<ProfilePoint>& points, double estimate, double cut, bool upwards) {
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    const std::size_t near = upwards ? i : points.size() - 1 - i, far = upwards ? near + 1 : near - 1;
    const bool outside = upwards ? points[near].value >= estimate : points[near].value <= estimate;
    if (!outside || points[near].likelihood_ratio > cut || points[far].likelihood_ratio < cut) continue;
    // The ratio grows like a square: interpolate its root.
    const double r0 = std::sqrt(std::max(0.0, points[near].likelihood_ratio)),
                 r1 = std::sqrt(points[far].likelihood_ratio);
    const double share = r1 > r0 ? (std::sqrt(cut) - r0) / (r1 - r0) : 0;
    return points[near].value + share * (points[far].value - points[near].value);
  }
  return nan;
}

}  // namespace

std::optional<Profile> profile(const RunTable& runs, const ChinchillaFit& fit, const ChinchillaOptions& options,
                               Profiled which, double level, const BootstrapOptions& calibration) {
  const HeldFit held(which, options);
  if (!held.applies() || !fit.usable()) return {};
  const PreparedRuns prepared(runs);
  const double factor = likelihood_factor(fit, options);
  const Theta best = prepared.centred(fit.theta);
  Profile result;
  result.name = profiled_name(which);
  result.estimate = held.value_of(fit.law);
  result.chi_squared_cut = chi_squared_quantile(level, 1);
  result.calibrated_cut = nan;
  if (calibration.replicates >= 20) {
    if (auto problem = scheme_problem(runs, calibration.scheme); !problem.empty())
      throw Error(Fault::Usage, scheme_name(calibration.scheme) + ": " + problem);
    const kernel::Resampler resampler(runs, fit, options, calibration.scheme, prepared);
    const FreeMap map(options);
    std::vector<double> ratios(calibration.replicates, nan);
    parallel_for(calibration.replicates, calibration.threads, [&](std::size_t i) {
      Random random(calibration.seed, i);
      const auto sample = resampler.draw(random);
      const Rows rows = sample.rows(prepared);
      const auto free = kernel::polish(rows, best, options, map);
      const auto at_estimate = held.at(rows, result.estimate, best);
      if (free.converged && at_estimate.converged && free.objective > 0)
        ratios[i] = std::max(0.0, factor * std::log(at_estimate.objective / free.objective));
    });
    std::erase_if(ratios, [](double r) { return !std::isfinite(r); });
    if (ratios.size() >= 20) result.calibrated_cut = quantile(ratios, level);
  }
  // Walk outwards in steps that grow, until past the wider cut.
  const double cut =
      std::max(result.chi_squared_cut, std::isfinite(result.calibrated_cut) ? result.calibrated_cut : 0.0);
  result.points.push_back({result.estimate, fit.objective, 0});
  for (const double direction : {-1.0, 1.0}) {
    Theta from = best;
    double value = result.estimate, step = 0.004 * result.estimate;
    for (int i = 0; i < 200; ++i) {
      value += direction * step;
      const bool allowed = value > 0 && (which != Profiled::ExponentA || value < 1);
      if (!allowed) break;
      const auto point = held.at(prepared.rows(), value, from);
      if (!std::isfinite(point.objective)) break;
      from = point.theta;
      const double ratio = factor * std::log(point.objective / fit.objective);
      result.points.push_back({value, point.objective, ratio});
      if (ratio > 1.6 * cut) break;
      if (ratio < 0.03 * cut) step *= 1.7;
    }
  }
  sort_by_value(result.points);
  // Interpolation between steps, then the profile itself at what it gave.
  const auto refined = [&](double target, bool upwards) {
    double found = nan;
    for (int i = 0; i < 3; ++i) {
      found = crossing(result.points, result.estimate, target, upwards);
      if (!std::isfinite(found)) return nan;
      const auto point = held.at(prepared.rows(), found, best);
      result.points.push_back({found, point.objective, factor * std::log(point.objective / fit.objective)});
      sort_by_value(result.points);
    }
    return found;
  };
  result.low = refined(result.chi_squared_cut, false);
  result.high = refined(result.chi_squared_cut, true);
  const bool calibrated = std::isfinite(result.calibrated_cut);
  result.calibrated_low = calibrated ? refined(result.calibrated_cut, false) : nan;
  result.calibrated_high = calibrated ? refined(result.calibrated_cut, true) : nan;
  return result;
}

ProfileSurface profile_surface(const RunTable& runs, const ChinchillaFit& fit, const ChinchillaOptions& options,
                               double alpha_low, double alpha_high, double beta_low, double beta_high,
                               std::size_t points, int threads) {
  const PreparedRuns prepared(runs);
  const FreeMap map = FreeMap(options).holding(3).holding(4);
  const double factor = likelihood_factor(fit, options);
  ProfileSurface surface;
  const auto step = [points](double low, double high, std::size_t i) {
    return low + (high - low) * static_cast<double>(i) / static_cast<double>(points - 1);
  };
  for (std::size_t i = 0; i < points; ++i) {
    surface.alpha.push_back(step(alpha_low, alpha_high, i));
    surface.beta.push_back(step(beta_low, beta_high, i));
  }
  surface.likelihood_ratio.resize(points * points);
  parallel_for(points, threads, [&](std::size_t row) {
    Theta from = prepared.centred(fit.theta);
    for (std::size_t column = 0; column < points; ++column) {
      from[3] = surface.alpha[column];
      from[4] = surface.beta[row];
      const auto point = kernel::polish(prepared.rows(), from, options, map);
      from = point.theta;
      surface.likelihood_ratio[row * points + column] = factor * std::log(point.objective / fit.objective);
    }
  });
  return surface;
}

}  // namespace isoflop::fits
