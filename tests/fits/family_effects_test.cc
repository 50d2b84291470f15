#include "isoflop/fits/family_effects.h"

#include <cmath>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/random.h"

using namespace isoflop::fits;

namespace {

std::vector<ScoredModel> families(double family_sd, double model_sd, std::size_t count, std::uint64_t seed) {
  isoflop::Random random(seed);
  std::vector<ScoredModel> models;
  for (std::size_t f = 0; f < count; ++f) {
    const double shift = family_sd * random.normal();
    for (int m = 0; m < 6; ++m) {
      ScoredModel model;
      model.family = "f" + std::to_string(f);
      model.name = model.family + "-" + std::to_string(m);
      const double x = random.uniform(22, 25);
      model.compute = std::pow(10, x);
      model.score = 25 + 60 / (1 + std::exp(-(2.5 * (x - 23.3) + shift + model_sd * random.normal())));
      models.push_back(model);
    }
  }
  return models;
}

RegressionSettings settings() {
  RegressionSettings s;
  s.bounds = {25, 96, 100};
  s.link = Link::LogisticFreeCeiling;
  s.compare_links = false;
  s.loss = LossKind::LeastSquares;
  s.threads = 1;
  return s;
}

}  // namespace

TEST_CASE("the intraclass correlation of a hand-worked table") {
  // Groups {1,3}, {5,7}, {9,11}: between mean square 2 x 32 / 2 = 32, within 2, so (32-2)/2 = 15 over 15 + 2.
  const double values[] = {1, 3, 5, 7, 9, 11};
  const std::size_t group[] = {0, 0, 1, 1, 2, 2};
  CHECK(agrees(intraclass_correlation(values, group, 3), 15.0 / 17, 12));
  // Without differences between groups the estimate is negative and reported as none.
  const double same[] = {1, 3, 1, 3, 1, 3};
  CHECK(intraclass_correlation(same, group, 3) == 0);
}

TEST_CASE("the spread of simulated families is recovered, and their order too") {
  // 40 families with sd 0.8: the estimate's own standard error is about 0.8 / sqrt(80) = 0.09; three of them allowed.
  const auto models = families(0.8, 0.2, 40, 21);
  const auto regression = regress(models, settings());
  const auto effects = fit_family_effects(models, regression, false);
  CHECK(effects.converged);
  CHECK(std::fabs(effects.sd - 0.8) < 0.27);
  CHECK(effects.residual_scale < 0.7 * regression.rmse);
  CHECK(effects.intraclass > 0.5);
  CHECK(effects.families.front().effect > 1);
  CHECK(effects.families.back().effect < -1);
}

TEST_CASE("where families do not differ, random effects shrink to little and fixed ones do not") {
  const auto models = families(0, 0.4, 40, 22);
  const auto regression = regress(models, settings());
  const auto random = fit_family_effects(models, regression, false),
             fixed = fit_family_effects(models, regression, true);
  CHECK(random.sd < 0.2);
  CHECK(std::fabs(random.families.front().effect) < std::fabs(fixed.families.front().effect));
  CHECK(fixed.sd == fixed_effect_sd);
}

TEST_CASE("one family has no effect to estimate") {
  auto models = families(0.5, 0.2, 2, 23);
  const auto regression = regress(models, settings());
  for (auto& model : models) model.family = "one";
  CHECK_THROWS_AS(fit_family_effects(models, regression, false), isoflop::Error);
}
