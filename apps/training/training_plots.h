// Pictures of a training run for whoever plans one: where a step goes, what memory holds over it, what other
// recomputation and sharding would hold, and with --search the layouts beside each other.
#pragma once
#include <vector>

#include "apps/training/training_report.h"

namespace isoflop::app {

/// "step", "memory", "memory-choices", and for the layouts that --search found "layouts" (first then) and
/// "layouts-memory".
std::vector<PlotSpec> training_plots(const TrainingReportInput& input, const sim::FrameworkMemory& framework,
                                     const std::vector<sim::MemoryVariant>& variants,
                                     const std::vector<sim::FoundLayout>& layouts);

}  // namespace isoflop::app
