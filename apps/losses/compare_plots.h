// The two plots of `compare`.
#pragma once
#include <optional>
#include <vector>

#include "isoflop/fits/approaches.h"
#include "isoflop/fits/runs_source.h"
#include "isoflop/fits/training_envelope.h"
#include "isoflop/plot/plot_spec.h"

namespace isoflop::app {

/// Loss against size, one colour per budget, with its parabola and minimum.
PlotSpec isoflop_plot(const fits::RunTable& runs, const fits::IsoflopFit& fit);

/// Optimal tokens per parameter against compute, as each approach extrapolates it.
PlotSpec frontier_plot(const fits::ApproachComparison& comparison, const std::vector<double>& budgets,
                       const std::optional<fits::EnvelopeFit>& envelope);

}  // namespace isoflop::app
