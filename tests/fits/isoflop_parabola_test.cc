#include "isoflop/fits/isoflop_parabola.h"

#include <doctest/doctest.h>

#include <cmath>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/fits/chinchilla_law.h"
#include "isoflop/random.h"
#include "isoflop/statistics.h"

using namespace isoflop::fits;

namespace {

// `count` sizes on a log grid from optimum/factor to optimum*factor, at each budget.
RunTable symmetric_design(const ChinchillaLaw& law, const std::vector<double>& budgets, double factor, int count) {
  std::vector<Run> runs;
  for (double budget : budgets) {
    const double optimum = law.optimum(budget).params;
    for (int i = 0; i < count; ++i) {
      Run run;
      run.params = optimum * std::pow(factor, 2.0 * i / (count - 1) - 1);
      run.tokens = budget / (6 * run.params);
      run.loss = law.loss(run.params, run.tokens);
      runs.push_back(run);
    }
  }
  return RunTable(runs);
}

struct Row {
  ChinchillaLaw law;
  double factor, params_percent, tokens_percent;
  double unit;  // of the last printed digit
};

// Section 2.8 of the reference: noise-free error of N* and D* at 1e24 FLOP, five budgets 1e17-1e21, 15 points each.
const ChinchillaLaw hoffmann{1.69, 406.4, 410.7, 0.34, 0.28, 1}, besiroglu{1.8172, 482.01, 2085.43, 0.3478, 0.3658, 1},
    lopsided{1.7, 400, 400, 0.465, 0.155, 1};
const Row table[] = {
    {hoffmann, 2, +.33, -.33, .01},    {hoffmann, 4, +1.32, -1.30, .01},   {hoffmann, 8, +2.99, -2.90, .01},
    {hoffmann, 16, +5.37, -5.10, .01}, {besiroglu, 2, -.10, +.10, .01},    {besiroglu, 4, -.39, +.39, .01},
    {besiroglu, 8, -.88, +.89, .01},   {besiroglu, 16, -1.56, +1.58, .01}, {lopsided, 2, +1.7, -1.7, .1},
    {lopsided, 4, +6.95, -6.5, .1},    {lopsided, 8, +16.2, -13.9, .1},    {lopsided, 16, +30.1, -23.1, .1},
};
const std::vector<double> five_budgets = {1e17, 1e18, 1e19, 1e20, 1e21};

}  // namespace

TEST_CASE("the parabola's bias is the published table, from the closed form alone and from whole fits") {
  for (const Row& row : table) {
    CAPTURE(row.factor);
    CAPTURE(row.law.alpha);
    std::vector<double> t;
    for (int i = 0; i < 15; ++i) t.push_back(std::log(row.factor) * (2.0 * i / 14 - 1));
    const double bias = parabola_bias(row.law.alpha, row.law.beta, t);
    CHECK(std::fabs(100 * (std::exp(bias) - 1) - row.params_percent) <= row.unit / 2 * 1.001);
    CHECK(std::fabs(100 * (std::exp(-bias) - 1) - row.tokens_percent) <= row.unit / 2 * 1.001);

    const auto fit =
        fit_isoflop_parabolas(symmetric_design(row.law, five_budgets, row.factor, 15), {five_budgets, 0.1, 5, {}, {}});
    REQUIRE(fit.usable());
    CHECK(fit.used == 5);
    const auto truth = row.law.optimum(1e24);
    CHECK(std::fabs(100 * (fit.params(1e24) / truth.params - 1) - row.params_percent) <= row.unit / 2 * 1.001);
    CHECK(std::fabs(100 * (fit.tokens(1e24) / truth.tokens - 1) - row.tokens_percent) <= row.unit / 2 * 1.001);
    // All of the bias is in the intercept.
    CHECK(agrees(fit.exponent_a, row.law.exponent_a(), 8));
  }
}

TEST_CASE("the correction removes the bias, also on grids that are not symmetric") {
  for (const Row& row : table) {
    RunTable runs = symmetric_design(row.law, five_budgets, row.factor, 15);
    std::vector<std::size_t> keep;
    for (std::size_t i = 0; i < runs.size(); ++i)
      if (i % 15 >= 2) keep.push_back(i);  // two smallest sizes missing
    IsoflopOptions options{five_budgets, 0.1, 5, row.law.alpha, row.law.beta};
    const auto fit = fit_isoflop_parabolas(runs.selected(keep), options);
    REQUIRE(fit.usable());
    CHECK(agrees(fit.params(1e24), row.law.optimum(1e24).params, 8));
    CHECK(fit.curves[0].bias_log != 0);
  }
}

