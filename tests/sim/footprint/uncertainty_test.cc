#include "isoflop/sim/footprint/uncertainty.h"

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/sim/footprint/footprint.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

double share(const std::vector<VarianceShare>& shares, const std::string& name, bool total) {
  for (const auto& s : shares)
    if (s.input == name) return total ? s.total : s.first_order;
  return -1;
}

/// The priors of the reference for Llama runs.
ActivityInputs llama(double hours, double tdp_w, double grid) {
  ActivityInputs in;
  in.device_hours.distribution = Distribution::fixed(hours);
  in.tdp_w.distribution = Distribution::fixed(tdp_w);
  in.power_fraction.distribution = Distribution::triangular(0.80, 0.90, 0.95);
  in.host_factor.distribution = host_factor();
  in.pue.distribution = Distribution::triangular(1.07, 1.09, 1.12);
  in.grid_kg_per_kwh.distribution = Distribution::normal(grid, 0.04 * grid);
  in.wue_l_per_kwh.distribution = Distribution::triangular(0.05, 0.2, 0.6);
  in.ewif_l_per_kwh.distribution = Distribution::triangular(1.3, 3.1, 4.5);
  in.device_kg.distribution = device_kg_prior(false);
  in.server_share_kg.distribution = server_share_kg_prior();
  in.lifetime_years.distribution = lifetime_years_prior();
  in.utilisation.distribution = utilisation_prior();
  return in;
}

}  // namespace

TEST_CASE("quantiles of each distribution invert their distribution function") {
  CHECK(agrees(Distribution::triangular(0, 1, 2).quantile(0.125), 0.5, 12));
  CHECK(agrees(Distribution::triangular(0, 1, 2).quantile(0.875), 1.5, 12));
  CHECK(agrees(Distribution::normal(10, 2).quantile(0.97724986805), 14, 8));
  CHECK(agrees(Distribution::lognormal(3, 0.5).quantile(0.5), 3, 12));
  CHECK(agrees(Distribution::empirical({4, 1, 2}).quantile(0.25), 1.5, 12));
  CHECK(Distribution::triangular(5, 5, 5).quantile(0.3) == 5);
}

TEST_CASE("a distribution is read from what people type") {
  CHECK(Distribution::parse("30.84M", "hours").quantile(0.9) == 30.84e6);
  CHECK(Distribution::parse("1.2:1.4:1.82", "host").text() == "triangular 1.2, 1.4, 1.82");
  CHECK(Distribution::parse("1.1:1.3", "pue").text() == "uniform 1.1, 1.3");
  CHECK(agrees(Distribution::parse("0.383+-4%", "grid").quantile(0.8413447460685429), 0.383 * 1.04, 8));
  CHECK_THROWS_AS(Distribution::parse("3:2:1", "x"), Error);
  CHECK_THROWS_AS(Distribution::parse("", "x"), Error);
  CHECK_THROWS_AS(Distribution::parse("1:2:3:4", "x"), Error);
  CHECK_THROWS_AS(Distribution::parse("5+-x", "x"), Error);
}

TEST_CASE("a bounded distribution keeps its quantiles inside and sets draws beyond to the bound") {
  const auto d = Distribution::parse("1.05+-0.03", "--pue").within(1, 10);
  CHECK(d.quantile(1e-6) == 1);
  CHECK(agrees(d.quantile(0.5), 1.05, 12));
  CHECK(agrees(d.quantile(0.95), Distribution::normal(1.05, 0.03).quantile(0.95), 14));
  CHECK(d.lowest() == 1);
  CHECK(agrees(d.scaled(2).quantile(1e-6), 2, 14));
}

TEST_CASE("a sum of normals has the closed-form interval and variance shares") {
  const std::vector<UncertainInput> in = {{"a", "", Distribution::normal(10, 3), ""},
                                          {"b", "", Distribution::normal(5, 4), ""},
                                          {"c", "", Distribution::fixed(2), ""}};
  const auto p = propagate(in, 1, [](auto x, auto y) { y[0] = x[0] + x[1] + x[2]; });
  CHECK(agrees(p.outputs[0].central, 17, 2.3));
  CHECK(agrees(p.outputs[0].high, 17 + 1.645 * 5, 2.3));
  CHECK(p.shares[0].size() == 2);
  CHECK(p.shares[0][0].input == "b");
  CHECK(std::fabs(share(p.shares[0], "a", false) - 9.0 / 25) < 0.02);
  CHECK(std::fabs(share(p.shares[0], "b", true) - 16.0 / 25) < 0.02);
}

TEST_CASE("a product of uniforms has the closed-form Sobol indices, first order and total") {
  // y = x1 x2 on [0,1]^2: V = 1/9 - 1/16 = 7/144, V1 = V2 = 1/48, so S = 3/7 and ST = 4/7.
  const std::vector<UncertainInput> in = {{"x1", "", Distribution::uniform(0, 1), ""},
                                          {"x2", "", Distribution::uniform(0, 1), ""}};
  const auto p = propagate(in, 1, [](auto x, auto y) { y[0] = x[0] * x[1]; });
  for (const char* name : {"x1", "x2"}) {
    CHECK(std::fabs(share(p.shares[0], name, false) - 3.0 / 7) < 0.02);
    CHECK(std::fabs(share(p.shares[0], name, true) - 4.0 / 7) < 0.02);
  }
}

