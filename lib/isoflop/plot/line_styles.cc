#include "isoflop/plot/line_styles.h"

#include <array>

#include "isoflop/plot/theme.h"

namespace isoflop {

std::vector<double> dash_pattern(Dash dash) {
  if (dash == Dash::Dashed) return {8, 5};
  if (dash == Dash::Dotted) return {2, 4};
  return {};
}

std::vector<double> dashes_of_line(const PlotSpec& plot, std::size_t layer) {
  std::size_t named = 0, place = 0;
  for (std::size_t k = 0; k < plot.lines.size(); ++k) {
    if (plot.lines[k].legend.empty()) continue;
    if (plot.lines[k].dash != Dash::Solid) return dash_pattern(plot.lines[layer].dash);
    if (k < layer) ++place;
    ++named;
  }
  if (named < 3 || plot.lines[layer].legend.empty()) return dash_pattern(plot.lines[layer].dash);
  static const std::array<std::vector<double>, 6> patterns = {
      std::vector<double>{}, {9, 4}, {2, 3}, {14, 4}, {9, 3, 2, 3}, {5, 2}};
  return patterns[place % patterns.size()];
}

Marker marker_of_layer(const PlotSpec& plot, std::size_t layer) {
  std::size_t named = 0, place = 0;
  for (std::size_t k = 0; k < plot.points.size(); ++k) {
    const PointLayer& other = plot.points[k];
    if (other.legend.empty() || other.colour == -1) continue;
    if (other.marker != Marker::Circle) return plot.points[layer].marker;
    if (k < layer) ++place;
    ++named;
  }
  const PointLayer& own = plot.points[layer];
  if (named < 2 || own.legend.empty() || own.colour == -1) return own.marker;
  return marker_of_group(place);
}

}  // namespace isoflop
