// Lines of equal height on a regular grid: marching squares with linear interpolation between grid points (in the
// logarithm on Log axes and for Log heights). Cells with an unknown corner give nothing.
#pragma once
#include <utility>
#include <vector>

#include "isoflop/plot/plot_spec.h"

namespace isoflop {

using ContourLine = std::vector<std::pair<double, double>>;  ///< x, y in data units

/// Polylines where z = level, pieces joined end to end.
std::vector<ContourLine> contour_lines(const HeatLayer& heat, double level, Scale x_scale, Scale y_scale);

}  // namespace isoflop
