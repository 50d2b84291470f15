#include "isoflop/sim/machine/repeats.h"

#include <doctest/doctest.h>

#include <vector>

#include "agrees.h"

using namespace isoflop::sim;

namespace {

std::vector<Window> windows(std::initializer_list<double> values, Placement placement = Placement::SharedCache) {
  std::vector<Window> result;
  for (double v : values) result.push_back({v, placement, placement, 0, 0});
  return result;
}

}  // namespace

TEST_CASE("quiet repeats give the median, the quartiles and half their distance over the median") {
  const auto r = summarise(windows({100, 104, 96, 102, 98}), {});
  CHECK(r.conclusive);
  CHECK(r.kept == 5);
  CHECK(agrees(r.median, 100, 12));
  CHECK(agrees(r.low, 98, 12));
  CHECK(agrees(r.high, 102, 12));
  CHECK(agrees(r.disagreement, 0.02, 12));
}

TEST_CASE("repeats that disagree by more than the bound give no conclusion, and one that agree just enough do") {
  RepeatRules rules;
  rules.most_disagreement = 0.10;
  const auto wide = summarise(windows({80, 85, 100, 115, 120}), rules);  // quartiles 85 and 115: 15 %
  CHECK_FALSE(wide.conclusive);
  CHECK(wide.reason.find("15 %") != std::string::npos);
  CHECK(agrees(wide.median, 100, 12));
  rules.most_disagreement = 0.16;
  CHECK(summarise(windows({80, 85, 100, 115, 120}), rules).conclusive);
}

TEST_CASE("windows in which the host took time away are dropped and counted") {
  auto w = windows({100, 100, 100, 100, 100, 10, 20});
  w[5].steal = 0.03;
  w[6].steal = 0.5;
  const auto r = summarise(w, {});
  CHECK(r.dropped_steal == 2);
  CHECK(r.kept == 5);
  CHECK(agrees(r.median, 100, 12));
  CHECK(r.conclusive);
}

TEST_CASE("windows whose placement changed or is not the usual one are dropped where placement matters") {
  auto w = windows({35, 36, 35, 34, 35, 60, 61, 48});
  w[5].before = w[5].after = Placement::Apart;
  w[6].before = w[6].after = Placement::Apart;
  w[7].after = Placement::Apart;
  RepeatRules rules;
  rules.placement_matters = true;
  const auto r = summarise(w, rules);
  CHECK(r.dropped_placement == 3);
  CHECK(r.kept == 5);
  CHECK(r.placement == Placement::SharedCache);
  CHECK(agrees(r.median, 35, 12));
  CHECK(r.conclusive);
  rules.placement_matters = false;
  CHECK(summarise(w, rules).kept == 8);
}

TEST_CASE("too few windows, none at all, and windows that were all disturbed give no conclusion") {
  CHECK_FALSE(summarise(windows({1, 1, 1, 1}), {}).conclusive);
  CHECK_FALSE(summarise({}, {}).conclusive);
  auto w = windows({1, 1, 1, 1, 1, 1});
  for (auto& window : w) window.steal = 1;
  const auto r = summarise(w, {});
  CHECK_FALSE(r.conclusive);
  CHECK(r.dropped_steal == 6);
  CHECK(r.reason == "all 6 windows were disturbed");
}
