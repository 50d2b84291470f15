#include "isoflop/fits/score_regression.h"

#include <algorithm>
#include <cmath>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/random.h"
#include "isoflop/statistics.h"

using namespace isoflop::fits;

namespace {

struct Truth {
  double family_sd = 0.3, model_sd = 0.5;  ///< in the linear predictor
  double noise = 1;                        ///< points
  double slope_n = 2, slope_d = 4, ceiling = 85;
  std::size_t families = 40;
};

/// Families of one to seven models whose scores follow a logistic in log N and log D.
std::vector<ScoredModel> simulated(const Truth& truth, std::uint64_t seed) {
  isoflop::Random random(seed);
  std::vector<ScoredModel> models;
  for (std::size_t f = 0; f < truth.families; ++f) {
    const double shift = truth.family_sd * random.normal(), log_d = random.uniform(11, 13.2);
    const std::size_t members = 1 + random.index(7);
    for (std::size_t m = 0; m < members; ++m) {
      ScoredModel model;
      model.family = "family " + std::to_string(f);
      model.name = model.family + " model " + std::to_string(m);
      const double log_n = random.uniform(8, 11.2);
      model.active_params = std::pow(10, log_n);
      model.tokens = std::pow(10, log_d);
      model.compute = 6 * *model.active_params * *model.tokens;
      const double eta =
          truth.slope_n * (log_n - 9.8) + truth.slope_d * (log_d - 12.1) + shift + truth.model_sd * random.normal();
      model.score = 25 + (truth.ceiling - 25) / (1 + std::exp(-eta)) + truth.noise * random.normal();
      models.push_back(model);
    }
  }
  return models;
}

RegressionSettings percent_settings() {
  RegressionSettings settings;
  settings.bounds = {25, 96, 100};
  settings.threads = 1;
  return settings;
}

}  // namespace

TEST_CASE("cross-validation prefers the curve that made the data, and automatic takes it") {
  const auto models = simulated({}, 11);
  const auto result = regress(models, percent_settings());
  CHECK(result.trials.size() == 6);
  CHECK(result.link_was_chosen);
  CHECK(result.link == Link::LogisticParamsTokensFreeCeiling);
  double linear = 0, best = 1e9;
  for (const auto& trial : result.trials) {
    if (trial.link == Link::Linear) linear = trial.rmse;
    best = std::min(best, trial.rmse);
    if (trial.link == result.link) CHECK(trial.rmse <= best);
  }
  CHECK(linear > 1.3 * best);
  // Data count twice as much as parameters in the simulated truth.
  CHECK(std::fabs(result.fit.curve.slope[1] / result.fit.curve.slope[0] - 2) < 0.5);
}

TEST_CASE("the left-out error equals a slow loop over tables with the family really removed") {
  const auto models = simulated({}, 12);
  auto settings = percent_settings();
  settings.link = Link::LogisticFreeCeiling;
  const auto result = regress(models, settings);
  CHECK_FALSE(result.link_was_chosen);
  double sum = 0;
  std::string family;
  CurveFit fit;
  for (std::size_t i = 0; i < models.size(); ++i) {
    if (models[i].family == family) {
      const double x[] = {std::log10(*models[i].compute)};
      sum += std::pow(models[i].score - fit.curve.mean(x), 2);
      continue;
    }
    family = models[i].family;
    ScoreRows rows;
    for (const auto& other : models)
      if (other.family != models[i].family) {
        rows.x.push_back(std::log10(*other.compute));
        rows.score.push_back(other.score);
      }
    fit = fit_curve(rows, shape_of(settings.link.value(), settings.bounds),
                    {result.settings.loss, result.settings.loss_scale});
    const double x[] = {std::log10(*models[i].compute)};
    const double expected = fit.curve.mean(x);
    CHECK(std::fabs(result.left_out_prediction[i] - expected) < 2e-2);
    sum += (models[i].score - expected) * (models[i].score - expected);
  }
  for (const auto& trial : result.trials)
    if (trial.link == settings.link)
      CHECK(agrees(trial.rmse, std::sqrt(sum / static_cast<double>(models.size())), 3.5));
  CHECK(result.scheme == "leave-one-family-out, 40 families");
}

TEST_CASE("results do not depend on the number of threads") {
  const auto models = simulated({}, 13);
  auto settings = percent_settings();
  settings.bootstrap = 40;
  const auto one = regress(models, settings);
  settings.threads = 3;
  const auto three = regress(models, settings);
  CHECK(one.left_out_prediction == three.left_out_prediction);
  REQUIRE(one.resampled.size() == 40);
  for (std::size_t b = 0; b < 40; ++b) {
    CHECK(one.resampled[b].intercept == three.resampled[b].intercept);
    CHECK(one.resampled[b].slope == three.resampled[b].slope);
  }
}

TEST_CASE("a planted model near the floor stands out only by the local scale") {
  auto models = simulated({}, 14);
  ScoredModel planted = models[0];
  planted.family = planted.name = "planted";
  planted.active_params = 3e8;
  planted.tokens = 1e11;
  planted.compute = 6 * 3e8 * 1e11;
  planted.score = 34;  // nine points above guessing
  models.push_back(planted);
  const auto result = regress(models, percent_settings());
  const double residual = planted.score - result.left_out_prediction.back();
  CHECK(residual / result.left_out_scale.back() > 4);
  CHECK(residual / result.rmse < 2);
}

