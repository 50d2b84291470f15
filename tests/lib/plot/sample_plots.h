// Plots of every kind for the tests to draw. Invented numbers, realistic shapes.
#pragma once
#include "isoflop/plot/plot_spec.h"

namespace sample {

/// 60 named models: score against compute, a fitted line with its band, two highlighted families, labelled outliers.
isoflop::PlotSpec scores();
/// Score against release date, with error bars and a ceiling.
isoflop::PlotSpec dates();
/// Loss over parameters and tokens with contours and a path of optima.
isoflop::PlotSpec loss_surface();
/// Stacked bars: energy by phase.
isoflop::PlotSpec stacked_bars();
/// Grouped bars with intervals.
isoflop::PlotSpec grouped_bars();
/// Every text of the plot is an attack on some format.
isoflop::PlotSpec hostile();
const char* hostile_text();

}  // namespace sample
