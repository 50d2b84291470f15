#include "isoflop/fits/training_envelope.h"

#include <doctest/doctest.h>

#include <cmath>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/fits/chinchilla_law.h"

using namespace isoflop::fits;

namespace {
std::vector<TrainingCurve> law_curves(const ChinchillaLaw& law, int sizes) {
  std::vector<TrainingCurve> curves;
  for (int i = 0; i < sizes; ++i) {
    TrainingCurve curve;
    curve.run = "run" + std::to_string(i);
    curve.params = 1e7 * std::pow(1e3, static_cast<double>(i) / (sizes - 1));
    for (double tokens = curve.params * 0.3; tokens < curve.params * 2000; tokens *= 1.05) {
      curve.tokens.push_back(tokens);
      curve.loss.push_back(law.loss(curve.params, tokens));
    }
    curves.push_back(curve);
  }
  return curves;
}
}  // namespace

TEST_CASE("the envelope of a law's own training curves gives its exponent and its optimum") {
  const ChinchillaLaw law{1.8172, 482.01, 2085.43, 0.3478, 0.3658, 1};
  const auto fit = fit_envelope(law_curves(law, 40));
  REQUIRE(fit.usable());
  CHECK(std::fabs(fit.exponent_a - law.exponent_a()) < 0.01);
  CHECK(std::fabs(std::log(fit.params(1e19) / law.optimum(1e19).params)) < 0.05);
  CHECK(fit.exponent_a_se > 0);
  CHECK(fit.exponent_a_se < 0.02);
  CHECK(fit.at_edge > 0);
  // N* is best known where the curves are, and worse the farther away.
  const double near = fit.log_params_se(1e19), far = fit.log_params_se(1e24);
  CHECK(near > 0);
  CHECK(far > 2 * near);
  CHECK(fit.points.size() + fit.at_edge <= 1500);
}

TEST_CASE("two sizes are no envelope") {
  const auto fit = fit_envelope(law_curves({1.8, 480, 2000, 0.35, 0.37, 1}, 2));
  CHECK_FALSE(fit.usable());
  CHECK(!fit.reason.empty());
}

TEST_CASE("training curves are read by tokens or by steps, in any order, with empty losses left out") {
  const auto by_tokens = read_training_curves(isoflop::CsvTable::parse(
      "run,params,tokens,loss\na,1e6,2e6,4\na,1e6,1e6,5\nb,2e6,1e6,\nb,2e6,3e6,4.5\n", "c.csv"));
  REQUIRE(by_tokens.size() == 2);
  CHECK(by_tokens[0].tokens == std::vector<double>{1e6, 2e6});
  CHECK(by_tokens[0].loss == std::vector<double>{5, 4});
  CHECK(by_tokens[1].tokens.size() == 1);
  const auto by_step = read_training_curves(
      isoflop::CsvTable::parse("run,params,step,tokens_per_step,loss\na,1e6,0,1000,9\na,1e6,10,1000,4\n", "c.csv"));
  CHECK(by_step[0].tokens == std::vector<double>{1e4});
  CHECK_THROWS_AS(read_training_curves(isoflop::CsvTable::parse("run,params,step,loss\na,1,2,3\n", "c.csv")),
                  isoflop::Error);
  CHECK_THROWS_AS(read_training_curves(isoflop::CsvTable::parse("run,params,tokens,loss\na,1,2,3\na,2,3,3\n", "c.csv")),
                  isoflop::Error);
}
