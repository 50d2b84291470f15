// Every arithmetic check of published footprints: the printed figure from the printed inputs, to the printed digit.
#include "agrees.h"
#include "isoflop/sim/footprint/carbon.h"
#include "isoflop/sim/footprint/embodied.h"
#include "isoflop/sim/footprint/energy.h"
#include "isoflop/sim/footprint/equivalences.h"
#include "isoflop/sim/footprint/footprint.h"
#include "isoflop/sim/footprint/water.h"
#include "sim/footprint/printed.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

double tonnes(Co2e carbon) { return carbon.in(tonne_co2e); }
double cubic_metres(Litre volume) { return volume.in_base_units() / 1000; }
double mwh(FacilityEnergy energy) { return energy.in(facility_megawatt_hours(1)); }

FacilityEnergy facility(double hours, double power_w, double pue_ratio) {
  return facility_energy(device_hours(hours) * watts(power_w), pue(pue_ratio));
}
double co2e_t(double hours, double power_w, double pue_ratio, double kg_per_kwh) {
  return tonnes(location_carbon(facility(hours, power_w, pue_ratio), kilograms_per_kilowatt_hour(kg_per_kwh)).co2e);
}
/// What a card's tonnes say about its unstated PUE x grid factor.
double implied_kg_per_it_kwh(double printed_t, double hours, double power_w) {
  return printed_t * 1e6 / (hours * power_w);
}

constexpr double llama_pue = 1.1, llama_grid = 0.385;

}  // namespace

TEST_CASE("LLaMA paper table 15: 14, 23, 90 and 173 t are hours x 400 W x 1.1 x 0.385") {
  CHECK(printed(co2e_t(82432, 400, llama_pue, llama_grid), 1) == "14.0");
  CHECK(printed(co2e_t(135168, 400, llama_pue, llama_grid), 1) == "22.9");
  CHECK(printed(co2e_t(530432, 400, llama_pue, llama_grid), 1) == "89.9");
  CHECK(printed(co2e_t(1022362, 400, llama_pue, llama_grid), 1) == "173.2");
}

TEST_CASE("Llama 2 card: 31.22, 62.45 (printed 62.44), 153.91, 291.42 t and 539.00 t in all, the 34B model at 350 W") {
  const double b7 = co2e_t(184320, 400, llama_pue, llama_grid), b13 = co2e_t(368640, 400, llama_pue, llama_grid),
               b34 = co2e_t(1038336, 350, llama_pue, llama_grid), b70 = co2e_t(1720320, 400, llama_pue, llama_grid);
  CHECK(printed(b7, 2) == "31.22");
  CHECK(printed(b13, 2) == "62.45");
  CHECK(printed(b34, 2) == "153.91");
  CHECK(printed(b70, 2) == "291.42");
  CHECK(printed(b7 + b13 + b34 + b70, 2) == "539.00");
  CHECK(printed(co2e_t(3311616, 400, llama_pue, llama_grid), 0) == "561");
  CHECK(printed((561.0 / 539.0 - 1) * 100, 1) == "4.1");
  CHECK(printed(llama_pue * llama_grid, 4) == "0.4235");
}

TEST_CASE("Llama 3 card: 2,282.7 t at Llama 2's factor, 0.32 % below the printed 2,290, which implies 0.4249") {
  const double computed = co2e_t(7.7e6, 700, llama_pue, llama_grid);
  CHECK(printed(computed, 1) == "2282.7");
  CHECK(printed((computed / 2290 - 1) * 100, 2) == "-0.32");
  CHECK(printed(implied_kg_per_it_kwh(2290, 7.7e6, 700), 4) == "0.4249");
  CHECK((device_hours(7.7e6) * watts(700)).in(it_megawatt_hours(1)) == 5390);
}

TEST_CASE("Llama 3.1 and 3.2 cards imply 0.4110, 0.4163, 0.4137 and 0.413, 0.413 kg/kWh: no constant to hard-code") {
  CHECK(printed(implied_kg_per_it_kwh(420, 1.46e6, 700), 4) == "0.4110");
  CHECK(printed(implied_kg_per_it_kwh(2040, 7.0e6, 700), 4) == "0.4163");
  CHECK(printed(implied_kg_per_it_kwh(8930, 30.84e6, 700), 4) == "0.4137");
  CHECK(printed(implied_kg_per_it_kwh(107, 0.37e6, 700), 3) == "0.413");
  CHECK(printed(implied_kg_per_it_kwh(133, 0.46e6, 700), 3) == "0.413");
}

