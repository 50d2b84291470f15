#include "isoflop/fits/extrapolation.h"

#include <cmath>

#include "agrees.h"
#include "isoflop/random.h"

using namespace isoflop::fits;

namespace {

std::vector<ScoredModel> models_on(double (*curve)(double), double noise, std::uint64_t seed) {
  isoflop::Random random(seed);
  std::vector<ScoredModel> models;
  for (int i = 0; i < 120; ++i) {
    ScoredModel model;
    model.name = "m" + std::to_string(i);
    const double x = 21 + 4.0 * i / 119;
    model.compute = std::pow(10, x);
    model.score = curve(x) + noise * random.normal();
    models.push_back(model);
  }
  return models;
}

RegressionSettings settings(Link link) {
  RegressionSettings s;
  s.bounds = {25, 85, 100};
  s.link = link;
  s.compare_links = false;
  s.threads = 1;
  return s;
}

double logistic(double x) { return 25 + 60 / (1 + std::exp(-2 * (x - 23))); }

}  // namespace

TEST_CASE("the right curve extrapolates to its noise, the wrong one is caught by error, bias and coverage") {
  const auto models = models_on(logistic, 1, 41);
  const auto right = test_extrapolation(models, regress(models, settings(Link::Logistic)));
  const auto wrong = test_extrapolation(models, regress(models, settings(Link::Linear)));
  REQUIRE(right.size() == 3);
  REQUIRE(wrong.size() == 3);
  CHECK(right[0].fitted == 60);
  CHECK(right[0].judged == 60);
  CHECK(agrees(right[0].cut, 1e23, 1));
  CHECK(right[0].rmse < 2.5);
  CHECK(right[0].coverage > 0.6);
  // A straight line through the rising half overshoots where the curve levels off.
  CHECK(wrong[1].rmse > 4 * right[1].rmse);
  CHECK(wrong[2].bias > 3);
}

TEST_CASE("without enough models on both sides nothing is claimed") {
  auto models = models_on(logistic, 1, 42);
  models.resize(22);
  CHECK(test_extrapolation(models, regress(models, settings(Link::Linear))).empty());
}
