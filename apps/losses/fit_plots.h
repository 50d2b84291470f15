// Pictures of a fitted loss law: what `fit` draws.
#pragma once
#include <vector>

#include "isoflop/fits/bootstrap.h"
#include "isoflop/fits/hindcast.h"
#include "isoflop/fits/profile.h"
#include "isoflop/plot/plot_spec.h"

namespace isoflop::app {

/// Loss over the plane of N and D with the runs and the compute-optimal frontier, whose legend names the exponent's
/// interval where one is known.
PlotSpec contour_plot(const fits::RunTable& runs, const fits::ChinchillaFit& fit, const FittedValue& exponent_a);
/// Loss against N along each budget in the range of the runs, with the minimum of each.
PlotSpec isoflop_plot(const fits::RunTable& runs, const fits::ChinchillaFit& fit);
/// ln L - ln Lhat against compute; the runs furthest off are named by their line.
PlotSpec residual_plot(const fits::RunTable& runs, const fits::ChinchillaFit& fit);
/// alpha and beta of every draw.
PlotSpec cloud_plot(const fits::ChinchillaFit& fit, const fits::Draws& draws);

/// The likelihood ratio along one parameter with both cuts.
PlotSpec profile_plot(const fits::Profile& profile);
/// The likelihood ratio over alpha and beta.
PlotSpec surface_plot(const fits::ChinchillaFit& fit, const fits::ProfileSurface& surface);
/// The exponent a as the compute cut rises, with its interval, against the fit of all runs.
PlotSpec hindcast_plot(const std::vector<fits::HindcastRow>& rows, const FittedValue& exponent_a);

}  // namespace isoflop::app
