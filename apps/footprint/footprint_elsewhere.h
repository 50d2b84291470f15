// A footprint in other tools, at other times and in other places: CodeCarbon files, hourly series, zones compared.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "apps/command.h"
#include "isoflop/sim/footprint/run_inputs.h"
#include "isoflop/sim/footprint/schedule.h"

namespace isoflop::app {

/// A CodeCarbon file summed up, doubted row by row, and restated with our boundary.
Report codecarbon_report(const Settings& settings, const std::string& file, const sim::ActivityInputs& site_inputs,
                         bool grid_given);

/// Savings by shifting and pausing; `kwh` is the facility energy of the job, when it is known.
void put_schedule(Report& report, const CsvTable& table, const sim::FlexibleJob& job, std::uint64_t seed,
                  std::optional<double> kwh);

/// The same inputs in other zones, ranked by carbon and by water; those no other zone beats on both are marked.
void put_zones(Report& report, sim::ActivityInputs inputs, const std::vector<std::string>& zones,
               std::optional<long> year, const GridCatalogue& grids, const sim::PropagationOptions& options);

}  // namespace isoflop::app
