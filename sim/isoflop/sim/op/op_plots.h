// Pictures of measured kernel calls: how much of what the data sheet allows they reach, and why.
#pragma once
#include <optional>
#include <span>

#include "isoflop/plot/plot_spec.h"
#include "isoflop/sim/op/op_table.h"

namespace isoflop::sim {

/// Share of peak arithmetic against arithmetic intensity relative to each chip's ridge point, under the common roof
/// min(1, x). Only operations that compute; nothing when there are none.
std::optional<PlotSpec> roofline_plot(const std::string& kind, std::span<const OpSample> samples);

/// Share of the speed of light over the rows m of the matrix product that was measured at most values of m: measured
/// calls as points, predictions (in the order of the samples) as a line. Nothing without products.
std::optional<PlotSpec> utilisation_plot(std::span<const OpSample> samples, std::span<const double> predicted_s);

}  // namespace isoflop::sim
