// Drawing a PlotSpec. Files are written to a temporary first; a missing tool is an Error (CannotRun) that names it.
#pragma once
#include <string>
#include <vector>

#include "isoflop/plot/plot_spec.h"

namespace isoflop {

/// SVG of the plot, byte-stable for one gnuplot version. Throws Error (CannotRun) when gnuplot is missing or fails.
std::string draw_svg(const PlotSpec& plot, Theme theme = Theme::Light);
/// PNG (2x) or PDF of the same SVG, by rsvg-convert.
std::string draw_png(const PlotSpec& plot, Theme theme = Theme::Light);
std::string draw_pdf(const PlotSpec& plot, Theme theme = Theme::Light);
/// The same from an SVG that is already drawn.
std::string png_of_svg(const std::string& svg);
std::string pdf_of_svg(const std::string& svg);
/// Every plotted number: layer, name, x, y, low, high, z.
std::string draw_csv(const PlotSpec& plot);
/// A Vega-Lite v5 specification (JSON) of the same plot: tooltips, a legend that filters on click.
std::string draw_vega_lite(const PlotSpec& plot, Theme theme = Theme::Light);
/// Names asked for that the drawing leaves out for lack of room; its caption lists them too.
std::vector<std::string> unlabelled_names(const PlotSpec& plot);
/// Braille (or ASCII) picture for a terminal.
std::string draw_terminal(const PlotSpec& plot, std::size_t columns, std::size_t lines, bool colour,
                          bool unicode = true);

}  // namespace isoflop
