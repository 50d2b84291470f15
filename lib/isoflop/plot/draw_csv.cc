// The numbers behind a plot, one row a mark, so that anyone can draw it again with other tools.
#include <fmt/format.h>

#include <cmath>

#include "isoflop/plot/axis_map.h"
#include "isoflop/plot/draw.h"
#include "isoflop/plot/ticks.h"

namespace isoflop {
namespace {

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string result = "\"";
  for (char c : text) result += c == '"' ? std::string("\"\"") : std::string(1, c);
  return result + "\"";
}

std::string number(double value) { return std::isfinite(value) ? fmt::format("{}", value) : ""; }

std::string number(const Axis& axis, double value) {
  const bool day =
      axis.scale == Scale::Date && std::isfinite(value) && value == std::floor(value) && std::fabs(value) < 1e6;
  return day ? date_text(value) : number(value);
}

}  // namespace

std::string draw_csv(const PlotSpec& plot) {
  check_plot(plot);
  std::string csv = "kind,layer,name,x,y,low,high,z,note\n";
  const auto row = [&csv](const char* kind, const std::string& layer, const std::string& name, const std::string& x,
                          const std::string& y, const std::string& low = "", const std::string& high = "",
                          const std::string& z = "", const std::string& note = "") {
    csv += std::string(kind) + "," + quoted(layer) + "," + quoted(name) + "," + x + "," + y + "," + low + "," + high +
           "," + z + "," + quoted(note) + "\n";
  };
  for (const auto& l : plot.points)
    for (std::size_t i = 0; i < l.x.size(); ++i)
      row("point", l.legend, l.names.empty() ? "" : l.names[i], number(plot.x, l.x[i]), number(plot.y, l.y[i]),
          l.y_low.empty() ? "" : number(l.y_low[i]), l.y_low.empty() ? "" : number(l.y_high[i]), "",
          l.notes.empty() ? "" : l.notes[i]);
  for (const auto& l : plot.lines)
    for (std::size_t i = 0; i < l.x.size(); ++i)
      row("line", l.legend, "", number(plot.x, l.x[i]), number(plot.y, l.y[i]));
  for (const auto& l : plot.bands)
    for (std::size_t i = 0; i < l.x.size(); ++i)
      row("band", l.legend, "", number(plot.x, l.x[i]), "", number(l.low[i]), number(l.high[i]));
  for (const auto& l : plot.bars)
    for (std::size_t i = 0; i < l.categories.size(); ++i)
      row("bar", l.legend, l.categories[i], number(l.values[i]), "", l.low.empty() ? "" : number(l.low[i]),
          l.low.empty() ? "" : number(l.high[i]));
  for (const auto& l : plot.heat)
    for (std::size_t j = 0; j < l.y.size(); ++j)
      for (std::size_t i = 0; i < l.x.size(); ++i)
        row("cell", l.legend, "", number(plot.x, l.x[i]), number(plot.y, l.y[j]), "", "",
            number(l.z[j * l.x.size() + i]));
  for (const auto& l : plot.rules)
    row("rule", l.caption, "", l.x ? number(plot.x, *l.x) : "", l.y ? number(plot.y, *l.y) : "");
  return csv;
}

}  // namespace isoflop
