// What a measured run cost in energy, as every command that runs the kernel says it.
#pragma once
#include "isoflop/report/report.h"
#include "isoflop/sim/machine/energy_meter.h"

namespace isoflop::app {

/// Result keys energy_j, mean_power_w, meter_tier and, with tokens > 0, joules_per_token; one message; one assumption.
void report_energy(Report& report, const sim::MeteredEnergy& energy, double tokens = 0);

}  // namespace isoflop::app