TEST_CASE(
    "Llama 3.3 card: 12.9 t over 7.0M h is 0.0026 kg/kWh, about 160 times below Llama 3.1; it fits 44.8 thousand "
    "hours") {
  CHECK(printed(implied_kg_per_it_kwh(12.9, 7.0e6, 700), 4) == "0.0026");
  CHECK(printed_to(2040 / 12.9, 10) == "160");
  CHECK(printed(12.9e6 / (700 * implied_kg_per_it_kwh(420, 1.46e6, 700)) / 1e3, 1) == "44.8");
}

TEST_CASE("Code Llama card, 400 thousand hours: 67.8 t at 400 W, 59.3 t at 350 W, printed 65.3 between them") {
  CHECK(printed(co2e_t(400e3, 400, llama_pue, llama_grid), 1) == "67.8");
  CHECK(printed(co2e_t(400e3, 350, llama_pue, llama_grid), 1) == "59.3");
}

TEST_CASE("Patterson et al. 2021 table 4: chips x days x mean system power x PUE in MWh") {
  CHECK(printed(mwh(facility(245760, 310, 1.12)), 1) == "85.3");   // T5, printed 85.7
  CHECK(printed(mwh(facility(76186, 288, 1.09)), 1) == "23.9");    // GShard, printed 24.1
  CHECK(printed(mwh(facility(663552, 245, 1.10)), 1) == "178.8");  // Switch, printed 179
  CHECK(printed(mwh(facility(737280, 289, 1.09)), 1) == "232.3");  // Meena, printed 232
  CHECK(printed(mwh(facility(3552000, 330, 1.10)), 0) == "1289");  // GPT-3, printed 1,287
}

TEST_CASE("GPT-3: 330 W x 3,552,000 h is 1,172 MWh before PUE, and 552.1 t over 1.10 is the 502 t that others quote") {
  CHECK(printed((device_hours(3552000) * watts(330)).in(it_megawatt_hours(1)), 0) == "1172");
  CHECK(printed(tonnes(location_carbon(facility_megawatt_hours(1287), kilograms_per_kilowatt_hour(0.429)).co2e), 1) ==
        "552.1");
  CHECK(printed(552.1 / 1.1, 0) == "502");
}

TEST_CASE("GLaM paper: 574 h of 1,024 chips for 280 billion tokens are 212.7 MWh (printed 213)") {
  CHECK(printed(mwh(facility(574.0 * 1024, 326, 1.11)), 1) == "212.7");
}

TEST_CASE("PaLM paper: 8,404,992 h x 378.5 W x 1.08 are 3,436 MWh") {
  CHECK(printed(mwh(facility(8404992, 378.5, 1.08)), 0) == "3436");
}

TEST_CASE("OLMo 1 7B on A100: 104 MWh x 1.1 x 0.61 are 69.8 t (printed 70)") {
  const auto energy = facility_energy(it_megawatt_hours(104), pue(1.1));
  CHECK(printed(tonnes(location_carbon(energy, kilograms_per_kilowatt_hour(0.61)).co2e), 1) == "69.8");
}

TEST_CASE("Morrison et al. 2025 table 2: OLMo-1B 10 t and 38.7 m3, OLMoE 17.9 t and 69.7 m3, PUE already inside") {
  const auto grid = kilograms_per_kilowatt_hour(0.332);
  const auto ewif = offsite_litres_per_kilowatt_hour(1.29);
  const auto at = [&](double facility_mwh) {
    const auto energy = facility_megawatt_hours(facility_mwh);
    return std::pair(
        tonnes(location_carbon(energy, grid).co2e),
        cubic_metres(water(it_energy(energy, pue(1.2)), energy, onsite_litres_per_kilowatt_hour(0), ewif).total()));
  };
  CHECK(printed(at(30).first, 1) == "10.0");
  CHECK(printed(at(30).second, 1) == "38.7");
  CHECK(printed(at(54).first, 1) == "17.9");
  CHECK(printed(at(54).second, 1) == "69.7");
}

TEST_CASE(
    "Morrison et al. 2025: 312 t final runs + 159 t development + 22 t embodied are 493 t; development is half of "
    "training") {
  CHECK(312 + 159 + 22 == 493);
  CHECK(printed_to(100.0 * 159 / 312, 10) == "50");
}

