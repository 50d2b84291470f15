// Results of a simulated training run as JSON keys, tables and explanation.
#pragma once
#include <optional>
#include <string>

#include "apps/command.h"
#include "apps/footprint/footprint_options.h"
#include "isoflop/catalogue/named_architecture.h"
#include "isoflop/sim/training/layout_search.h"
#include "isoflop/sim/training/memory_variants.h"
#include "isoflop/sim/training/training_simulation.h"

namespace isoflop::app {

struct TrainingReportInput {
  const NamedArchitecture& model;
  const sim::TrainingRun& run;
  const sim::TrainingOutcome& outcome;
  const sim::ResolvedTraining& efficiencies;
  std::optional<double> price_usd_per_hour;
  std::string price_source;
};

/// The MUST keys of `train`, tables, and with --explain times, memory, operations and sensitivities.
void add_training(Report& report, const TrainingReportInput& input);

/// Warnings about what was asked for: a step larger than the run, sequences beyond the model's context, efficiencies
/// that no run on the device stands behind.
void add_cautions(Report& report, const TrainingReportInput& input);

/// Peaks with other recomputation and sharding, as result and with --explain.
void add_memory_choices(Report& report, const TrainingReportInput& input,
                        const std::vector<sim::MemoryVariant>& variants);

/// Device-hours that owners published for runs of this size on such devices, beside the simulated ones;
/// a warning where the simulation lies outside their interval.
void add_published_runs(Report& report, const TrainingReportInput& input, const Settings& settings);

/// energy_kwh and co2e_kg with their intervals, and all that `footprint` says of the run's device-hours. Without a zone
/// the interval of the carbon spans the world's grids; without a PUE that of hyperscale sites.
void add_training_footprint(Report& report, const TrainingReportInput& input, const FootprintOptions& place,
                            const Settings& settings);

void add_layouts(Report& report, const sim::SearchResult& found, long devices);

}  // namespace isoflop::app
