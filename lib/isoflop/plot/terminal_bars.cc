#include <algorithm>
#include <array>
#include <cmath>

#include "isoflop/plot/axis_map.h"
#include "isoflop/plot/terminal_text.h"
#include "isoflop/plot/text_metrics.h"
#include "isoflop/plot/ticks.h"

namespace isoflop {
namespace {

// Layers differ in fill where there is no colour to tell them apart.
std::string fill_of(std::size_t layer, bool colour, bool unicode) {
  static constexpr std::array<const char*, 8> blocks = {"█", "▓", "▒", "░", "▚", "▞", "▤", "▥"};
  static constexpr std::array<const char*, 8> letters = {"#", "=", "+", "o", "*", "%", "@", "x"};
  return unicode ? blocks[colour ? 0 : layer % blocks.size()] : letters[layer % letters.size()];
}

}  // namespace

std::string terminal_bars(const PlotSpec& plot, std::size_t columns, bool colour, bool unicode) {
  constexpr std::size_t number_room = 12, least_bar = 10;
  const auto shown = [&](const std::string& text) { return terminal_text(text, unicode); };
  const auto inked = [&](int index, const std::string& text) {
    return colour ? terminal_colour(index) + text + "\x1b[0m" : text;
  };
  const auto categories = bar_categories(plot);
  const auto boxes = bar_boxes(plot);
  std::size_t margin = 0;
  for (const auto& name : categories) margin = std::max(margin, character_count(shown(name)));
  margin = std::min(margin, columns - number_room - least_bar);
  AxisMap x = x_range(plot);
  x.low_px = 0;
  x.high_px = static_cast<double>(columns - margin - number_room);
  std::string text = cut_terminal_text(shown(plot.title), columns, unicode) + "\n";
  for (std::size_t l = 0; l < plot.bars.size(); ++l)
    if (!plot.bars[l].legend.empty())
      text += inked(plot.bars[l].colour, fill_of(l, colour, unicode)) + " " +
              cut_terminal_text(shown(plot.bars[l].legend), columns - 2, unicode) + "\n";
  const bool stacked = plot.stacked && plot.bars.size() > 1;
  const std::size_t rows_each = stacked || plot.bars.empty() ? 1 : plot.bars.size();
  for (std::size_t k = 0; k < categories.size(); ++k)
    for (std::size_t r = 0; r < rows_each; ++r) {
      const std::string name = r == 0 ? cut_terminal_text(shown(categories[k]), margin, unicode) : "";
      std::string line = name + std::string(margin - character_count(name), ' ') + (unicode ? "│" : "|");
      double end = std::max(0.0, x.place(std::max(0.0, x.low)));
      if (plot.x.scale == Scale::Log) end = 0;
      line += std::string(static_cast<std::size_t>(std::lround(end)), ' ');
      double total = 0;
      bool any = false;
      for (const auto& box : boxes) {
        const BarLayer& layer = plot.bars[box.layer];
        if (layer.categories[box.row] != categories[k] || (!stacked && box.layer != r)) continue;
        const double reach = x.place(std::max(box.x_from, box.x_to));
        std::string bar;
        for (auto c = std::lround(end); c < std::lround(reach); ++c) bar += fill_of(box.layer, colour, unicode);
        line += inked(layer.colour, bar);
        end = std::max(end, reach);
        total += layer.values[box.row];
        any = true;
      }
      text += line + " " + (any ? shown(tick_text(plot.x, total)) : "-") + "\n";
    }
  if (!plot.x.title.empty()) {
    const std::string title = cut_terminal_text(shown(plot.x.title), columns, unicode);
    text += std::string(std::min(margin + 1, columns - character_count(title)), ' ') + title + "\n";
  }
  return text;
}

}  // namespace isoflop
