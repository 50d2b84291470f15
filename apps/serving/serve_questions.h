// The inverse questions of `serve`: what is the most that fits, what holds it, in which format.
#pragma once
#include "apps/serving/serve_options.h"
#include "isoflop/report/report.h"
#include "isoflop/sim/serving/serving.h"

namespace isoflop::app {

inline constexpr const char* no_context_limit =
    "memory does not limit the context, because every layer sees a window only: a sequence's cache stops growing";

/// --max-batch, --max-context.
enum class Limit { Batch, Context };
void answer_limit(Limit asked, const sim::MemoryModel& memory, const sim::ServingLoad& load, const Accelerator& device,
                  Report& report);
/// --fits: for every accelerator the fewest devices, by tensor parallelism alone and with pipeline or expert
/// parallelism.
void answer_fits(const Architecture& architecture, const AcceleratorCatalogue& devices, const ServeOptions& options,
                 Report& report);
/// --best-format
void answer_formats(const sim::StepPricer& pricer, const sim::MemoryModel& memory, const ServeOptions& options,
                    Report& report);

}  // namespace isoflop::app