TEST_CASE("BLOOM (arXiv:2211.02001): 24.7 t dynamic, 30 t with PUE, 39.3 t with idle, 50.5 t with embodied") {
  const auto grid = kilograms_per_kilowatt_hour(0.057);
  const double dynamic = co2e_t(1082990, 400, 1.0, 0.057);
  const double idle = tonnes(location_carbon(facility_megawatt_hours(256.646), grid).co2e);
  const double embodied = tonnes(embodied_carbon(device_hours(1082990), {150, 2500.0 / 8, 6, 0.85}));
  CHECK(printed(dynamic, 1) == "24.7");
  CHECK(printed(co2e_t(1082990, 400, 1.2, 0.057), 0) == "30");
  CHECK(printed(dynamic + idle, 1) == "39.3");
  CHECK(printed(embodied, 1) == "11.2");
  CHECK(printed(dynamic + idle + embodied, 1) == "50.5");
}

TEST_CASE("GPT-3 water (arXiv:2304.03271): 708 + 4,731 = 5,439 m3 with PUE twice, 4,945 m3 with PUE once") {
  const auto wue = onsite_litres_per_kilowatt_hour(0.55);
  const auto ewif = offsite_litres_per_kilowatt_hour(3.142);
  // The paper takes 1,287 MWh, which holds PUE 1.10 already, for IT energy and applies its own 1.17.
  const auto doubled = water(it_megawatt_hours(1287), facility_energy(it_megawatt_hours(1287), pue(1.17)), wue, ewif);
  CHECK(printed(cubic_metres(doubled.onsite), 0) == "708");
  CHECK(printed(cubic_metres(doubled.offsite), 0) == "4731");
  CHECK(printed(cubic_metres(doubled.total()), 0) == "5439");
  const ItEnergy it = it_energy(facility_megawatt_hours(1287), pue(1.10));
  CHECK(printed(it.in(it_megawatt_hours(1)), 0) == "1170");
  const auto once = water(it, facility_energy(it, pue(1.17)), wue, ewif);
  CHECK(printed(cubic_metres(once.total()), 0) == "4945");
  CHECK(printed((4945.0 / 5439 - 1) * 100, 0) == "-9");
}

TEST_CASE(
    "Gemini prompt (arXiv:2508.15734): 0.253 mL on-site (printed 0.26), about 1.0 mL with the water of the US grid") {
  const FacilityEnergy prompt = 0.24e-3 * facility_kilowatt_hour;
  const auto w = water(it_energy(prompt, pue(1.09)), prompt, onsite_litres_per_kilowatt_hour(1.15),
                       offsite_litres_per_kilowatt_hour(3.13));
  CHECK(printed(w.onsite.in_base_units() * 1e3, 3) == "0.253");
  CHECK(printed(w.total().in_base_units() * 1e3, 1) == "1.0");
  CHECK(printed(w.total() / w.onsite, 0) == "4");
}

TEST_CASE(
    "Gemini prompt ledger: 0.14 + 0.06 + 0.02 + 0.02 = 0.24 Wh against 0.10 Wh for the accelerator alone, 2.4 times") {
  Activity a;
  a.device_time = Second(1);
  a.device_power = watts(0.14 * 3600);
  a.host_factor = 0.20 / 0.14;
  a.idle_time = 0.02 / 0.20;
  a.idle_power = 1;
  a.pue = pue(0.24 / 0.22);
  const Footprint f = assess(a);
  const auto wh = [](ItEnergy e) { return e.in_base_units() / 3600; };
  CHECK(printed(wh(f.accelerator), 2) == "0.14");
  CHECK(printed(wh(f.host), 2) == "0.06");
  CHECK(printed(wh(f.idle), 2) == "0.02");
  CHECK(printed(f.facility.in_base_units() / 3600, 2) == "0.24");
  CHECK(printed(0.24 / 0.10, 1) == "2.4");
  CHECK(printed(0.24 / 0.14, 2) == "1.71");  // all-in over accelerator; the text rounds to 1.72 from unrounded parts
}

TEST_CASE("embodied share of Llama-3.1-405B: 0.23 to 1.4 kt, 3 to 16 % of its 8,930 t operational") {
  const auto hours = device_hours(30.84e6);
  const double low = tonnes(embodied_carbon(hours, {402, 0, 6, 1}));
  const double high = tonnes(embodied_carbon(hours, {572, 712, 4, 0.8}));
  CHECK(printed(low / 1e3, 2) == "0.24");  // 0.0076 rounded first gives the text's 0.23
  CHECK(printed(0.0076 * 30.84e6 / 1e6, 2) == "0.23");
  CHECK(printed(high / 1e3, 1) == "1.4");
  CHECK(printed(100 * low / 8930, 0) == "3");
  CHECK(printed(100 * high / 8930, 0) == "16");
}

