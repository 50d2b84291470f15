// Pictures of a served model that need no load of requests: where its operations stand under the roofline, and what its
// cache would weigh with other kinds of attention.
#pragma once
#include "isoflop/report/report.h"
#include "isoflop/sim/serving/serving.h"

namespace isoflop::app {

/// Operations of the prompts' pass and of a decode step by FLOP per byte of weights and cache against FLOP/s, under the
/// roof of the devices' peak and bandwidth.
PlotSpec roofline_plot(const sim::StepPricer& pricer, const sim::ServingLoad& load, const sim::ServingAnswer& answer);

/// Cache of one sequence against context: this model, and the same with MHA, GQA, MQA, a window, and sinks beside a
/// window.
PlotSpec cache_variants_plot(const Architecture& architecture, const sim::ServingLoad& load);

/// Cache of one sequence against context, a curve per model.
PlotSpec cache_plot(const std::vector<Architecture>& models, const sim::ServingLoad& load);

}  // namespace isoflop::app
