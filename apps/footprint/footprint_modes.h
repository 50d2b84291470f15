// The parts of `footprint` about published figures: their audit, the cohort's table, the Gemini prompt.
#pragma once
#include <string>
#include <vector>

#include "apps/command.h"
#include "isoflop/sim/footprint/conventions.h"
#include "isoflop/sim/footprint/footprint.h"
#include "isoflop/sim/footprint/published.h"

namespace isoflop::app {

/// Every published run with what it rests on, recomputed, and a verdict.
Report published_report(const DataFolder& data);

/// What the owner printed beside the estimate; distrust when the row contradicts itself.
void put_published(Report& report, const sim::PublishedFootprint& row, const AcceleratorCatalogue& devices,
                   const std::vector<sim::PublishedFootprint>& all, const sim::FootprintEstimate& estimate);

/// The one published full-stack figure per prompt, replayed and restated on the US grid.
Report gemini_report(const DataFolder& data, std::uint64_t seed, int threads);

/// The environmental table of the spring-2024 cohort, published against recomputed. `claims`: a table to check, or "".
Report cohort_report(const Settings& settings, const std::string& claims, std::size_t draws);

}  // namespace isoflop::app