TEST_CASE("approach 2 on the Chinchilla runs: exponents of the reference for three tolerances") {
  const auto runs = open_runs("chinchilla");
  struct Expected {
    double tolerance, a, se, params;
  };
  for (const auto& expected :
       {Expected{0.10, .495, .026, 6.4e10}, {0.20, .507, .023, 7.1e10}, {0.35, .504, .022, 6.8e10}}) {
    const auto fit = fit_isoflop_parabolas(runs, {hoffmann_budgets(), expected.tolerance, 5, {}, {}});
    CAPTURE(expected.tolerance);
    CHECK(std::fabs(fit.exponent_a - expected.a) < 0.0006);
    CHECK(std::fabs(fit.exponent_a_se - expected.se) < 0.0006);
    CHECK(std::fabs(fit.params(5.76e23) - expected.params) < 0.051e10);
    if (expected.tolerance == 0.10) CHECK(fit.used == 8);
  }
}

TEST_CASE("budgets are found where the runs crowd") {
  const auto runs = symmetric_design(besiroglu, {1e18, 1e19, 1e20}, 4, 7);
  const auto budgets = crowded_budgets(runs, 0.2, 5);
  REQUIRE(budgets.size() == 3);
  CHECK(agrees(budgets[1], 1e19, 12));
  CHECK(fit_isoflop_parabolas(runs).used == 3);
}

TEST_CASE("curves without an interior minimum are left out and say why") {
  RunTable runs = symmetric_design(besiroglu, {1e18, 1e19, 1e20}, 4, 7);
  std::vector<std::size_t> one_sided;
  for (std::size_t i = 0; i < 14; ++i) one_sided.push_back(i);
  for (std::size_t i = 19; i < 21; ++i) one_sided.push_back(i);
  auto fit = fit_isoflop_parabolas(runs.selected(one_sided), {{1e18, 1e19, 1e20}, 0.1, 5, {}, {}});
  CHECK(fit.curves[2].status == CurveStatus::TooFewRuns);
  CHECK(fit.used == 2);
  CHECK(std::isnan(fit.exponent_a_se));
  const auto none = fit_isoflop_parabolas(runs.selected({0, 1, 2}));
  CHECK_FALSE(none.usable());
  CHECK(!none.reason.empty());

  std::vector<Run> falling;
  for (int i = 0; i < 6; ++i) {
    Run run;
    run.params = 1e8 * std::pow(2, i);
    run.tokens = 1e19 / (6 * run.params);
    run.loss = 3 - 0.1 * i + 0.001 * i * i;
    falling.push_back(run);
  }
  const auto outside = fit_isoflop_parabolas(RunTable(falling), {{1e19}, 0.1, 5, {}, {}});
  CHECK(outside.curves[0].status == CurveStatus::MinimumOutside);
  for (auto& run : falling) run.loss = 3 - std::pow(std::log(run.params / 4e8), 2) * 0.01;
  CHECK(fit_isoflop_parabolas(RunTable(falling), {{1e19}, 0.1, 5, {}, {}}).curves[0].status == CurveStatus::NotConvex);
}

TEST_CASE("the standard error of a vertex is the spread that noise gives it") {
  isoflop::Random random(5);
  std::vector<double> vertices;
  double mean_se = 0;
  const int replicates = 3000;
  for (int r = 0; r < replicates; ++r) {
    std::vector<Run> runs;
    for (int i = 0; i < 9; ++i) {
      Run run;
      run.params = 1e9 * std::exp(0.3 * (i - 3));
      run.tokens = 1e20 / (6 * run.params);
      const double x = std::log(run.params / 1e9);
      run.loss = 2.5 + 0.05 * x * x + 1e-4 * random.normal();
      runs.push_back(run);
    }
    const auto curve = fit_isoflop_parabolas(RunTable(runs), {{1e20}, 0.1, 5, {}, {}}).curves[0];
    vertices.push_back(std::log(curve.params));
    mean_se += curve.params_log_se / replicates;
  }
  // Monte Carlo error of a standard deviation from 3000 values: 1.3 %; that of the mean SE (6 degrees of freedom) is
  // smaller, but it is biased by -4 %.
  CHECK(std::fabs(mean_se / isoflop::standard_deviation(vertices) - 0.96) < 0.04);
}
