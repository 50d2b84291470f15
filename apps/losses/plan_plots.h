// Pictures of a plan: the loss over sizes and tokens, the loss along one budget, and what leaving the optimum costs.
#pragma once
#include "apps/losses/law_source.h"
#include "isoflop/plot/plot_spec.h"

namespace isoflop::app {

/// Loss over (N, D) with the line of best allocations, the plan's budget and its point; fitted runs as small marks.
PlotSpec loss_map_plot(const LawSource& law, const fits::Allocation& plan);
/// Loss against size at the plan's training budget, with the band of the draws and the optimum.
PlotSpec budget_plot(const LawSource& law, const fits::Allocation& plan, int threads);
/// Training compute and break-even against size, at the plan's loss.
PlotSpec departure_plot(const LawSource& law, const fits::Allocation& plan);

}  // namespace isoflop::app
