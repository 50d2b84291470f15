#include "isoflop/plot/figure.h"

#include <algorithm>
#include <cmath>

#include "isoflop/plot/figure_builder.h"
#include "isoflop/plot/text_metrics.h"

namespace isoflop {
namespace {

// Dropped labels go into notes, notes take room, and less room may drop more labels: repeated until it holds.
Figure settled(const PlotSpec& plot, double unit, int height) {
  std::size_t note_lines = 0;
  for (int pass = 0;; ++pass) {
    FigureBuilder builder(plot, unit, height, note_lines);
    Figure figure = builder.build();
    if (builder.needed_note_lines() <= note_lines) return figure;
    note_lines = builder.needed_note_lines() + (pass > 3 ? 2 : 0);
  }
}

// What the axes box needs at least, in px: every bar and every line of a category's name takes room.
double least_axes_height(const PlotSpec& plot, double unit) {
  if (plot.bars.empty()) return 0;
  const double bars = plot.stacked ? 1 : static_cast<double>(plot.bars.size());
  const double name_room = 0.4 * (plot.width_px - 2 * figure_sizes::edge * unit);
  double lines = 1;
  const auto categories = bar_categories(plot);
  for (const auto& name : categories)
    lines =
        std::max(lines, static_cast<double>(wrap_text(clean_text(name), name_room, figure_sizes::tick * unit).size()));
  return static_cast<double>(categories.size()) * std::max({18.0, 11.0 * bars, 1.2 * figure_sizes::tick * lines}) *
         unit;
}

}  // namespace

PixelBox FigureText::box() const {
  const double width = text_width_px(text, size, bold);
  const double left = anchor == Anchor::Start ? x : anchor == Anchor::End ? x - width : x - width / 2;
  return {left, y - figure_sizes::above_baseline * size, left + width, y + figure_sizes::below_baseline * size};
}

double marker_radius(const Figure& figure, const PointLayer& layer) { return 4.8 * figure.unit * layer.size; }

double heat_share(const Figure& figure, double z) {
  const bool log = !figure.plot->heat.empty() && figure.plot->heat.front().scale == Scale::Log;
  const double share = log ? std::log(z / figure.heat_low) / std::log(figure.heat_high / figure.heat_low)
                           : (z - figure.heat_low) / (figure.heat_high - figure.heat_low);
  return std::clamp(share, 0.0, 1.0);
}

Figure lay_out(const PlotSpec& plot) {
  check_plot(plot);
  const double natural = std::sqrt(static_cast<double>(plot.width_px) * plot.height_px / (960.0 * 600.0));
  const double unit = std::clamp(natural, 0.8, 3.0);
  Figure figure;
  for (const double shrink : {1.0, 0.9, 0.8}) {
    figure = settled(plot, unit * shrink, plot.height_px);
    const double height = figure.axes.bottom - figure.axes.top;
    if (height >= 0.45 * plot.height_px && height >= least_axes_height(plot, figure.unit)) return figure;
  }
  // Much text in a small picture, or many bars: the picture grows downwards rather than losing any of it.
  const double least = std::max(0.4 * plot.height_px, least_axes_height(plot, figure.unit));
  for (int pass = 0; pass < 3; ++pass) {
    const double height = figure.axes.bottom - figure.axes.top;
    if (height >= least - 1) break;
    figure = settled(plot, figure.unit, figure.height + static_cast<int>(std::ceil(least - height)));
  }
  return figure;
}

}  // namespace isoflop