TEST_CASE("the result does not depend on the number of threads and repeats for a seed") {
  const auto in = llama(1e6, 700, 0.383);
  const auto one = assess(in, {2000, 7, 1}), many = assess(in, {2000, 7, 5}), other = assess(in, {2000, 8, 1});
  CHECK(one.total_kg.low == many.total_kg.low);
  CHECK(one.total_kg.high == many.total_kg.high);
  CHECK(one.total_kg_shares[0].total == many.total_kg_shares[0].total);
  CHECK(one.total_kg.central != other.total_kg.central);
}

TEST_CASE("without uncertain inputs the result is exact and no share is claimed") {
  ActivityInputs in;
  in.device_hours.distribution = Distribution::fixed(1720320);
  in.tdp_w.distribution = Distribution::fixed(400);
  in.pue.distribution = Distribution::fixed(1.1);
  in.grid_kg_per_kwh.distribution = Distribution::fixed(0.385);
  const auto f = assess(in);
  CHECK(agrees(f.operational_kg.central / 1e3, 291.42, 5));
  CHECK(f.operational_kg.low == f.operational_kg.high);
  CHECK(f.total_kg_shares.empty());
}

TEST_CASE("a function that is not finite is refused") {
  CHECK_THROWS_AS(propagate({{"a", "", Distribution::uniform(-1, 1), ""}}, 1,
                            [](auto x, auto y) { y[0] = 1 / (x[0] > 0 ? 0.0 : x[0]); }),
                  Error);
}

TEST_CASE(
    "Monte Carlo of the reference, Llama-3.1-405B: 9.9-11.7-13.9 kt, embodied 0.56-0.83-1.23 kt, water 63-99-137 "
    "thousand m3") {
  const auto f = assess(llama(30.84e6, 700, 0.383));
  const auto near = [](const Estimate& e, double unit, double low, double mid, double high) {
    // Half a unit of the last printed digit, plus the sampling error of both sides (1 %).
    CHECK(agrees(e.low / unit, low, 1.85));
    CHECK(agrees(e.central / unit, mid, 1.85));
    CHECK(agrees(e.high / unit, high, 1.85));
  };
  near(f.operational_kg, 1e6, 9.9, 11.7, 13.9);
  near(f.embodied_kg, 1e6, 0.56, 0.83, 1.23);
  near(f.water_l, 1e6, 63, 99, 137);
  CHECK(f.operational_kg.low > 8.93e6);  // the card's figure lies below the interval
}

TEST_CASE(
    "Monte Carlo of the reference, Llama-2-70B: 318-374-446 t, embodied 31-47-69 t, water 2.0-3.1-4.4 thousand m3") {
  const auto f = assess(llama(1720320, 400, 0.385));
  CHECK(agrees(f.operational_kg.low / 1e3, 318, 2));
  CHECK(agrees(f.operational_kg.central / 1e3, 374, 2));
  CHECK(agrees(f.operational_kg.high / 1e3, 446, 2));
  CHECK(agrees(f.embodied_kg.low / 1e3, 31, 1.7));
  CHECK(agrees(f.embodied_kg.central / 1e3, 47, 1.7));
  CHECK(agrees(f.embodied_kg.high / 1e3, 69, 1.7));
  CHECK(agrees(f.water_l.low / 1e6, 2.0, 1.6));
  CHECK(agrees(f.water_l.central / 1e6, 3.1, 1.6));
  CHECK(agrees(f.water_l.high / 1e6, 4.4, 1.6));
}

TEST_CASE("host overhead is the widest input of a modelled run") {
  const auto f = assess(llama(30.84e6, 700, 0.383));
  CHECK(f.facility_kwh_shares[0].input == "host overhead");
  CHECK(f.facility_kwh_shares[0].first_order > 0.5);
}

TEST_CASE("ledger steps sum to the total, and development scales energy, carbon, water and embodied alike") {
  auto in = llama(1e5, 700, 0.383);
  in.idle_time.distribution = Distribution::fixed(0.6);
  in.idle_power.distribution = Distribution::fixed(0.5);
  const auto without = assess(in);
  in.development_fraction.distribution = Distribution::fixed(0.5);
  const auto with = assess(in);
  CHECK(agrees(with.total_kg.central, 1.5 * without.total_kg.central, 12));
  CHECK(agrees(with.water_l.high, 1.5 * without.water_l.high, 12));
  CHECK(agrees(with.it_kwh.low, 1.5 * without.it_kwh.low, 12));
  double sum = 0;
  for (const auto& step : with.carbon_ledger_kg) sum += step.added;
  CHECK(agrees(sum, with.total_kg.central, 12));
  CHECK(agrees(with.energy_ledger_kwh.back().cumulative.central, with.facility_kwh.central, 12));
  CHECK(agrees(with.heat_j.central, 3.6e6 * with.facility_kwh.central, 12));
}
