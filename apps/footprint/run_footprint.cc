#include "apps/footprint/run_footprint.h"

#include "apps/footprint/footprint_report.h"
#include "isoflop/catalogue/grids.h"

namespace isoflop::app {

using namespace isoflop::sim;

FootprintEstimate footprint_at(const FootprintOptions& place, ActivityInputs inputs, const Settings& settings) {
  place.apply_rest(inputs, GridCatalogue::load(settings.data), settings.data);
  PropagationOptions options;
  options.seed = settings.seed;
  options.threads = settings.threads;
  options.draws = run_footprint_draws;
  return assess(inputs, options);
}

void add_run_footprint(Report& report, const FootprintEstimate& f, const std::string& suffix,
                       const Settings& settings) {
  report.seed = settings.seed;
  const auto put = [&](const std::string& key, const Estimate& e) {
    report.result[key + suffix] = e.central;
    report.result[key + suffix + "_interval"] = Value(e);
  };
  put("energy_kwh", f.facility_kwh);
  put("co2e_kg", f.operational_kg);
  put_footprint(report.result["footprint"] = Value::object(), f);
  for (const auto& input : f.inputs)
    if (input.source != "simulated")
      report.assumptions.push_back({input.name, input.distribution.text(), input.unit, input.source});
}

std::string place_words(const FootprintEstimate& f) {
  for (const auto& input : f.inputs)
    if (input.name == "grid intensity" && !input.source.starts_with("assumed"))
      return input.source.substr(0, input.source.find(':'));
  return "grid unknown (--grid)";
}

}  // namespace isoflop::app
