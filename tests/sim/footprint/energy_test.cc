#include "isoflop/sim/footprint/energy.h"

#include <concepts>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/sim/footprint/carbon.h"
#include "isoflop/sim/footprint/embodied.h"
#include "isoflop/sim/footprint/power.h"
#include "isoflop/sim/footprint/sci.h"
#include "isoflop/sim/footprint/water.h"
#include "sim/footprint/printed.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {
// These ask whether code compiles at all; tests/compile_fail does the same with the compiler itself.
template <typename Energy>
concept takes_pue = requires(Energy e, Pue p) {
  facility_energy(e, p);
};
template <typename Energy>
concept times_pue_is_facility = requires(Energy e, Pue p) {
  { e* p } -> std::same_as<FacilityEnergy>;
};
template <typename Carbon>
concept scores_sci = requires(Carbon c, Co2e m) {
  sci_g_per_unit(c, m, 1.0);
};
template <typename Energy>
concept waters_onsite = requires(Energy e, OnsiteWaterIntensity w, Litre l) {
  l = e * w;
};
}  // namespace

TEST_CASE("PUE applies to IT energy and to nothing else, by type") {
  static_assert(takes_pue<ItEnergy> && times_pue_is_facility<ItEnergy>);
  static_assert(!takes_pue<FacilityEnergy> && !times_pue_is_facility<FacilityEnergy>);
  static_assert(!std::convertible_to<FacilityEnergy, ItEnergy> && !std::convertible_to<ItEnergy, FacilityEnergy>);
  static_assert(!std::is_same_v<decltype(ItEnergy() * Pue() * Pue()), FacilityEnergy>);
  CHECK(agrees(facility_energy(it_megawatt_hours(10), pue(1.1)).in(facility_megawatt_hours(1)), 11, 14));
}

TEST_CASE("on-site water takes IT energy, off-site water facility energy, by type") {
  static_assert(waters_onsite<ItEnergy> && !waters_onsite<FacilityEnergy>);
}

TEST_CASE("a market-based figure cannot enter an SCI score, by type") {
  static_assert(scores_sci<LocationCarbon> && !scores_sci<MarketCarbon> && !scores_sci<Co2e>);
  CHECK(agrees(sci_g_per_unit({Co2e(900)}, Co2e(100), 500), 2, 15));
}

TEST_CASE("a PUE below one is refused") { CHECK_THROWS_AS(pue(0.9), Error); }

TEST_CASE("all facility electricity ends as heat: 21.6 GWh are 78 TJ") {
  CHECK(agrees(heat_j(facility_megawatt_hours(21588)) / 1e12, 78, 2));
}

TEST_CASE("evaporating water carries away 2.45 MJ/kg, 1.47 L/kWh") {
  CHECK(agrees(evaporative_need_l_per_kwh, 1.47, 3));
}

TEST_CASE("a load curve passes through its two points and is refused outside them") {
  const auto curve = LoadCurve::two_point(40, 90);
  CHECK(curve.power_w(0) == 40);
  CHECK(curve.power_w(1) == 90);
  CHECK(agrees(curve.power_w(0.25), 65, 15));
  CHECK_THROWS_AS(curve.power_w(1.1), Error);
  CHECK_THROWS_AS(LoadCurve::two_point(90, 40).power_w(0.5), Error);
}

TEST_CASE("the baseline curves give their documented values") {
  CHECK(agrees(codecarbon_fallback_power_w(100, 0.5), 21.25, 14));
  CHECK(unmetered_power_w(90) == 45);
}

TEST_CASE("a meter tier's spread has the median error it was given") {
  const auto curve = tier_spread(MeterTier::TwoPointCurve);
  CHECK(agrees(curve.quantile(0.75), 1.15, 6));  // half of the draws lie within a factor of 1.15
  CHECK(agrees(curve.quantile(0.25), 1 / 1.15, 6));
}

TEST_CASE("kg per device-hour of six published embodied methods") {  // reference table, data/embodied.csv
  const auto digits = [](EmbodiedDevice device) { return printed(device.kg_per_device_hour(), 4); };
  CHECK(digits({402, 0, 6, 1}) == "0.0076");              // TPU v5e
  CHECK(digits({150, 2500.0 / 8, 6, 0.85}) == "0.0104");  // BLOOM; its two factors rounded apart give 0.0103
  CHECK(digits({0, 3700.0 / 8, 4, 1}) == "0.0132");       // Morrison et al.
  CHECK(digits({164, 5700.0 / 8, 3, 1}) == "0.0334");     // EcoLogits; truncated 0.0333
  CHECK(digits({572, 712, 4, 0.8}) == "0.0458");          // BoaviztAPI style
  CHECK(digits({9.78, 0, 5, 1}) == "0.0002");             // LLMCarbon, die of a V100
}