TEST_CASE("LLaMA development: 2,048 GPUs for five months are 3,292 MWh; the printed 2,638 MWh are 122 days") {
  const auto per_day = [](double days) { return mwh(facility(2048 * 24 * days, 400, 1.1)); };
  CHECK(printed(per_day(152.2), 0) == "3292");
  CHECK(printed(2638 / per_day(1), 0) == "122");
}

TEST_CASE(
    "cohort table: DeepSeek-V2 has 1.40M hours, Arctic 504,000, 6ND of Llama-2-70B is 5.9 times the printed FLOP") {
  CHECK(printed(172800 * 8.1 / 1e6, 2) == "1.40");
  CHECK(3000 * 168 == 504000);
  CHECK(printed(1720320.0 * 3600 * 78e12 * 0.3 / 1e23, 1) == "1.4");  // the non-tensor peak of the A100
  CHECK(printed(6 * 68.98e9 * 2e12 / 1e23, 1) == "8.3");
  CHECK(printed(6 * 68.98e9 * 2e12 / 1.4e23, 1) == "5.9");
  CHECK(printed(6 * 17e9 * 3.5e12 / 1e23, 1) == "3.6");
  CHECK(printed(31.22 + 62.44 + 291.42, 0) == "385");
}

TEST_CASE("blog figures: 106,000 GWh are 0.43 % of 24,816,400 GWh; 24.8 tankers for 1,870 t, 49.5 for 3,740 t") {
  CHECK(printed(100.0 * 106000 / 24816400, 2) == "0.43");
  CHECK(printed(1870 / 75.5, 1) == "24.8");
  CHECK(printed(3740 / 75.5, 1) == "49.5");
  CHECK(printed(73730 / 1e-4 / 1e6, 0) == "737");   // Llama-2-7B training over 0.1 Wh per inference
  CHECK(printed(910000 / 1e-4 / 1e9, 1) == "9.1");  // Llama-3-8B
}

TEST_CASE("equivalences: Llama 2, Llama 3 and Llama 3.1 in person-years, car-years and capture-plant years") {
  const auto table = load_equivalences();
  const auto amount = [&](double t, std::string_view id) {
    for (const auto& e : equivalents(Estimate::exact(t * 1e3), table))
      if (e.of.id == id) return e.amount.central;
    FAIL("no such equivalence: " << id);
    return 0.0;
  };
  const auto row = [&](double t) {
    return printed(amount(t, "person-year-world"), 0) + " " + printed(amount(t, "person-year-us"), 0) + " " +
           printed(amount(t, "person-year-eu"), 0) + " " + printed(amount(t, "car-year-us"), 0);
  };
  CHECK(row(539) == "82 30 75 117");
  CHECK(row(2290) == "347 127 318 498");
  CHECK(row(11390) == "1726 633 1582 2476");
  CHECK(printed(100 * amount(539, "dac-nameplate-year"), 1) == "1.5");
  CHECK(printed(100 * amount(2290, "dac-nameplate-year"), 1) == "6.4");
  CHECK(printed(100 * amount(11390, "dac-nameplate-year"), 0) == "32");
  CHECK(printed(std::floor(365 * amount(11390, "dac-nameplate-year")), 0) == "115");  // whole days
  CHECK(printed(std::floor(365 * amount(539, "dac-nameplate-year")), 0) == "5");
  CHECK(printed(amount(539, "dac-reported-year"), 0) == "5");
}

TEST_CASE(
    "equivalences: one tonne is 15 % of a world-average year, 20 days US, 51 days EU, 0.22 car-years, 1.75 seats") {
  const auto one = equivalents(Estimate::exact(1000), load_equivalences());
  const auto amount = [&](std::string_view id) {
    for (const auto& e : one)
      if (e.of.id == id) return e.amount.central;
    return 0.0;
  };
  CHECK(printed(100 * amount("person-year-world"), 0) == "15");
  CHECK(printed(365 * amount("person-year-world") / 7, 0) == "8");
  CHECK(printed(365 * amount("person-year-us"), 0) == "20");
  CHECK(printed(365 * amount("person-year-eu"), 0) == "51");
  CHECK(printed(amount("car-year-us"), 2) == "0.22");
  CHECK(printed(amount("flight-sf-nyc"), 2) == "1.75");
}

TEST_CASE("every equivalence has a source, a year and a range around its factor") {
  for (const auto& e : load_equivalences()) {
    CHECK_MESSAGE(!e.source.empty(), e.id);
    CHECK_MESSAGE(e.year >= 2020, e.id);
    CHECK_MESSAGE(e.low_kg <= e.kg_per_unit, e.id);
  }
}
