#include "isoflop/fits/extrapolation.h"

#include <cmath>

#include "isoflop/error.h"
#include "isoflop/statistics.h"

namespace isoflop::fits {
namespace {

constexpr double quantiles[] = {0.5, 0.65, 0.8};
constexpr std::size_t least_below = 20, least_above = 5, most_rows = 20000;

}  // namespace

std::vector<ExtrapolationTest> test_extrapolation(const std::vector<ScoredModel>& models,
                                                  const ScoreRegression& regression) {
  const Predictor predictor = regression.settings.predictor;
  std::vector<double> x;
  for (const ScoredModel& model : models)
    if (model.is_fitted()) x.push_back(features_of(model, predictor, Link::Linear)[0]);
  std::vector<ExtrapolationTest> tests;
  if (x.size() < least_below + least_above || x.size() > most_rows) return tests;
  RegressionSettings settings = regression.settings;
  settings.link = regression.link;
  settings.compare_links = false;
  settings.bootstrap = 0;
  for (double q : quantiles) {
    const double cut = quantile(x, q);
    std::vector<ScoredModel> below;
    std::vector<const ScoredModel*> above;
    for (const ScoredModel& model : models) {
      if (!model.is_fitted()) continue;
      if (features_of(model, predictor, Link::Linear)[0] <= cut) below.push_back(model);
      else above.push_back(&model);
    }
    if (below.size() < least_below || above.size() < least_above) continue;
    ExtrapolationTest test;
    test.cut = predictor == Predictor::ReleaseDate || predictor == Predictor::Other ? cut : std::pow(10, cut);
    test.fitted = below.size();
    test.judged = above.size();
    try {
      const ScoreRegression fit = regress(below, settings);
      for (const ScoredModel* model : above) {
        const auto features = fit.features(*model);
        const double error = fit.fit.curve.mean(features) - model->score;
        test.rmse += error * error;
        test.bias += error;
        test.coverage += std::fabs(error) <= fit.interval_factor * fit.scale_at(features) ? 1 : 0;
      }
    } catch (const Error&) {
      continue;  // below the cut, something the link needs does not vary
    }
    const double n = static_cast<double>(above.size());
    test.rmse = std::sqrt(test.rmse / n);
    test.bias /= n;
    test.coverage /= n;
    tests.push_back(test);
  }
  return tests;
}

}  // namespace isoflop::fits
