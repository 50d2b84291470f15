#include "isoflop/fits/local_scale.h"

#include <cmath>

#include "agrees.h"
#include "isoflop/random.h"

using namespace isoflop::fits;

TEST_CASE("the robust scale of normal residuals is their standard deviation") {
  isoflop::Random random(5);
  std::vector<double> r;
  for (int i = 0; i < 40000; ++i) r.push_back(3 * random.normal());
  // Standard error of the estimate is about 0.4 %.
  CHECK(std::fabs(huber_scale(r) - 3) < 0.05);
}

TEST_CASE("five far residuals in a hundred move the scale by less than a seventh") {
  isoflop::Random random(6);
  std::vector<double> r;
  for (int i = 0; i < 100; ++i) r.push_back(random.normal());
  const double clean = huber_scale(r);
  for (std::size_t i = 0; i < 5; ++i) r[i] = 1000;
  // Standard deviation would be 224. Huber's bound: five squares of at most (2 s)^2.
  CHECK(huber_scale(r) / clean < 1.15);
  CHECK(huber_scale(r) >= clean);
}

TEST_CASE("scale follows the data: small near the floor, large above, never below the given least") {
  isoflop::Random random(7);
  std::vector<double> position, residual;
  for (int i = 0; i < 400; ++i) {
    position.push_back(i / 400.0);
    residual.push_back(random.normal() * (i < 200 ? 0.01 : 8));
  }
  const LocalScale scale(position, residual, {}, 0.5);
  CHECK(scale.neighbours() == 80);
  CHECK(scale.at(0.1) == 0.5);
  CHECK(scale.at(0.9) > 5);
  CHECK(scale.at(0.9) < 11);
}

TEST_CASE("a row's own group has no say in its scale") {
  std::vector<double> position, residual;
  std::vector<std::size_t> group;
  for (std::size_t i = 0; i < 60; ++i) {
    position.push_back(static_cast<double>(i));
    group.push_back(i < 30 ? 0 : i);
    residual.push_back(i < 30 ? 1000.0 : (i % 2 ? 1.0 : -1.0));
  }
  const LocalScale scale(position, residual, group, 0.1);
  CHECK(scale.at(3) > 500);
  CHECK(scale.for_row(3) < 1.2);
}

TEST_CASE("for many rows the scale at knots agrees with the exact windows of a thinned sample") {
  isoflop::Random random(8);
  std::vector<double> position, residual, few_position, few_residual;
  for (int i = 0; i < 30000; ++i) {
    const double x = random.uniform();
    position.push_back(x);
    residual.push_back((1 + 4 * x) * random.normal());
    if (i % 20 == 0) few_position.push_back(x), few_residual.push_back(residual.back());
  }
  const LocalScale many(position, residual, {}, 0.1), few(few_position, few_residual, {}, 0.1);
  for (double x : {0.2, 0.5, 0.8}) CHECK(std::fabs(many.at(x) / few.at(x) - 1) < 0.15);
}

TEST_CASE("a quarter of hundred models is a window; few models share one scale") {
  CHECK(scale_neighbours(10) == 9);
  CHECK(scale_neighbours(100) == 25);
  CHECK(scale_neighbours(500) == 100);
}
