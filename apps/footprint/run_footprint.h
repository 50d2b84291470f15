// What `train` and `serve` report of the energy, carbon, water and embodied share of what they simulate: the same
// options for the place, the same keys, the same assumptions.
#pragma once
#include <string>

#include "apps/footprint/footprint_options.h"
#include "isoflop/report/report.h"
#include "isoflop/sim/footprint/footprint.h"

namespace isoflop::app {

/// Draws that keep an answer within milliseconds; `footprint` takes more.
inline constexpr std::size_t run_footprint_draws = 2048;

/// The inputs at the place that the options name, propagated. A place that is not given widens the interval.
sim::FootprintEstimate footprint_at(const FootprintOptions& place, sim::ActivityInputs inputs,
                                    const Settings& settings);

/// energy_kwh and co2e_kg (operational) with their intervals, each with `suffix`; all that `footprint` says under
/// "footprint"; assumptions but those whose source is "simulated"; the seed.
void add_run_footprint(Report& report, const sim::FootprintEstimate& f, const std::string& suffix,
                       const Settings& settings);

/// "United States 2024", "grid unknown (--grid)"
std::string place_words(const sim::FootprintEstimate& f);

}  // namespace isoflop::app
