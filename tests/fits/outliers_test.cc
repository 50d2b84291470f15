#include "isoflop/fits/outliers.h"

#include <cmath>
#include <limits>

#include "agrees.h"
#include "isoflop/random.h"
#include "isoflop/statistics.h"

using namespace isoflop::fits;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// 60 single models on a known logistic in log compute: floor 25, ceiling 85, midpoint 1e23, 2.5 per decade.
std::vector<ScoredModel> on_the_curve(double noise, std::uint64_t seed) {
  isoflop::Random random(seed);
  std::vector<ScoredModel> models;
  for (int i = 0; i < 60; ++i) {
    ScoredModel model;
    model.name = "m" + std::to_string(i);
    const double x = 21 + 4.0 * i / 59;
    model.compute = std::pow(10, x);
    model.score = 25 + 60 / (1 + std::exp(-2.5 * (x - 23))) + noise * random.normal();
    models.push_back(model);
  }
  return models;
}

RegressionSettings settings_with(int bootstrap) {
  RegressionSettings settings;
  settings.bounds = {25, 96, 100};
  settings.link = Link::LogisticFreeCeiling;
  settings.compare_links = false;
  settings.bootstrap = bootstrap;
  settings.threads = 1;
  return settings;
}

}  // namespace

TEST_CASE("the compute multiplier inverts the curve: a model one decade ahead needs ten times its compute") {
  auto models = on_the_curve(0, 1);
  ScoredModel ahead;
  ahead.name = "ahead";
  ahead.compute = 1e22;
  ahead.score = 55;  // the curve's middle, reached at 1e23
  ahead.not_fitted = "judged only, as asked";
  models.push_back(ahead);
  const auto regression = regress(models, settings_with(50));
  const auto report = judge(models, regression, 0);
  const auto& m = report.judgements.back().compute_multiplier;
  REQUIRE(m.estimate);
  CHECK(agrees(*m.estimate, 10, 7));
  CHECK(report.judgements.back().multiplier_status == "ok");
  CHECK(report.judgements.back().is_outlier);
  // The others need their own compute.
  CHECK(agrees(*report.judgements[30].compute_multiplier.estimate, 1, 6));
}

TEST_CASE("in two features the multiplier moves a model along its own tokens per parameter") {
  ScoreCurve curve;
  curve.slope = {2, 4};
  CHECK(gain_per_decade(curve, Predictor::Compute, Link::LogisticParamsTokens) == 3);
  curve.slope = {2.5};
  CHECK(gain_per_decade(curve, Predictor::Compute, Link::Logistic) == 2.5);
  CHECK(gain_per_decade(curve, Predictor::Tokens, Link::Logistic) == 0);
}

TEST_CASE("above the ceiling there is no multiplier, and at guessing no lower end: nothing is invented") {
  auto models = on_the_curve(0.5, 2);
  for (double score : {97.0, 25.0, 24.0}) {
    ScoredModel odd;
    odd.name = "scores " + std::to_string(score);
    odd.compute = 1e23;
    odd.score = score;
    odd.not_fitted = "judged only, as asked";
    models.push_back(odd);
  }
  const auto report = judge(models, regress(models, settings_with(100)), 1.5);
  const auto& high = report.judgements[60];
  CHECK_FALSE(high.compute_multiplier.estimate);
  CHECK_FALSE(high.compute_multiplier.high);
  CHECK(high.multiplier_status == "above ceiling");
  for (std::size_t i : {61u, 62u}) {
    const auto& low = report.judgements[i];
    CHECK_FALSE(low.compute_multiplier.estimate);
    CHECK_FALSE(low.compute_multiplier.low);
    CHECK(low.multiplier_status == "at floor");
  }
}

TEST_CASE("a needed compute beyond all models is called an extrapolation") {
  auto models = on_the_curve(0, 3);
  ScoredModel odd;
  odd.name = "odd";
  odd.compute = 5e24;
  odd.score = 84.9;  // the curve passes it at 4e25; the largest model has 1e25
  odd.not_fitted = "judged only, as asked";
  models.push_back(odd);
  CHECK(judge(models, regress(models, settings_with(0)), 0).judgements.back().multiplier_status == "extrapolated");
}

