// From data to pixels: the range an axis shows, and where a value stands on it.
#pragma once
#include <string>
#include <vector>

#include "isoflop/plot/plot_spec.h"

namespace isoflop {

struct AxisMap {
  Scale scale = Scale::Linear;
  double low = 0, high = 1;        ///< data
  double low_px = 0, high_px = 1;  ///< pixels of low and high; high_px < low_px on a vertical axis
  double place(double value) const;  ///< Pixels.
  double value_at(double px) const;  ///< inverse of place
  bool shows(double value) const;  ///< finite and in [low, high]
};

/// Ranges of both axes: the layers' extent with a margin, or what the spec fixes. Values a Log axis cannot show are
/// left out. With bars, y runs over the categories (first on top) and x starts at zero.
AxisMap x_range(const PlotSpec& plot);
AxisMap y_range(const PlotSpec& plot);

/// Categories of all bar layers in order of first appearance.
std::vector<std::string> bar_categories(const PlotSpec& plot);

/// One drawn bar, in data units; category k has y = count - 1 - k.
struct BarBox {
  std::size_t layer = 0, row = 0;  ///< which value it is
  double x_from = 0, x_to = 0, y_low = 0, y_high = 0;
  bool has_interval = false;
  double interval_low = 0, interval_high = 0;
};
std::vector<BarBox> bar_boxes(const PlotSpec& plot);

/// Edges between cells centred at `centres` (halfway, geometrically on a Log axis); one more than centres.
std::vector<double> cell_edges(const std::vector<double>& centres, Scale scale);

/// Throws Error (CannotRun) naming the layer whose columns differ in length.
void check_plot(const PlotSpec& plot);

}  // namespace isoflop
