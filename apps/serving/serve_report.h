// A serving answer as result keys, tables and plots.
#pragma once
#include "isoflop/report/report.h"
#include "isoflop/sim/serving/serving.h"

namespace isoflop::app {

/// Keys of a serving answer: values, and the same with suffix `_interval` where a range is known.
void add_serving_values(Value& result, const sim::ServingAnswer& answer);
ReportTable serving_table(const sim::ServingAnswer& answer);
ReportTable serving_memory_table(const sim::ServingAnswer& answer, const sim::ServingLoad& load,
                                 const Accelerator& device);
/// "470485 tokens", or that memory sets no limit.
std::string context_limit_text(std::int64_t max_context);
/// The number, or null where memory sets no limit.
Value context_limit_value(std::int64_t max_context);
/// Where the time of a pass goes, by class of operation.
ReportTable pass_table(const std::string& title, const sim::StepTime& step);
std::vector<Assumption> serving_assumptions(const sim::ServingLoad& load, const sim::ServingAnswer& answer);
/// Throughput against latency over the batch; MBU against batch; memory against context.
std::vector<PlotSpec> serving_plots(const sim::StepPricer& pricer, const sim::MemoryModel& memory,
                                    const sim::ServingLoad& load, const sim::ServingAnswer& answer);

}  // namespace isoflop::app
