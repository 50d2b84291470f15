#include "isoflop/fits/form_test.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "isoflop/error.h"
#include "isoflop/fits/kernel/resample.h"
#include "isoflop/parallel.h"
#include "isoflop/statistics.h"

namespace isoflop::fits {
namespace {

std::string restriction_name(Restriction restriction) {
  switch (restriction) {
    case Restriction::NoCoupling:
      return "k = 1";
    case Restriction::TiedExponents:
      return "alpha = beta";
    case Restriction::NoFloor:
      return "E = 0";
  }
  return "";
}

}  // namespace

std::optional<FormTest> test_form(const RunTable& runs, const ChinchillaOptions& options, Restriction restriction,
                                  const BootstrapOptions& settings) {
  if (settings.scheme != Scheme::Wild && settings.scheme != Scheme::WildClusterBySize &&
      settings.scheme != Scheme::Residual)
    throw Error(Fault::Usage,
                "a test of the form needs a scheme that keeps the design: wild, wild-cluster-size or residual");
  ChinchillaOptions restricted = options, free = options;
  switch (restriction) {
    case Restriction::NoCoupling:
      restricted.coupled = false;
      free.coupled = true;
      break;
    case Restriction::TiedExponents:
      if (options.tied_exponents) return {};
      restricted.tied_exponents = true;
      break;
    case Restriction::NoFloor:
      if (options.fixed_E) return {};
      restricted.fixed_E = 0;
      break;
  }
  FormTest test;
  test.restriction = restriction;
  test.name = restriction_name(restriction);
  test.restricted = fit_chinchilla(runs, restricted);
  test.free = fit_chinchilla(runs, free);
  if (!test.restricted.usable() || !test.free.usable() || !(test.free.objective > 0)) return {};
  const auto inside = std::count_if(test.free.residuals.begin(), test.free.residuals.end(),
                                    [&options](double r) { return std::fabs(r) <= options.delta; });
  const double n = static_cast<double>(runs.size()), factor = 2 * static_cast<double>(inside) > n ? n : 2 * n;
  test.likelihood_ratio = std::max(0.0, factor * std::log(test.restricted.objective / test.free.objective));
  test.p_chi_squared = std::erfc(std::sqrt(test.likelihood_ratio / 2));  // exact far into the tail
  test.p_bootstrap = std::numeric_limits<double>::quiet_NaN();
  if (settings.replicates == 0 || !scheme_problem(runs, settings.scheme).empty()) return test;

  const kernel::PreparedRuns prepared(runs);
  const kernel::Resampler resampler(runs, test.restricted, restricted, settings.scheme, prepared);
  const kernel::FreeMap restricted_map(restricted), free_map(free);
  const Theta from_restricted = prepared.centred(kernel::theta_of(test.restricted.law));
  const Theta from_free = prepared.centred(kernel::theta_of(test.free.law));
  std::vector<int> as_large(settings.replicates, -1);
  parallel_for(settings.replicates, settings.threads, [&](std::size_t i) {
    Random random(settings.seed, i);
    const auto sample = resampler.draw(random);
    const auto rows = sample.rows(prepared);
    const auto under = kernel::polish(rows, from_restricted, restricted, restricted_map);
    // The larger law holds the smaller one: start it there too, so that it cannot end above.
    Theta nested = under.theta;
    if (restriction == Restriction::NoFloor) nested[2] = std::log(1e-2);
    const auto a = kernel::polish(rows, nested, free, free_map), b = kernel::polish(rows, from_free, free, free_map);
    if (!under.converged) return;
    const double best = std::min({a.objective, b.objective, under.objective});
    if (best > 0) as_large[i] = factor * std::log(under.objective / best) >= test.likelihood_ratio ? 1 : 0;
  });
  double count = 0, larger = 0;
  for (int one : as_large)
    if (one >= 0) {
      count += 1;
      larger += one;
    }
  if (count >= 20) test.p_bootstrap = (1 + larger) / (1 + count);
  test.scheme = scheme_name(settings.scheme);
  return test;
}

}  // namespace isoflop::fits
