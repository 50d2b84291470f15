#include "isoflop/plot/contours.h"

#include <doctest/doctest.h>

#include <cmath>

#include "agrees.h"

using namespace isoflop;

namespace {

HeatLayer grid(double low, double high, int count, bool log) {
  HeatLayer heat;
  for (int k = 0; k < count; ++k) {
    const double share = static_cast<double>(k) / (count - 1);
    heat.x.push_back(log ? low * std::pow(high / low, share) : low + share * (high - low));
  }
  heat.y = heat.x;
  return heat;
}

}  // namespace

TEST_CASE("the contour of a cone is one closed circle") {
  HeatLayer heat = grid(-2, 2, 81, false);
  for (const double y : heat.y)
    for (const double x : heat.x) heat.z.push_back(std::hypot(x, y));
  const auto lines = contour_lines(heat, 1.23, Scale::Linear, Scale::Linear);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].front() == lines[0].back());
  for (const auto& [x, y] : lines[0]) CHECK(std::fabs(std::hypot(x, y) - 1.23) < 1e-3);
}

TEST_CASE("on logarithmic axes a power law's contour is exact") {
  HeatLayer heat = grid(1e8, 1e11, 31, true);
  heat.scale = Scale::Log;
  for (const double y : heat.y)
    for (const double x : heat.x) heat.z.push_back(6 * x * y);
  const auto lines = contour_lines(heat, 1e20, Scale::Log, Scale::Log);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].size() > 20);
  for (const auto& [x, y] : lines[0]) CHECK(agrees(6 * x * y, 1e20, 10));
}

TEST_CASE("a saddle's two branches do not cross, and unknown corners give nothing") {
  HeatLayer heat = grid(-1, 1, 2, false);
  heat.z = {1, -1, -1, 1};
  CHECK(contour_lines(heat, 0.1, Scale::Linear, Scale::Linear).size() == 2);
  heat.z[0] = NAN;
  CHECK(contour_lines(heat, 0.1, Scale::Linear, Scale::Linear).empty());
  CHECK(contour_lines(heat, 5, Scale::Linear, Scale::Linear).empty());
}
