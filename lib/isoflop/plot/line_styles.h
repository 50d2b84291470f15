// Colour never stands alone: where several named layers differ in colour only, their shapes or dashes are made to
// differ.
#pragma once
#include <cstddef>
#include <vector>

#include "isoflop/plot/plot_spec.h"

namespace isoflop {

/// Lengths of dash and gap in px at unit 1; empty for a solid line. Three or more named solid lines get patterns of
/// their own.
std::vector<double> dashes_of_line(const PlotSpec& plot, std::size_t layer);

/// The layer's own marker, unless all named, coloured layers are circles: then each gets its own shape.
Marker marker_of_layer(const PlotSpec& plot, std::size_t layer);

/// Of a Dash; empty for Solid.
std::vector<double> dash_pattern(Dash dash);

}  // namespace isoflop
