// Software Carbon Intensity 1.1 (Green Software Foundation, ISO/IEC 21031): SCI = (O + M) / R, O = E I.
// Offsets and market instruments do not count, so the market-based type is not accepted here. R is any functional
// unit: tokens, requests, or one run.
#pragma once
#include "isoflop/sim/footprint/carbon.h"

namespace isoflop::sim {

/// Grams of CO2e per functional unit. `functional_units` must be positive.
constexpr double sci_g_per_unit(LocationCarbon operational, Co2e embodied, double functional_units) {
  return (operational.co2e + embodied).in_base_units() / functional_units;
}

}  // namespace isoflop::sim
