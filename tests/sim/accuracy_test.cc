#include "isoflop/sim/accuracy.h"

#include <limits>

#include "agrees.h"

using namespace isoflop;
using namespace isoflop::sim;

TEST_CASE("errors, bias and coverage of four rows are those counted by hand") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<PredictedRow> rows = {{"a", "g", "m", "c", 100, 110, 90, 120},   // 10 %, inside
                                          {"b", "g", "m", "c", 100, 50, 40, 60},     // 50 %, outside
                                          {"c", "h", "m", "c", 100, 200, 90, 300},   // 100 %, inside
                                          {"d", "h", "m", "c", 100, 100, nan, nan}}; // exact, no interval
  const Accuracy a = accuracy_of(rows);
  CHECK(a.n == 4);
  CHECK(agrees(a.mape, 40, 12));
  CHECK(agrees(a.median, 30, 12));
  CHECK(agrees(a.bias, 1.0241136890844451, 12));  // (1.1 * 0.5 * 2 * 1)^(1/4)
  REQUIRE(a.coverage.has_value());
  CHECK(agrees(*a.coverage, 2.0 / 3, 12));
}

TEST_CASE("no rows give no figures") {
  const Accuracy a = accuracy_of(std::vector<PredictedRow>{});
  CHECK(a.n == 0);
  CHECK(to_value(a).at("mape").is_null());
  CHECK(to_value(a).at("coverage").is_null());
}
