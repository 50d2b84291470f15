#include "isoflop/fits/approaches.h"

#include <doctest/doctest.h>

#include <cmath>

#include "agrees.h"
#include "isoflop/random.h"

using namespace isoflop::fits;

namespace {

RunTable design(const ChinchillaLaw& law, double noise) {
  std::vector<Run> runs;
  isoflop::Random random(11);
  for (double budget : {1e18, 1e19, 1e20, 1e21})
    for (int i = 0; i < 11; ++i) {
      Run run;
      run.params = law.optimum(budget).params * std::pow(10, 2.0 * i / 10 - 1);
      run.tokens = budget / (6 * run.params);
      run.loss = law.loss(run.params, run.tokens) * std::exp(noise * random.normal());
      runs.push_back(run);
    }
  return RunTable(runs);
}

}  // namespace

TEST_CASE("on exact data all approaches find the exponent, and only the uncorrected parabola misses the size") {
  const ChinchillaLaw law{1.7, 400, 400, 0.465, 0.255, 1};
  ApproachOptions options;
  options.budgets_flop = {1e24};
  options.isoflop.budgets_flop = {1e18, 1e19, 1e20, 1e21};
  options.replicates = 0;
  const auto comparison = compare_approaches(design(law, 0), options);
  const double truth = law.optimum(1e24).params;
  REQUIRE(comparison.approaches.size() == approach_count);
  for (const auto& approach : comparison.approaches) {
    CAPTURE(approach_id(approach.kind));
    REQUIRE(approach.usable());
    CHECK(agrees(approach.exponent_a.estimate, law.exponent_a(), 6));
    CHECK(std::isnan(approach.exponent_a.low));
    const double miss = std::fabs(std::log(approach.params[0].estimate / truth));
    if (approach.kind == ApproachKind::Parabolas) CHECK(miss > 0.05);
    else CHECK(miss < 1e-4);
    CHECK(agrees(approach.params[0].estimate * approach.tokens[0].estimate * 6, 1e24, 12));
  }
  CHECK(comparison.differences.size() == 6);
}

TEST_CASE("runs with next to no noise are certified, not given up for rounding") {
  const ChinchillaLaw law{1.7, 400, 400, 0.465, 0.255, 1};
  for (double noise : {1e-5, 1e-4, 1e-3}) {
    CAPTURE(noise);
    ChinchillaOptions options;
    CHECK(fit_chinchilla(design(law, noise), options).status == FitStatus::Certified);
    options.coupled = true;
    CHECK(fit_chinchilla(design(law, noise), options).status == FitStatus::Certified);
  }
}

TEST_CASE("resampling tells the parabola's bias from noise, and gives the same whatever the threads") {
  const ChinchillaLaw law{1.7, 400, 400, 0.465, 0.255, 1};
  ApproachOptions options;
  options.budgets_flop = {2e19};  // amid the budgets, where resampling the grid shifts the bias least
  options.isoflop.budgets_flop = {1e18, 1e19, 1e20, 1e21};
  options.replicates = 60;
  options.threads = 1;
  const auto runs = design(law, 1e-4);
  const auto one = compare_approaches(runs, options);
  options.threads = 2;
  const auto two = compare_approaches(runs, options);
  REQUIRE(one.differences.size() == 6);
  const auto& difference = one.differences[0];  // parabolas against corrected parabolas
  REQUIRE(std::isfinite(difference.params_ratio[0].low));
  CHECK(difference.params_ratio[0].low > 1);
  CHECK(difference.params_ratio[0].low == two.differences[0].params_ratio[0].low);
  CHECK(one.approaches[2].exponent_a.high == two.approaches[2].exponent_a.high);
  CHECK(one.approaches[2].exponent_a.low < law.exponent_a());
  CHECK(one.approaches[2].exponent_a.high > law.exponent_a());
}

TEST_CASE("runs without common budgets leave approach 2 without an answer, not the others") {
  const ChinchillaLaw law{1.8172, 482.01, 2085.43, 0.3478, 0.3658, 1};
  std::vector<Run> runs;
  for (int i = 0; i < 40; ++i) {
    Run run;
    run.params = 1e7 * std::pow(1.2, i);
    run.tokens = 3e9 * std::pow(7.0, i % 4) * std::pow(1.13, i);
    run.loss = law.loss(run.params, run.tokens);
    runs.push_back(run);
  }
  ApproachOptions options;
  options.budgets_flop = {1e21};
  options.isoflop.budgets_flop = {1e15};
  options.replicates = 0;
  const auto comparison = compare_approaches(RunTable(runs), options);
  CHECK_FALSE(comparison.approaches[0].usable());
  CHECK(comparison.approaches[2].usable());
  CHECK(agrees(comparison.approaches[2].exponent_a.estimate, law.exponent_a(), 6));
}
