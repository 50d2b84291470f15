#include "isoflop/sim/footprint/conventions.h"

#include "agrees.h"
#include "isoflop/error.h"
#include "sim/footprint/printed.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

const AcceleratorCatalogue& devices() {
  static const AcceleratorCatalogue loaded = AcceleratorCatalogue::load();
  return loaded;
}
PublishedFootprint row_of(std::string_view model) {
  for (const auto& row : method_rows())
    if (row.model_id == model) return row;
  const auto table = PublishedTable::load();
  const auto rows = table.find(model);
  REQUIRE(!rows.empty());
  return *rows.front();
}
Replay replayed(const std::string& convention, std::string_view model) {
  const auto row = row_of(model);
  return replay(convention, row, device_of(row, devices()));
}
double step(const Replay& r, std::string_view name) {
  for (const auto& s : r.steps)
    if (s.name == name) return s.value;
  FAIL("no step " << name);
  return 0;
}

}  // namespace

TEST_CASE("every LLaMA and Llama 2 row with its own factors is reproduced as printed by the meta convention") {
  for (const auto& row : PublishedTable::load().all()) {
    if (row.family_group != "meta-llama" || !row.accelerator_hours || !row.operational_tco2e || !row.pue) continue;
    if (row.power_w_low != row.power_w_high) continue;
    const auto r = replay("meta", row, nullptr);
    CHECK_MESSAGE(std::fabs(r.computed - *row.operational_tco2e) < 0.6, row.label());
    CHECK_MESSAGE(agrees(r.computed, *row.operational_tco2e, 2), row.label());
    CHECK(!r.borrowed);
  }
}

TEST_CASE("meta, Llama-3.1-405B: no stated factor, so 2023's is lent and the implied 0.4137 is shown") {
  const auto r = replayed("meta", "llama-3.1-405b");
  CHECK(r.borrowed);
  CHECK(printed(step(r, "factor the printed figure implies"), 4) == "0.4137");
  CHECK(printed(step(r, "energy of the accelerators"), 0) == "21588");
}

TEST_CASE("patterson reproduces T5, GShard, Switch, Meena and GPT-3 within 2 %, net where the row is net") {
  for (const char* model : {"T5-11B", "GShard-600B", "Switch-1500B", "Meena-2.6B", "GPT-3-175B"}) {
    const auto r = replayed("patterson", model);
    CHECK_MESSAGE(agrees(r.computed, *r.printed, 1.69), model);
    CHECK(!r.borrowed);
  }
  CHECK(replayed("patterson", "Switch-1500B").steps.back().name == "operational, net of purchases");
  CHECK(replayed("patterson", "llama-2-70b").borrowed);
}

TEST_CASE("bloom reproduces BLOOM's 24.7, 30, 39.3 and 50.5 t") {
  const auto r = replayed("bloom", "bloom");
  CHECK(printed(step(r, "dynamic"), 1) == "24.7");
  CHECK(printed(step(r, "dynamic with PUE"), 0) == "30");
  CHECK(printed(step(r, "dynamic + idle"), 1) == "39.3");
  CHECK(printed(r.computed, 1) == "50.5");
  CHECK(*r.printed == 50.5);
}

TEST_CASE("google reproduces 0.24 Wh, 0.03 g and 0.25 mL per prompt and names the 0.10 Wh of the narrow boundary") {
  const auto r = replayed("google", "gemini-prompt");
  CHECK(printed(r.computed, 2) == "0.24");
  CHECK(printed(step(r, "active accelerator alone"), 2) == "0.10");
  CHECK(printed(step(r, "market-based carbon"), 2) == "0.03");
  CHECK(printed(step(r, "on-site water"), 3) == "0.253");
  CHECK(printed(step(r, "with off-site water"), 1) == "1.0");
}