TEST_CASE("models that are only judged do not move the curve") {
  auto models = simulated({}, 15);
  const auto before = regress(models, percent_settings());
  ScoredModel odd = models[0];
  odd.family = "odd";
  odd.score = 99;
  odd.not_fitted = "to be judged";
  models.push_back(odd);
  const auto after = regress(models, percent_settings());
  CHECK(after.fit.curve.intercept == before.fit.curve.intercept);
  CHECK(after.fitted + 1 == models.size());
  CHECK(after.left_out_prediction.size() == models.size());
  CHECK(agrees(after.left_out_prediction.back(), after.fit.curve.mean(after.features(odd)), 12));
}

TEST_CASE("without family names single models are left out") {
  auto models = simulated({}, 16);
  for (auto& model : models) model.family.clear();
  const auto result = regress(models, percent_settings());
  CHECK(result.scheme == "leave-one-model-out, " + std::to_string(models.size()) + " models");
}

TEST_CASE("an unbounded score has linear links only, and a logistic one is refused with the reason") {
  const auto models = simulated({}, 17);
  auto settings = percent_settings();
  settings.bounds = {};
  for (const auto& trial : regress(models, settings).trials) CHECK_FALSE(is_logistic(trial.link));
  settings.link = Link::Logistic;
  CHECK_THROWS_WITH_AS(regress(models, settings), doctest::Contains("--floor"), isoflop::Error);
}

TEST_CASE("token counts given as a range widen the bootstrap") {
  auto models = simulated({}, 18);
  auto settings = percent_settings();
  settings.link = Link::Linear;
  settings.bootstrap = 300;
  const auto spread = [](const ScoreRegression& r) {
    std::vector<double> slope;
    for (const auto& curve : r.resampled) slope.push_back(curve.slope[0]);
    return isoflop::standard_deviation(slope) / isoflop::mean(slope);
  };
  const double exact = spread(regress(models, settings));
  for (auto& model : models) {
    model.tokens_low = *model.tokens / 30;
    model.tokens_high = *model.tokens * 30;
  }
  CHECK(spread(regress(models, settings)) > 1.1 * exact);
}

TEST_CASE("the loss bends where the scatter asks for it, and never below the least") {
  auto settings = percent_settings();
  settings.link = Link::Logistic;
  settings.compare_links = false;
  auto models = simulated({}, 20);
  auto exact = models;
  for (auto& model : exact) model.score = 25 + 71 / (1 + std::exp(-2 * (std::log10(*model.compute) - 22.7)));
  isoflop::Random random(20);
  for (auto& model : models) model.score += 25 * random.normal();
  CHECK(regress(exact, settings).settings.loss_scale == 5);
  // Half of about 27 points.
  CHECK(std::fabs(regress(models, settings).settings.loss_scale - 13.5) < 3);
  settings.loss_scale = 7;
  CHECK(regress(models, settings).settings.loss_scale == 7);
}

TEST_CASE("the conformal quantile leaves one more value below it with the stated probability") {
  std::vector<double> values;
  for (int i = 1; i <= 99; ++i) values.push_back(i);
  CHECK(conformal_quantile(values, 0.90) == 90);  // rank ceil(100 * 0.9)
  CHECK(conformal_quantile({1, 2, 3}, 0.90) == 3);
}

TEST_CASE("too few models are refused with the number needed") {
  auto models = simulated({}, 19);
  models.resize(7);
  CHECK_THROWS_WITH_AS(regress(models, percent_settings()), doctest::Contains("expected at least 8"), isoflop::Error);
}

TEST_SUITE("slow") {
  TEST_CASE("90 % intervals cover 85 to 95 % of left-out models over 40 simulated tables") {
    double covered = 0, total = 0;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      const auto models = simulated({}, 200 + seed);
      const auto result = regress(models, percent_settings());
      for (std::size_t i = 0; i < models.size(); ++i) {
        covered += std::fabs(models[i].score - result.left_out_prediction[i]) <=
                   result.interval_factor * result.left_out_scale[i];
        total += 1;
      }
    }
    CHECK(covered / total > 0.85);
    CHECK(covered / total < 0.95);
  }

  TEST_CASE("the family bootstrap covers the true slope ratio in 80 to 97 % of simulated tables") {
    int covered = 0;
    const int tables = 60;
    for (std::uint64_t seed = 0; seed < tables; ++seed) {
      auto settings = percent_settings();
      settings.link = Link::LogisticParamsTokensFreeCeiling;
      settings.loss = LossKind::LeastSquares;
      settings.bootstrap = 200;
      const auto result = regress(simulated({}, 500 + seed), settings);
      std::vector<double> ratio;
      for (const auto& curve : result.resampled) ratio.push_back(curve.slope[1] / curve.slope[0]);
      std::sort(ratio.begin(), ratio.end());
      covered += ratio[10] <= 2 && 2 <= ratio[189];
    }
    CHECK(covered >= 48);
    CHECK(covered <= 59);
  }
}
