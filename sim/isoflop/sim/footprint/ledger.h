// The boundary ledger: what each widening of the boundary adds, as a table and as a waterfall.
#pragma once
#include <string>
#include <vector>

#include "isoflop/plot/plot_spec.h"
#include "isoflop/sim/footprint/footprint.h"

namespace isoflop::sim {

/// Bars from the foot of each step to its head, and the running total's interval at every head.
/// `unit` names what `scale` times the ledger's own unit gives: {"t CO2e", 1e-3} for kilograms.
PlotSpec waterfall(const std::vector<LedgerStep>& ledger, const std::string& subject, const std::string& unit,
                   double scale, const std::string& source);

}  // namespace isoflop::sim
