// The geometry of a figure as a gnuplot script: axes, grid, marks, legend keys, leader lines. It holds numbers and
// colours only; every text of the figure is set by svg_document. So no user text can reach gnuplot, which runs shell
// commands found in some kinds of strings.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "isoflop/plot/figure.h"

namespace isoflop {

/// Reads like any gnuplot script and writes SVG to standard output. Point layers come out as one <use> a point, in
/// order.
std::string gnuplot_script(const Figure& figure, Theme theme);

/// The point layer that each `plot` element of the script belongs to, in order; nothing for the others. A line belongs
/// to the point layer of its index when it goes through the same number of points.
std::vector<std::optional<std::size_t>> gnuplot_element_layers(const Figure& figure);

/// gnuplot's number of a marker; svg_document redefines their shapes.
int gnuplot_point_type(Marker marker);

}  // namespace isoflop
