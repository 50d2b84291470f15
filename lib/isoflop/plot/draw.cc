#include "isoflop/plot/draw.h"

#include "isoflop/error.h"

namespace isoflop {
// Replaced by the plotting branch before anything ships.
std::string draw_svg(const PlotSpec&, Theme) { throw Error(Fault::CannotRun, "no plots yet"); }
std::string draw_png(const PlotSpec&, Theme) { throw Error(Fault::CannotRun, "no plots yet"); }
std::string draw_pdf(const PlotSpec&, Theme) { throw Error(Fault::CannotRun, "no plots yet"); }
std::string draw_csv(const PlotSpec&) { throw Error(Fault::CannotRun, "no plots yet"); }
std::string draw_terminal(const PlotSpec&, std::size_t, std::size_t, bool, bool) { throw Error(Fault::CannotRun, "no plots yet"); }
}  // namespace isoflop
