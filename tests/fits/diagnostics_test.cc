#include "isoflop/fits/diagnostics.h"

#include <doctest/doctest.h>

#include <cmath>

#include "agrees.h"
#include "fits/fitted_runs.h"
#include "isoflop/fits/form_test.h"
#include "isoflop/fits/hindcast.h"

using namespace isoflop;
using namespace isoflop::fits;

TEST_CASE("the runs pin ln A against ln B least, as the reference found") {
  const auto result = identifiability(kept_runs(), kept_fit(), {});
  CHECK(agrees(result.scaled_condition, 219.6, 3.5));
  const double direction[] = {.70, -.71, .01, .04, -.04};
  REQUIRE(result.sloppiest.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) CHECK(std::fabs(result.sloppiest[i] - direction[i]) < 0.005);
  CHECK(result.degrees_of_freedom == 235);
  CHECK(result.model_sizes == 41);
}

TEST_CASE("dropping the worst run five times leaves the classical 240 runs") {
  const auto rows = drop_sweep(open_runs("chinchilla"), {}, 6);
  REQUIRE(rows.size() == 7);
  CHECK(agrees(rows[0].fit.law.exponent_a(), .564646, 6));
  CHECK(agrees(rows[5].fit.law.exponent_a(), .513901, 6));
  CHECK(rows[6].last_residual > 9);
}

TEST_CASE("the most influential run is the one whose absence moves a most") {
  const auto list = influence(kept_runs(), kept_fit(), {});
  REQUIRE(list.size() == 240);
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < 240; ++i)
    if (i != list[0].run) kept.push_back(i);
  const auto without = fit_chinchilla(kept_runs().selected(kept));
  CHECK(agrees(list[0].change_of_a, without.law.exponent_a() - kept_fit().law.exponent_a(), 6));
  CHECK(std::fabs(list[0].change_of_a) >= std::fabs(list[1].change_of_a));
  double leverage = 0;
  for (const auto& one : list) leverage += one.leverage;
  CHECK(agrees(leverage, 5, 9));  // trace of a projection onto five parameters
}

TEST_CASE("hindcasts drift as the reference's do") {
  struct Row {
    double cut;
    std::size_t fitted;
    double alpha, beta, a, rmse, bias;
  };
  const Row expected[] = {{3e19, 82, .257, .516, .667, .01289, .0039},
                          {1e20, 136, .311, .470, .602, .01144, -.0023},
                          {3e20, 177, .330, .453, .578, .01253, -.0050},
                          {1e21, 217, .327, .396, .548, .01249, .0002},
                          {2e21, 226, .342, .383, .528, .01175, -.0033}};
  BootstrapOptions few;
  few.replicates = 100;
  const auto rows = hindcast(kept_runs(), {}, {3e19, 1e20, 3e20, 1e21, 2e21}, 0.9, few);
  REQUIRE(rows.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) {
    CAPTURE(expected[i].cut);
    CHECK(rows[i].fitted == expected[i].fitted);
    CHECK(rows[i].tested == 240 - expected[i].fitted);
    CHECK(std::fabs(rows[i].fit.law.alpha - expected[i].alpha) < 6e-4);
    CHECK(std::fabs(rows[i].fit.law.beta - expected[i].beta) < 6e-4);
    CHECK(std::fabs(rows[i].exponent_a.estimate - expected[i].a) < 6e-4);
    CHECK(std::fabs(rows[i].rmse - expected[i].rmse) < 6e-6);
    CHECK(std::fabs(rows[i].bias - expected[i].bias) < 6e-5);
    CHECK(rows[i].coverage < 0.9);
  }
}

TEST_CASE("a hindcast of simulated runs is unbiased and its intervals cover") {
  Random random(9);
  auto runs = kept_runs().runs();
  for (Run& run : runs) run.loss = known_law.loss(run.params, run.tokens) * std::exp(0.005 * random.normal());
  BootstrapOptions few;
  few.replicates = 200;
  const auto rows = hindcast(RunTable(runs), {}, {1e20, 3e20}, 0.9, few);
  REQUIRE(rows.size() == 2);
  for (const auto& row : rows) {
    CHECK(row.rmse < 0.008);
    CHECK(row.coverage > 0.8);
  }
}

TEST_CASE("the additive form is rejected on its own data, tied exponents are not") {
  BootstrapOptions settings;
  settings.scheme = Scheme::Wild;
  settings.replicates = 199;
  const auto coupling = test_form(kept_runs(), {}, Restriction::NoCoupling, settings);
  REQUIRE(coupling);
  CHECK(agrees(coupling->likelihood_ratio, 31.2, 2.5));
  CHECK(coupling->p_chi_squared < 1e-7);
  CHECK(coupling->p_bootstrap < 0.02);
  const auto tied = test_form(kept_runs(), {}, Restriction::TiedExponents, settings);
  REQUIRE(tied);
  CHECK(tied->p_bootstrap > 0.1);
}

TEST_CASE("a true restriction is not rejected") {
  Random random(21);
  auto runs = kept_runs().runs();
  const ChinchillaLaw law{1.8, 480, 480, .35, .35};
  for (Run& run : runs) run.loss = law.loss(run.params, run.tokens) * std::exp(0.005 * random.normal());
  BootstrapOptions settings;
  settings.scheme = Scheme::Wild;
  settings.replicates = 99;
  for (const auto restriction : {Restriction::NoCoupling, Restriction::TiedExponents}) {
    const auto test = test_form(RunTable(runs), {}, restriction, settings);
    REQUIRE(test);
    CHECK(test->p_bootstrap > 0.02);
  }
}
