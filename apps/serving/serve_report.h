// A serving answer as result keys, tables and plots.
#pragma once
#include <optional>
#include <string>

#include "isoflop/report/report.h"
#include "isoflop/sim/serving/serving.h"

namespace isoflop::app {

/// Keys of a serving answer: values, and the same with suffix `_interval` where a range is known.
void add_serving_values(Value& result, const sim::ServingAnswer& answer);
ReportTable serving_table(const sim::ServingAnswer& answer);
ReportTable serving_memory_table(const sim::ServingAnswer& answer, const sim::ServingLoad& load,
                                 const Accelerator& device);
/// "tp 4 x pp 2", "ep 8 (attention dp)"; empty for one device.
std::string layout_text(const sim::ServingLoad& load);
/// "8 x h100-sxm-80gb (tp 4 x pp 2)"; where tensor parallelism is all there is, without the layout.
std::string where_text(const sim::ServingLoad& load, const Accelerator& device);
/// Sizes of a layout as keys.
Value layout_value(const sim::ServingLoad& load);
/// Stages of a pipeline: layers, share of time idle; nothing for one stage.
void add_pipeline(Report& report, const sim::ServingLoad& load, const sim::ServingAnswer& answer,
                  const Architecture& architecture);
/// What measured runs said of this layout where they did not bear it out.
std::optional<std::string> layout_doubt(const sim::ServingLoad& load, const Architecture& architecture);
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
