#include "isoflop/sim/footprint/schedule.h"

#include <cmath>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/random.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

constexpr double pi = 3.14159265358979323846;

/// Days that repeat exactly: 0.3 + 0.1 cos, lowest at noon.
GridSeries periodic(int days) {
  GridSeries s;
  for (int h = 0; h < 24 * days; ++h) s.average_kg_per_kwh.push_back(0.3 + 0.1 * std::cos(2 * pi * (h % 24) / 24));
  return s;
}

}  // namespace

TEST_CASE("on days that repeat, the forecast is as good as foresight, and both reach the closed-form saving") {
  const auto r = schedule(periodic(60), {4, 24});
  CHECK(agrees(r.shift.forecast, r.shift.oracle, 10));
  // Best four hours around noon over the mean of all starts (0.3, up to sampling of starts).
  const double best = 0.3 - 0.1 * (std::cos(2 * pi / 24) * 2 + 1 + std::cos(4 * pi / 24)) / 4;
  CHECK(std::fabs(r.shift.oracle - (1 - best / 0.3)) < 0.01);
  CHECK(agrees(r.median_daily_max_over_min, 0.4 / 0.2, 10));
}

TEST_CASE("a whole-day block gains nothing from a daily-periodic forecast, by construction") {
  GridSeries s;
  Random random(3);
  for (int h = 0; h < 24 * 90; ++h) s.average_kg_per_kwh.push_back(0.2 + 0.2 * random.uniform());
  const auto r = schedule(s, {24, 72});
  CHECK(r.shift.forecast == 0);
  CHECK(r.shift.oracle > 0.01);
}

TEST_CASE(
    "foresight never does worse than the forecast, pausing with foresight never worse than shifting, noise saves "
    "nothing real") {
  GridSeries s;
  Random random(4);
  for (int h = 0; h < 24 * 200; ++h) s.average_kg_per_kwh.push_back(0.2 + 0.2 * random.uniform());
  const auto r = schedule(s, {4, 24});
  CHECK(r.shift.oracle >= r.shift.forecast);
  CHECK(r.pause.oracle >= r.shift.oracle);
  CHECK(std::fabs(r.shift.forecast) < 0.01);
  CHECK(r.shift.oracle > 0.1);
}

TEST_CASE("the oracle equals brute force over all starts of a small series") {
  GridSeries s;
  Random random(5);
  for (int h = 0; h < 24 * 2 + 6; ++h) s.average_kg_per_kwh.push_back(random.uniform(0.1, 1));
  const auto r = schedule(s, {2, 24}, 500, 9);
  double at_once = 0, best = 0;
  for (std::size_t i = 0; i < 500; ++i) {
    const std::size_t start = 24 + Random(9, i).index(s.average_kg_per_kwh.size() - 24 - 26 + 1);
    double least = 1e9;
    for (std::size_t delay = 0; delay <= 24; ++delay)
      least = std::min(least, s.average_kg_per_kwh[start + delay] + s.average_kg_per_kwh[start + delay + 1]);
    at_once += s.average_kg_per_kwh[start] + s.average_kg_per_kwh[start + 1];
    best += least;
  }
  CHECK(agrees(r.shift.oracle, 1 - best / at_once, 10));
}

TEST_CASE("what saves carbon can cost water: the shift chosen by carbon is judged on both") {
  auto s = periodic(60);
  for (double c : s.average_kg_per_kwh) s.offsite_water_l_per_kwh.push_back(5 - 10 * c);
  const auto r = schedule(s, {4, 24});
  REQUIRE(r.shift_water.has_value());
  CHECK(r.shift_water->oracle < 0);
  CHECK(!r.shift_marginal.has_value());
}

TEST_CASE("an hourly table is read in kilograms or grams, and gaps, bad times and negative factors are named by line") {
  const auto s =
      read_grid_series(CsvTable::parse("time,gco2e_per_kwh\n2020-02-28T23:30Z,100\n2020-02-29T00:00Z,200\n", "h.csv"));
  CHECK(s.step_hours == 0.5);
  CHECK(s.average_kg_per_kwh[1] == 0.2);
  const auto refused = [](const std::string& rows, const char* why) {
    CHECK_THROWS_WITH_AS(read_grid_series(CsvTable::parse("time,kgco2e_per_kwh\n" + rows, "h.csv")),
                         doctest::Contains(why), Error);
  };
  refused("2020-01-01T00:00,1\n2020-01-01T01:00,1\n2020-01-01T03:00,1\n", "h.csv:4");
  refused("yesterday,1\n", "no time like");
  refused("2020-01-01T00:00,-1\n", "not negative");
  refused("2020-01-01T00:00,0.3\n", "fewer than two rows");
  refused("", "fewer than two rows");
  refused("2020-01-01T01:00,0.3\n2020-01-01T00:00,0.3\n", "times must rise");
  refused("2020-01-01T00:00,300\n2020-01-01T01:00,310\n", "are these grams");
  refused("2020-01-01T00:00,0.0003\n2020-01-01T01:00,0.0004\n", "kilograms in a column of grams");
  // Local time: the hour that is skipped in spring, and the one that comes twice in autumn.
  refused("2020-03-29T00:00,1\n2020-03-29T01:00,1\n2020-03-29T03:00,1\n", "change of the clocks");
  refused("2020-10-25T01:00,1\n2020-10-25T02:00,1\n2020-10-25T02:00,1\n", "change of the clocks");
  refused("2020-01-01T00:00,\n", "h.csv:2");
  refused("2020-01-01T00:00,1\n2020-01-01T00:00,1\n", "times must rise");
  const auto offset = read_grid_series(CsvTable::parse(
      "time,kgco2e_per_kwh\n2020-03-29T01:00+01:00,0.3\n2020-03-29T03:00+02:00,0.3\n", "h.csv"));
  CHECK(offset.step_hours == 1);
  CHECK_THROWS_AS(schedule(periodic(2), {4, 48}), Error);
  CHECK_THROWS_AS(schedule(periodic(10), {0.5, 4}), Error);
}
