#include "isoflop/fits/robust_loss.h"

#include <cmath>

#include "agrees.h"

using namespace isoflop::fits;

TEST_CASE("the weight of every loss is its slope over twice the residual, by central differences") {
  for (const auto& name : loss_names()) {
    const RobustLoss loss{*find_loss(name), 3.0};
    for (double r : {-7.0, -2.0, 0.4, 1.7, 2.9, 3.5, 12.0}) {
      const double h = 1e-5;
      const double slope = (loss.value(r + h) - loss.value(r - h)) / (2 * h);
      CAPTURE(name);
      CAPTURE(r);
      CHECK(std::fabs(loss.weight(r) - slope / (2 * r)) < 1e-8);
    }
  }
}

TEST_CASE("every loss is the square for small residuals and costs far ones no more than the square") {
  for (const auto& name : loss_names()) {
    const RobustLoss loss{*find_loss(name), 3.0};
    CHECK(agrees(loss.value(1e-3), 1e-6, 6));
    CHECK(loss.value(50) <= 2500);
    CHECK(loss_name(*find_loss(name)) == name);
  }
  CHECK_FALSE(find_loss("quartic"));
}

TEST_CASE("bisquare costs a point beyond its scale the same however far it is, and Huber grows linearly") {
  const RobustLoss bisquare{LossKind::Bisquare, 3}, huber{LossKind::Huber, 3};
  CHECK(bisquare.value(4) == bisquare.value(400));
  CHECK(bisquare.weight(4) == 0);
  CHECK(agrees(huber.value(10) - huber.value(9), 6, 12));
}
