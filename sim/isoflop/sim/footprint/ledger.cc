#include "isoflop/sim/footprint/ledger.h"

#include <fmt/format.h>

#include "isoflop/number_text.h"

namespace isoflop::sim {

PlotSpec waterfall(const std::vector<LedgerStep>& ledger, const std::string& subject, const std::string& unit,
                   double scale, const std::string& source) {
  PlotSpec plot;
  plot.name = "footprint-ledger";
  plot.title = "What the boundary leaves out: " + subject;
  plot.x.title = unit + ", everything up to this line (90 % interval)";
  plot.source = source;
  BarLayer before{"up to here", {}, {}, {}, {}, -1}, added{"this step adds", {}, {}, {}, {}, 0};
  for (const LedgerStep& step : ledger) {
    const std::string name = (before.categories.empty() ? "" : "+ ") + step.name;
    before.categories.push_back(name);
    added.categories.push_back(name);
    before.values.push_back((step.cumulative.central - step.added) * scale);
    added.values.push_back(step.added * scale);
    // Intervals of stacked bars are counted from the foot of their segment.
    added.low.push_back((step.cumulative.low - step.cumulative.central + step.added) * scale);
    added.high.push_back((step.cumulative.high - step.cumulative.central + step.added) * scale);
    plot.description +=
        fmt::format("{}: {} {}, in all {} ({} to {}). ", name, format_number(step.added * scale, 3), unit,
                    format_number(step.cumulative.central * scale, 3), format_number(step.cumulative.low * scale, 3),
                    format_number(step.cumulative.high * scale, 3));
  }
  plot.bars = {before, added};
  plot.stacked = true;
  plot.height_px = 420;
  return plot;
}

}  // namespace isoflop::sim