TEST_CASE("morrison reproduces OLMo-1B and OLMoE, carbon and water, with PUE already inside, and OLMo 1 without") {
  CHECK(printed(replayed("morrison", "olmo-1b").computed, 1) == "10.0");
  CHECK(printed(step(replayed("morrison", "olmo-1b"), "off-site water"), 1) == "38.7");
  CHECK(printed(replayed("morrison", "OLMoE-1B-7B-0924").computed, 1) == "17.9");
  CHECK(printed(step(replayed("morrison", "OLMoE-1B-7B-0924"), "off-site water"), 1) == "69.7");
  CHECK(printed(replayed("morrison", "olmo-7b").computed, 1) == "69.8");
}

TEST_CASE("li reproduces GPT-3's 5,439 m3 and gives 4,945 m3 with PUE once, both labelled") {
  const auto r = replayed("li", "gpt-3-175b");
  CHECK(printed(r.computed, 0) == "5439");
  CHECK(printed(*r.printed, 0) == "5439");
  CHECK(printed(step(r, "with PUE once"), 0) == "4945");
}

TEST_CASE("sci is location-based with embodied, and a market factor does not change it") {
  const auto grids = GridCatalogue::load();
  const auto mfu = MfuPrior::load({}, devices());
  const auto row = row_of("llama-2-70b");
  auto in = inputs_of(row, *device_of(row, devices()), grids, mfu);
  const double before = replay_sci(in, 2e12, "token").computed;
  in.market_kg_per_kwh = 0;
  CHECK(replay_sci(in, 2e12, "token").computed == before);
  const auto estimate = assess(in);
  CHECK(agrees(before * 2e12 / 1e3, estimate.total_kg.central, 1.3));
  CHECK(estimate.market_kg->central == 0);
}

TEST_CASE("a convention that a row cannot follow says what is missing, and an unknown one what there is") {
  CHECK_THROWS_WITH(replayed("patterson", "llama-3.1-405b"), doctest::Contains("states no PUE"));
  CHECK_THROWS_AS(replayed("metta", "llama-2-70b"), Error);
}

TEST_CASE("a row restated in the common convention keeps what it states and gets priors for the rest") {
  const auto grids = GridCatalogue::load();
  const auto mfu = MfuPrior::load({}, devices());
  const auto restate = [&](std::string_view model) {
    const auto row = row_of(model);
    return assess(inputs_of(row, *device_of(row, devices()), grids, mfu));
  };
  const auto l405 = restate("llama-3.1-405b");
  CHECK(agrees(l405.operational_kg.central / 1e6, 11.7, 1.85));
  CHECK(l405.tier == MeterTier::FractionOfTdp);
  const auto t5 = restate("T5-11B");  // metered system power: no host prior on top
  CHECK(agrees(t5.facility_kwh.central / 1e3, 85.3, 2));
  CHECK(t5.tier == MeterTier::ReportedPower);
  const auto olmo = restate("olmo-1b");  // metered GPU energy of 25 MWh before PUE, host on top
  CHECK(olmo.tier == MeterTier::EnergyCounter);
  CHECK(olmo.facility_kwh.low > 30e3);
  const auto dbrx = restate("dbrx");  // no hours: from 6ND
  CHECK(dbrx.facility_kwh.high > 2 * dbrx.facility_kwh.low);
}

TEST_CASE(
    "a simulated run gets the same footprint as the command's priors give, and power known to it replaces the prior") {
  const auto& h100 = devices().require("h100-sxm-80gb");
  const auto grids = GridCatalogue::load();
  const auto* usa = &grids.require("USA");
  const auto prior = footprint_of(h100, Use::Training, Distribution::fixed(30.84e6), {}, usa);
  CHECK(agrees(prior.operational_kg.central / 1e6, 11.7, 1.85));
  const auto known = footprint_of(h100, Use::Training, Distribution::fixed(30.84e6), Distribution::fixed(600), usa);
  CHECK(known.facility_kwh.high / known.facility_kwh.low < prior.facility_kwh.high / prior.facility_kwh.low);
  const auto anywhere = footprint_of(h100, Use::Training, Distribution::fixed(1), {}, nullptr);
  CHECK(anywhere.operational_kg.high > 2.5 * anywhere.operational_kg.low);
  CHECK_THROWS_AS(footprint_of(devices().require("tpu-v5e"), Use::Training, Distribution::fixed(1), {}, usa), Error);
}
