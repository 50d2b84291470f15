#include "isoflop/fits/score_curve.h"

#include <cmath>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/random.h"

using namespace isoflop::fits;

namespace {

ScoreRows rows_1d(std::vector<double> x, std::vector<double> y) {
  ScoreRows rows;
  rows.x = std::move(x);
  rows.score = std::move(y);
  return rows;
}

/// Scores of a known logistic in two features, plus `noise` standard deviations of normal error.
ScoreRows simulated(std::size_t n, double noise, std::uint64_t seed) {
  isoflop::Random random(seed);
  ScoreRows rows;
  rows.features = 2;
  for (std::size_t i = 0; i < n; ++i) {
    const double a = random.uniform(8, 11.5), b = random.uniform(11, 13.3);
    rows.x.insert(rows.x.end(), {a, b});
    rows.score.push_back(25 + 60 / (1 + std::exp(-(-57.0 + 1.7 * a + 3.2 * b))) + noise * random.normal());
  }
  return rows;
}

}  // namespace

TEST_CASE("the straight line is the hand-computed least-squares line") {
  // Five points: mean x 3, mean y 5.2, Sxy 14, Sxx 10, so slope 1.4 and intercept 1.
  const auto fit = fit_curve(rows_1d({1, 2, 3, 4, 5}, {2, 4, 6, 6, 8}), {false, 0, 100, false}, RobustLoss{});
  CHECK(agrees(fit.curve.slope[0], 1.4, 12));
  CHECK(agrees(fit.curve.intercept, 1.0, 11));
  // Residuals -0.4, 0.2, 0.8, -0.6, 0.
  CHECK(agrees(fit.objective, 1.2, 11));
  CHECK(fit.converged);
}

TEST_CASE("weights count like repeated rows, and weight zero like an absent row") {
  auto weighted = rows_1d({1, 2, 3, 4, 9}, {2, 4.5, 6, 6, 50});
  weighted.weight = {1, 3, 1, 1, 0};
  const auto repeated = rows_1d({1, 2, 2, 2, 3, 4}, {2, 4.5, 4.5, 4.5, 6, 6});
  const auto a = fit_curve(weighted, {false, 0, 100, false}, RobustLoss{});
  const auto b = fit_curve(repeated, {false, 0, 100, false}, RobustLoss{});
  CHECK(agrees(a.curve.slope[0], b.curve.slope[0], 10));
  CHECK(agrees(a.curve.intercept, b.curve.intercept, 10));
}

TEST_CASE("a noise-free logistic in two features is recovered to ten digits under every loss") {
  const ScoreRows rows = simulated(80, 0, 1);
  for (const auto& name : loss_names()) {
    CAPTURE(name);
    const auto fit = fit_curve(rows, {true, 25, 100, true}, {*find_loss(name), 5});
    CHECK(agrees(fit.curve.intercept, -57, 10));
    CHECK(agrees(fit.curve.slope[0], 1.7, 10));
    CHECK(agrees(fit.curve.slope[1], 3.2, 10));
    CHECK(agrees(fit.curve.ceiling, 85, 10));
    CHECK(fit.converged);
    CHECK_FALSE(fit.ceiling_at_bound);
  }
}

TEST_CASE("at the optimum no small move of any parameter lowers the objective") {
  const ScoreRows rows = simulated(120, 6, 2);
  for (const auto& name : loss_names()) {
    CAPTURE(name);
    const RobustLoss loss{*find_loss(name), 5};
    const auto fit = fit_curve(rows, {true, 25, 100, true}, loss);
    const auto objective = [&](const ScoreCurve& curve) {
      double sum = 0;
      for (double r : residuals(rows, curve)) sum += loss.value(r);
      return sum;
    };
    CHECK(agrees(objective(fit.curve), fit.objective, 10));
    for (double step : {-1e-3, 1e-3}) {
      for (int parameter = 0; parameter < 4; ++parameter) {
        ScoreCurve moved = fit.curve;
        double& value = parameter == 0   ? moved.intercept
                        : parameter == 3 ? moved.ceiling
                                         : moved.slope[static_cast<std::size_t>(parameter) - 1];
        value *= 1 + step;
        CHECK(objective(moved) > fit.objective);
      }
    }
  }
}

