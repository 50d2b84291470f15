// Standard errors: reference values of an independent program on the same runs, 2000-4000 resamples of its own
// generator. Two bootstraps of 4000 differ by sqrt(2) times the Monte Carlo error (1 % for alpha, 1.4 % for beta), so
// three sigma allow about 5-6 %; with 1000 of ours against 2000 of theirs twice that.
#include "isoflop/fits/bootstrap.h"

#include <doctest/doctest.h>

#include <cmath>

#include "agrees.h"
#include "fits/fitted_runs.h"
#include "isoflop/error.h"
#include "isoflop/fits/identifiability.h"

using namespace isoflop;
using namespace isoflop::fits;

namespace {

Draws draws_of(Scheme scheme, std::size_t replicates, int threads = 0, std::uint64_t seed = 42) {
  BootstrapOptions options;
  options.scheme = scheme;
  options.replicates = replicates;
  options.threads = threads;
  options.seed = seed;
  return bootstrap(kept_runs(), kept_fit(), {}, options);
}

double relative_error(const Draws& draws, const Functional& f, double expected) {
  return percentile_interval(draws, kept_fit().law, f, 0.95).se / expected - 1;
}

}  // namespace

TEST_CASE("each scheme gives the standard errors that the reference measured for it") {
  struct Row {
    Scheme scheme;
    double E, alpha, beta, a;
  };
  for (const Row& row :
       {Row{Scheme::Pairs, .0257, .0154, .0206, .0200}, Row{Scheme::Bayesian, .0254, .0151, .0205, .0193},
        Row{Scheme::ClusterBySize, .0288, .0190, .0186, .0215}, Row{Scheme::Wild, .0211, .0139, .0154, .0167},
        Row{Scheme::WildClusterBySize, .0223, .0156, .0138, .0172},
        Row{Scheme::Residual, .0132, .0086, .0077, .0081}}) {
    CAPTURE(scheme_name(row.scheme));
    const auto draws = draws_of(row.scheme, 1000);
    CHECK(draws.failed == 0);
    CHECK(std::fabs(relative_error(draws, floor_of, row.E)) < 0.1);
    CHECK(std::fabs(relative_error(draws, alpha_of, row.alpha)) < 0.1);
    CHECK(std::fabs(relative_error(draws, beta_of, row.beta)) < 0.1);
    CHECK(std::fabs(relative_error(draws, a_of, row.a)) < 0.1);
  }
}

TEST_CASE("the jackknife gives its own standard errors, with no randomness to excuse a difference") {
  const auto left_out = jackknife(kept_runs(), kept_fit(), {}, scheme_groups(kept_runs(), Scheme::Pairs));
  CHECK(left_out.laws.size() == 240);
  CHECK(agrees(jackknife_interval(left_out, kept_fit().law, alpha_of, 0.95).se, .0226, 2.6));
  CHECK(agrees(jackknife_interval(left_out, kept_fit().law, beta_of, 0.95).se, .0163, 2.6));
}

TEST_CASE("BCa intervals lie where the reference has them") {
  const auto draws = draws_of(Scheme::Pairs, 2000);
  const auto left_out = jackknife(kept_runs(), kept_fit(), {}, scheme_groups(kept_runs(), Scheme::Pairs));
  const auto alpha = bca_interval(draws, left_out, kept_fit().law, alpha_of, 0.95);
  const auto a = bca_interval(draws, left_out, kept_fit().law, a_of, 0.95);
  CHECK(std::fabs(alpha.low - .3183) < .004);
  CHECK(std::fabs(alpha.high - .3752) < .004);
  CHECK(std::fabs(a.low - .4745) < .006);
  CHECK(std::fabs(a.high - .5520) < .006);
}

TEST_CASE("draws depend on the seed and not on the number of threads") {
  const auto one = draws_of(Scheme::Pairs, 60, 1), three = draws_of(Scheme::Pairs, 60, 3);
  const auto other = draws_of(Scheme::Pairs, 60, 1, 7);
  REQUIRE(one.laws.size() == three.laws.size());
  for (std::size_t i = 0; i < one.laws.size(); ++i) {
    CHECK(one.laws[i].alpha == three.laws[i].alpha);
    CHECK(one.laws[i].A == three.laws[i].A);
  }
  CHECK(one.laws[0].alpha != other.laws[0].alpha);
}

TEST_CASE("the quick search of a replicate ends where a search of the full grid does") {
  const auto draws = draws_of(Scheme::Pairs, 60);
  for (std::size_t i = 0; i < 60; ++i) {
    Random random(42, i);
    auto runs = kept_runs().runs();
    for (Run& run : runs) run.weight = 0;
    for (std::size_t k = 0; k < runs.size(); ++k) runs[random.index(runs.size())].weight += 1;
    const RunTable resample(runs);
    const auto full = fit_chinchilla(resample);
    CHECK(chinchilla_objective(resample, draws.laws[i]) <= full.objective * (1 + 1e-9));
  }
}

TEST_CASE("model sizes read off a figure fall into 41 groups") {
  CHECK(group_count(scheme_groups(kept_runs(), Scheme::ClusterBySize)) == 41);
  CHECK(group_count(scheme_groups(kept_runs(), Scheme::Pairs)) == 240);
}

TEST_CASE("a scheme that the runs do not support is refused with what they lack") {
  CHECK(scheme_problem(kept_runs(), Scheme::ClusterByFamily) == "no run names a family");
  BootstrapOptions options;
  options.scheme = Scheme::ClusterByFamily;
  CHECK_THROWS_AS(bootstrap(kept_runs(), kept_fit(), {}, options), Error);
}

TEST_SUITE("slow") {
  TEST_CASE("4000 pairs resamples reproduce the published standard errors within Monte Carlo error") {
    const auto draws = draws_of(Scheme::Pairs, 4000);
    CHECK(std::fabs(relative_error(
              draws, [](const ChinchillaLaw& law) { return law.A; }, 124.5)) < 0.055);
    CHECK(std::fabs(relative_error(
              draws, [](const ChinchillaLaw& law) { return law.B; }, 1302)) < 0.15);
    CHECK(std::fabs(relative_error(
              draws, [](const ChinchillaLaw& law) { return std::log(law.B); }, .42172)) < 0.06);
    CHECK(std::fabs(relative_error(draws, floor_of, .02566)) < 0.05);
    CHECK(std::fabs(relative_error(draws, alpha_of, .0154)) < 0.05);
    CHECK(std::fabs(relative_error(draws, beta_of, .0206)) < 0.06);
    CHECK(std::fabs(relative_error(draws, a_of, .01998)) < 0.05);
  }
}
