#include "apps/serving/serve_footprint.h"

#include <fmt/format.h>

#include <cmath>

#include "apps/footprint/footprint_report.h"
#include "apps/footprint/run_footprint.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/footprint/inference_energy.h"
#include "isoflop/sim/footprint/run_inputs.h"

namespace isoflop::app {

using namespace isoflop::sim;

namespace {

constexpr double tokens = 1e6, joules_per_kwh = 3.6e6;
/// Distance of the ends of a 90 % interval from the middle of a normal distribution, in deviations.
constexpr double ninety_percent = 1.6448536269514722;

Estimate times(double factor, const Estimate& e) { return {factor * e.low, factor * e.central, factor * e.high, {}}; }

}  // namespace

void ServingPlace::declare(OptionSet& set) {
  options.declare_site(set);
  options.declare_overheads(set);
  set.number("--busy", busy, "share of the time that this load runs; the rest is idle capacity", {0, 1, true});
}

bool ServingPlace::given() const {
  const FootprintOptions& o = options;
  for (const std::string* text : {&o.grid, &o.pue, &o.site, &o.wue, &o.ewif, &o.host, &o.idle, &o.development,
                                  &o.device_kg, &o.server_kg, &o.lifetime, &o.utilisation})
    if (!text->empty()) return true;
  return o.place != "hyperscale" || o.year || o.marginal || o.market || busy;
}

void add_serving_footprint(Report& report, const ServingAnswer& answer, const ServingLoad& load,
                           const Accelerator& device, const ServingPlace& place, const Settings& settings) {
  Value& result = report.result;
  if (!answer.joules_per_token) {
    for (const char* key : {"joules_per_token_facility", "energy_kwh_per_million_tokens", "co2e_kg_per_million_tokens"})
      result[key] = Value();
    return;
  }
  const Estimate& joules = *answer.joules_per_token;
  const auto devices = static_cast<double>(load.devices());
  const double device_hours = devices * tokens / answer.output_tokens_per_s.central / 3600;
  // The estimate is the ends and the middle of a lognormal (inference_energy.h).
  const Distribution energy =
      Distribution::lognormal(tokens * joules.central, std::log(joules.high / joules.low) / (2 * ninety_percent));
  ActivityInputs inputs = default_inputs(device, Use::Serving);
  set_simulated_serving(inputs, device_hours, energy, InferenceConstants{}.source);
  if (place.busy) set_busy_share(inputs, *place.busy);
  const FootprintEstimate f = footprint_at(place.options, inputs, settings);
  add_run_footprint(report, f, "_per_million_tokens", settings);
  const Estimate facility = times(joules_per_kwh / tokens, f.facility_kwh);
  result["joules_per_token_facility"] = facility.central;
  result["joules_per_token_facility_interval"] = Value(facility);

  ReportTable table{"Footprint of a million output tokens",
                    {{"quantity", "quantity", Align::Left},
                     {"low", "low", Align::Right, 3},
                     {"central", "central", Align::Right, 3},
                     {"high", "high", Align::Right, 3},
                     {"unit", "unit", Align::Left}},
                    {},
                    ""};
  const auto row = [&](const std::string& name, const Estimate& e, const ReadableUnit& unit) {
    table.rows.push_back({name, e.low * unit.scale, e.central * unit.scale, e.high * unit.scale, unit.unit});
  };
  const ReadableUnit kwh = energy_unit(f.facility_kwh.central), kg = carbon_unit(f.total_kg.central);
  row("accelerators", times(tokens / joules_per_kwh, joules), kwh);
  row(place.busy ? "+ host and idle capacity" : "+ host", f.it_kwh, kwh);
  row("+ PUE: facility", f.facility_kwh, kwh);
  row("operational carbon, " + place_words(f), f.operational_kg, kg);
  if (f.marginal_kg) row("  marginal factor (not in total)", *f.marginal_kg, kg);
  if (f.market_kg) row("  market-based (not in total)", *f.market_kg, kg);
  row("embodied carbon", f.embodied_kg, kg);
  row("carbon in all", f.total_kg, kg);
  row("water, on-site and off-site", f.water_l, water_unit(f.water_l.central));
  const double power_w = joules.central * answer.output_tokens_per_s.central / devices;
  table.note = fmt::format("90 % intervals; {}; mean power {} W a device{}", widest_input(f), format_number(power_w, 3),
                           place.busy ? "" : "; no idle capacity (--busy)");
  report.tables.push_back(std::move(table));
  if (device.tdp_w && power_w > *device.tdp_w)
    report.warnings.push_back(fmt::format(
        "energy and times disagree: a device would draw {} W on average, more than the {} W of its data sheet; the "
        "energy model was fitted to other loads",
        format_number(power_w, 3), format_number(*device.tdp_w, 3)));
}

}  // namespace isoflop::app