TEST_CASE("one gross outlier bends least squares but not the Cauchy fit") {
  ScoreRows rows = simulated(60, 0.5, 3);
  rows.score[10] = 600;
  const auto plain = fit_curve(rows, {true, 25, 100, true}, RobustLoss{});
  const auto robust = fit_curve(rows, {true, 25, 100, true}, {LossKind::Cauchy, 5});
  CHECK(std::fabs(plain.curve.ceiling - 85) > 5);
  CHECK(std::fabs(robust.curve.ceiling - 85) < 1.5);
}

TEST_CASE("parameters of a simulated logistic are recovered within their Monte Carlo error") {
  // 200 data sets of 150 models, noise of 5 points: the mean of the estimates is within 4 standard errors of the truth.
  const int replicates = 200;
  std::vector<double> slope, ceiling;
  for (int k = 0; k < replicates; ++k) {
    const auto fit =
        fit_curve(simulated(150, 5, 100 + static_cast<std::uint64_t>(k)), {true, 25, 100, true}, RobustLoss{});
    slope.push_back(fit.curve.slope[1] / fit.curve.slope[0]);
    ceiling.push_back(fit.curve.ceiling);
  }
  const auto within = [&](const std::vector<double>& values, double truth, double bias) {
    double mean = 0, square = 0;
    for (double v : values) mean += v / replicates;
    for (double v : values) square += (v - mean) * (v - mean) / (replicates - 1);
    return std::fabs(mean - truth) < 4 * std::sqrt(square / replicates) + bias;
  };
  // Both estimators are non-linear, so a small-sample bias of about 1 % is allowed.
  CHECK(within(slope, 3.2 / 1.7, 0.02));
  CHECK(within(ceiling, 85, 0.5));
}

TEST_CASE("a free ceiling that nothing holds ends at its bound and says so") {
  std::vector<double> x, y;
  for (int i = 0; i < 40; ++i) {
    x.push_back(20 + 0.1 * i);
    y.push_back(25 + 2 * std::exp(0.7 * (x.back() - 20)));  // still rising exponentially
  }
  const auto fit = fit_curve(rows_1d(x, y), {true, 25, 70, true}, RobustLoss{});
  CHECK(fit.ceiling_at_bound);
  CHECK(agrees(fit.curve.ceiling, 70, 12));
}

TEST_CASE("the linear predictor of a score is found again, and none exists beyond floor and ceiling") {
  ScoreCurve curve;
  curve.shape = {true, 25, 96, false};
  curve.ceiling = 96;
  curve.intercept = -40;
  curve.slope = {1.7};
  const double x[] = {23.9};
  CHECK(agrees(*curve.eta_at(curve.mean(x)), curve.eta(x), 11));
  CHECK_FALSE(curve.eta_at(25));
  CHECK_FALSE(curve.eta_at(96));
  CHECK_FALSE(curve.eta_at(12));
}

TEST_CASE("refitting without a row from the full optimum finds what a fresh search finds") {
  const ScoreRows rows = simulated(80, 6, 4);
  const RobustLoss loss{LossKind::Cauchy, 5};
  const auto full = fit_curve(rows, {true, 25, 100, true}, loss);
  for (std::size_t left_out : {0u, 17u, 55u}) {
    ScoreRows without = rows;
    without.weight.assign(rows.size(), 1);
    without.weight[left_out] = 0;
    const auto warm = refit_curve(without, loss, full.curve), cold = fit_curve(without, full.curve.shape, loss);
    const auto x = rows.row(left_out);
    CHECK(std::fabs(warm.curve.mean(x) - cold.curve.mean(x)) < 2e-3);
  }
}

TEST_CASE("too few rows, a constant feature or unequal lengths are errors that say so") {
  CHECK_THROWS_WITH_AS(fit_curve(rows_1d({1, 2}, {3, 4}), {false, 0, 100, false}, RobustLoss{}),
                       doctest::Contains("expected at least 3"), isoflop::Error);
  CHECK_THROWS_WITH_AS(fit_curve(rows_1d({7, 7, 7, 7}, {3, 4, 5, 6}), {false, 0, 100, false}, RobustLoss{}),
                       doctest::Contains("share one value"), isoflop::Error);
  CHECK_THROWS_AS(fit_curve(rows_1d({1, 2, 3}, {3, 4}), {false, 0, 100, false}, RobustLoss{}), isoflop::Error);
}
