#include "isoflop/fits/power_sum_fit.h"

#include <doctest/doctest.h>

#include <cmath>

#include "agrees.h"
#include "fits/fitted_runs.h"
#include "isoflop/error.h"

using namespace isoflop;
using namespace isoflop::fits;

namespace {

// Width, depth, parameters and tokens of transformers of many shapes, as in the four-term law of Gemstones.
PowerSumData four_terms(std::size_t runs, double noise) {
  Random random(3);
  PowerSumData data;
  data.names = {"width", "depth", "params", "tokens"};
  data.x.resize(4);
  for (std::size_t i = 0; i < runs; ++i) {
    const double width = 64 * std::floor(random.uniform(4, 64)), depth = std::floor(random.uniform(3, 80));
    const double tokens = 1e9 * std::exp(random.uniform(0, 6));
    const double values[] = {width, depth, 12 * depth * width * width, tokens};
    double loss = 1.7 + 40 / std::pow(width, 0.8) + 0.5 / std::pow(depth, 0.9) + 300 / std::pow(values[2], 0.33) +
                  1500 / std::pow(tokens, 0.36);
    for (std::size_t k = 0; k < 4; ++k) data.x[k].push_back(values[k]);
    data.loss.push_back(loss * std::exp(noise * random.normal()));
  }
  return data;
}

}  // namespace

TEST_CASE("two terms give the Chinchilla fit, by another program path") {
  PowerSumData data;
  data.names = {"params", "tokens"};
  data.x.resize(2);
  for (const Run& run : kept_runs().runs()) {
    data.x[0].push_back(run.params);
    data.x[1].push_back(run.tokens);
    data.loss.push_back(run.loss);
  }
  const auto fit = fit_power_sum(data);
  CHECK(fit.status == FitStatus::Certified);
  CHECK(agrees(fit.objective, 0.0010182755751330, 13));
  CHECK(agrees(fit.law.A[0], 477.821166, 9));
  CHECK(agrees(fit.law.A[1], 2143.451679, 9));
  CHECK(agrees(fit.law.alpha[1], 0.3671732530, 9.8));
}

TEST_CASE("a noise-free law of four terms comes back to nine digits") {
  const auto fit = fit_power_sum(four_terms(300, 0));
  CHECK(fit.status == FitStatus::Certified);
  const double A[] = {40, 0.5, 300, 1500}, alpha[] = {0.8, 0.9, 0.33, 0.36};
  CHECK(agrees(fit.law.E, 1.7, 9));
  for (std::size_t k = 0; k < 4; ++k) {
    CHECK(agrees(fit.law.A[k], A[k], 8));
    CHECK(agrees(fit.law.alpha[k], alpha[k], 9));
  }
}

TEST_CASE("a quantity that takes two values identifies no term") {
  auto data = four_terms(100, 0.01);
  for (std::size_t i = 0; i < data.x[1].size(); ++i) data.x[1][i] = i % 2 ? 12 : 24;
  const auto fit = fit_power_sum(data);
  CHECK(fit.status == FitStatus::NotIdentified);
  CHECK(fit.reason == "depth has 2 distinct values; its amplitude and exponent need at least 3");
}

TEST_CASE("columns of a table become terms, and bad cells are refused by place") {
  const auto table = CsvTable::parse("w,t,loss\n256,1e9,3\n512,-1,2.5\n", "g.csv");
  CHECK_THROWS_WITH_AS(PowerSumData::from_csv(table, {"w", "t"}, "loss"), doctest::Contains("g.csv:3:2"), Error);
}
