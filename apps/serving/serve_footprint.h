// Energy, carbon, water and embodied share of what `serve` prices, per million output tokens.
#pragma once
#include "apps/command.h"
#include "apps/footprint/footprint_options.h"
#include "isoflop/report/report.h"
#include "isoflop/sim/serving/serving.h"

namespace isoflop::app {

struct ServingPlace {
  FootprintOptions options;
  std::optional<double> busy;

  void declare(OptionSet& set);
  /// Anything was asked for that only a footprint can use.
  bool given() const;
};

/// Keys energy_kwh_per_million_tokens, co2e_kg_per_million_tokens and joules_per_token_facility, with intervals, and
/// "footprint"; null where the answer has no energy.
void add_serving_footprint(Report& report, const sim::ServingAnswer& answer, const sim::ServingLoad& load,
                           const Accelerator& device, const ServingPlace& place, const Settings& settings);

}  // namespace isoflop::app
