// Pictures of a fitted loss law: what `fit` draws.
#pragma once
#include <vector>

#include "isoflop/fits/bootstrap.h"
#include "isoflop/plot/plot_spec.h"

namespace isoflop::app {

/// Loss over the plane of N and D with the runs and the compute-optimal frontier.
PlotSpec contour_plot(const fits::RunTable& runs, const fits::ChinchillaFit& fit);
/// Loss against N along each budget in the range of the runs, with the minimum of each.
PlotSpec isoflop_plot(const fits::RunTable& runs, const fits::ChinchillaFit& fit);
/// ln Lhat - ln L against compute; the runs furthest off are named by their line.
PlotSpec residual_plot(const fits::RunTable& runs, const fits::ChinchillaFit& fit);
/// alpha and beta of every draw.
PlotSpec cloud_plot(const fits::ChinchillaFit& fit, const fits::Draws& draws);

}  // namespace isoflop::app
