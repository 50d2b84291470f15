#include "isoflop/plot/draw.h"

#include "isoflop/plot/figure.h"
#include "isoflop/plot/gnuplot_script.h"
#include "isoflop/plot/svg_document.h"
#include "isoflop/plot/tool_process.h"

namespace isoflop {
namespace {

// --default-settings keeps the user's own ~/.gnuplot out.
std::string drawn_by_gnuplot(const std::string& script) {
  return run_tool("gnuplot", {"--default-settings", "-"}, script, "gnuplot-nox");
}

}  // namespace

std::string draw_svg(const PlotSpec& plot, Theme theme) {
  const Figure figure = lay_out(plot);
  return svg_document(drawn_by_gnuplot(gnuplot_script(figure, theme)), figure, theme);
}

std::string png_of_svg(const std::string& svg) {
  return run_tool("rsvg-convert", {"--format", "png", "--zoom", "2"}, svg, "librsvg2-bin");
}

std::string pdf_of_svg(const std::string& svg) {
  return run_tool("rsvg-convert", {"--format", "pdf"}, svg, "librsvg2-bin");
}

std::string draw_png(const PlotSpec& plot, Theme theme) { return png_of_svg(draw_svg(plot, theme)); }

std::string draw_pdf(const PlotSpec& plot, Theme theme) { return pdf_of_svg(draw_svg(plot, theme)); }

std::vector<std::string> unlabelled_names(const PlotSpec& plot) { return lay_out(plot).unlabelled; }

}  // namespace isoflop
