#include "isoflop/fits/loss_frontier.h"

#include <doctest/doctest.h>

#include <cmath>

#include "agrees.h"

using namespace isoflop::fits;

TEST_CASE("points on a power law with a floor give back floor and exponent") {
  std::vector<FrontierPoint> points;
  for (int i = 0; i < 7; ++i) {
    const double c = 1e11 * std::pow(2.0, i);
    points.push_back({c, 2.63 + 0.8 * std::pow(c / 1e12, -0.21)});
  }
  const auto law = fit_frontier(points);
  REQUIRE(law.usable());
  CHECK(agrees(law.E, 2.63, 5));
  CHECK(agrees(law.g, 0.21, 4));
  CHECK(agrees(law.loss(1e14), 2.63 + 0.8 * std::pow(100, -0.21), 5));
  CHECK(law.rms < 1e-8);
}

TEST_CASE("a frontier without four budgets, or one that rises, gives no answer") {
  CHECK_FALSE(fit_frontier({{1e11, 3.4}, {2e11, 3.2}, {4e11, 3.1}}).usable());
  CHECK_FALSE(fit_frontier({{1e11, 3.0}, {2e11, 3.1}, {4e11, 3.2}, {8e11, 3.3}}).usable());
}
