#include "isoflop/fits/profile.h"

#include <doctest/doctest.h>

#include <cmath>

#include "agrees.h"
#include "fits/fitted_runs.h"
#include "isoflop/fits/sandwich.h"

using namespace isoflop;
using namespace isoflop::fits;

TEST_CASE("profile intervals with the chi-squared cut are the reference's, about half the bootstrap's width") {
  struct Row {
    Profiled which;
    double low, high;
  };
  BootstrapOptions calibration;
  calibration.replicates = 400;
  for (const Row& row :
       {Row{Profiled::Alpha, .3260, .3661}, Row{Profiled::Beta, .3488, .3854},
        Row{Profiled::Floor, std::exp(.5801), std::exp(.6127)}, Row{Profiled::ExponentA, .4939, .5355}}) {
    const auto result = profile(kept_runs(), kept_fit(), {}, row.which, 0.95, calibration);
    REQUIRE(result);
    CAPTURE(result->name);
    CHECK(std::fabs(result->low - row.low) < 2e-4);
    CHECK(std::fabs(result->high - row.high) < 2e-4);
    CHECK(result->calibrated_cut > 1.5 * result->chi_squared_cut);
    CHECK(result->calibrated_low < result->low);
    CHECK(result->calibrated_high > result->high);
  }
}

TEST_CASE("the profile lies above the minimum and rises away from it") {
  BootstrapOptions none;
  none.replicates = 0;
  const auto result = profile(kept_runs(), kept_fit(), {}, Profiled::Beta, 0.9, none);
  REQUIRE(result);
  CHECK(std::isnan(result->calibrated_low));
  for (std::size_t i = 0; i + 1 < result->points.size(); ++i) {
    const auto &a = result->points[i], &b = result->points[i + 1];
    CHECK(a.objective >= kept_fit().objective);
    if (b.value <= result->estimate) CHECK(a.likelihood_ratio >= b.likelihood_ratio);
    if (a.value >= result->estimate) CHECK(a.likelihood_ratio <= b.likelihood_ratio);
  }
}

TEST_CASE("a parameter that is not free has no profile") {
  ChinchillaOptions options;
  options.fixed_E = 1.8;
  BootstrapOptions none;
  none.replicates = 0;
  const auto fit = fit_chinchilla(kept_runs(), options);
  CHECK_FALSE(profile(kept_runs(), fit, options, Profiled::Floor, 0.9, none));
  CHECK_FALSE(profile(kept_runs(), fit, options, Profiled::Coupling, 0.9, none));
}

TEST_CASE("the surface of alpha and beta is zero at the fit and its edge follows the profile") {
  const auto& law = kept_fit().law;
  const auto surface = profile_surface(kept_runs(), kept_fit(), {}, law.alpha - .02, law.alpha + .02, law.beta - .02,
                                       law.beta + .02, 21);
  CHECK(std::fabs(surface.likelihood_ratio[10 * 21 + 10]) < 1e-9);
  for (double ratio : surface.likelihood_ratio) CHECK(ratio > -1e-9);
}

TEST_CASE("for least squares with even errors the sandwich agrees with the pairs bootstrap") {
  Random random(5);
  auto runs = kept_runs().runs();
  for (Run& run : runs) run.loss = known_law.loss(run.params, run.tokens) * std::exp(0.005 * random.normal());
  const RunTable simulated(runs);
  ChinchillaOptions options;
  options.delta = INFINITY;
  const auto fit = fit_chinchilla(simulated, options);
  const auto covariance = sandwich_covariance(simulated, fit, options);
  const auto draws = bootstrap(simulated, fit, options, {});
  for (const Functional& f : {Functional(alpha_of), Functional(beta_of), Functional(floor_of), Functional(a_of)}) {
    const double ratio =
        delta_interval(covariance, fit, options, f, 0.9).se / percentile_interval(draws, fit.law, f, 0.9).se;
    CHECK(ratio > 0.85);
    CHECK(ratio < 1.15);
  }
}