TEST_CASE("ends of an interval that draws run away from are open") {
  std::vector<double> draws;
  for (int i = 0; i < 100; ++i) draws.push_back(i < 10 ? -infinity : i > 80 ? infinity : i);
  const auto interval = open_interval(draws, 0.9);
  CHECK_FALSE(interval.low);
  CHECK_FALSE(interval.high);
  const auto inner = open_interval(draws, 0.5);
  REQUIRE(inner.low);
  REQUIRE(inner.high);
  CHECK(*inner.low == 25);
  CHECK(*inner.high == 74);
  CHECK_FALSE(open_interval({}, 0.9).low);
}

TEST_CASE("false discovery rates are those of Benjamini and Hochberg, and grow with the p-value") {
  const auto models = on_the_curve(3, 4);
  const auto report = judge(models, regress(models, settings_with(0)), 1.5);
  std::vector<std::pair<double, double>> p_and_q;
  for (const auto& j : report.judgements) p_and_q.emplace_back(j.p_value, j.false_discovery);
  std::sort(p_and_q.begin(), p_and_q.end());
  for (std::size_t k = 0; k < p_and_q.size(); ++k) {
    // Slow definition: the smallest n p_(j) / j over j >= k.
    double expected = 1;
    for (std::size_t j = k; j < p_and_q.size(); ++j)
      expected =
          std::min(expected, p_and_q[j].first * static_cast<double>(p_and_q.size()) / static_cast<double>(j + 1));
    CHECK(agrees(p_and_q[k].second, expected, 12));
  }
  CHECK(agrees(report.expected_by_chance, 6, 12));
}

TEST_CASE("the interval's ends decide who is an outlier, and the lower end stops a measurement error below guessing") {
  const auto models = on_the_curve(2, 5);
  const auto regression = regress(models, settings_with(0));
  const auto report = judge(models, regression, 1.5);
  std::size_t outside = 0;
  for (std::size_t i = 0; i < models.size(); ++i) {
    const auto& j = report.judgements[i];
    CHECK(j.low >= 25 - regression.interval_factor * 1.5 - 1e-9);
    CHECK(j.high <= 100);
    CHECK(j.is_outlier == (models[i].score < j.low || models[i].score > j.high));
    outside += j.is_outlier;
  }
  CHECK(report.above + report.below == outside);
}

TEST_CASE("an assumed range of tokens widens interval and multiplier, and forgives what it can explain") {
  auto models = on_the_curve(0.5, 6);
  for (auto& model : models) {
    model.active_params = 1e10;
    model.tokens = *model.compute / 6e10;
  }
  ScoredModel exact = models[20];
  exact.name = "exact";
  exact.score += 12;
  ScoredModel ranged = exact;
  ranged.name = "ranged";
  ranged.tokens_low = *exact.tokens / 10;
  ranged.tokens_high = *exact.tokens * 10;
  for (auto* model : {&exact, &ranged}) {
    model->not_fitted = "judged only, as asked";
    models.push_back(*model);
  }
  const auto report = judge(models, regress(models, settings_with(200)), 1.5);
  const auto &a = report.judgements[60], &b = report.judgements[61];
  CHECK(a.is_outlier);
  CHECK_FALSE(b.is_outlier);
  CHECK(b.high - b.low > a.high - a.low + 10);
  REQUIRE(a.compute_multiplier.low);
  REQUIRE(b.compute_multiplier.low);
  CHECK(*b.compute_multiplier.low < *a.compute_multiplier.low / 3);
  CHECK(*b.compute_multiplier.high > *a.compute_multiplier.high * 3);
}

TEST_SUITE("slow") {
  TEST_CASE("the multiplier's 90 % interval holds the truth in 82 to 97 % of simulated tables") {
    int held = 0;
    const int tables = 150;
    for (std::uint64_t seed = 0; seed < tables; ++seed) {
      isoflop::Random random(seed, 1);
      auto models = on_the_curve(2, 1000 + seed);
      ScoredModel ahead;
      ahead.name = "ahead";
      ahead.compute = 1e22;
      ahead.score = 55 + 2 * random.normal();
      ahead.not_fitted = "judged only, as asked";
      models.push_back(ahead);
      auto settings = settings_with(200);
      settings.loss = LossKind::LeastSquares;
      settings.seed = seed;
      const auto m = judge(models, regress(models, settings), 2).judgements.back().compute_multiplier;
      held += m.low && m.high && *m.low <= 10 && 10 <= *m.high;
    }
    CHECK(held >= 0.82 * tables);
    CHECK(held <= 0.97 * tables);
  }
}
