#include "isoflop/plot/axis_map.h"

#include <algorithm>
#include <cmath>

#include "isoflop/error.h"

namespace isoflop {
namespace {

// Beyond this many days calendars stop making sense (about the year 4700).
constexpr double most_days = 1e6;

class Extent {
 public:
  explicit Extent(Scale scale) : scale_(scale) {}
  void take(double value) {
    if (!std::isfinite(value) || (scale_ == Scale::Log && value <= 0)) return;
    if (scale_ == Scale::Date && std::fabs(value) > most_days) return;
    low_ = any_ ? std::min(low_, value) : value;
    high_ = any_ ? std::max(high_, value) : value;
    any_ = true;
  }
  void take(const std::vector<double>& values) {
    for (const double value : values) take(value);
  }

  AxisMap range(const Axis& axis, double margin) const {
    AxisMap map;
    map.scale = scale_;
    double low = any_ ? low_ : (scale_ == Scale::Log ? 1 : 0), high = any_ ? high_ : (scale_ == Scale::Log ? 10 : 1);
    const auto fixed = [&](const std::optional<double>& value) {
      return value && std::isfinite(*value) && !(scale_ == Scale::Log && *value <= 0) &&
             !(scale_ == Scale::Date && std::fabs(*value) > most_days);
    };
    if (scale_ == Scale::Log) {
      if (high / low < 1.01) low /= 1.6, high *= 1.6;
      const double factor = std::pow(high / low, margin);
      low /= factor;
      high *= factor;
    } else {
      const double least =
          scale_ == Scale::Date ? 10 : std::max(1e-9 * std::max(std::fabs(low), std::fabs(high)), 1e-300);
      const bool starts_at_zero = low >= 0;
      if (high - low < least) {
        const double half = scale_ == Scale::Date ? 15 : (high == 0 ? 1 : 0.1 * std::fabs(high));
        low -= half, high += half;
      }
      const double pad = margin * (high - low);
      low = starts_at_zero && low - pad < 0 && scale_ == Scale::Linear ? std::min(low, 0.0) : low - pad;
      high += pad;
    }
    map.low = fixed(axis.low) ? *axis.low : low;
    map.high = fixed(axis.high) ? *axis.high : high;
    if (!(map.high > map.low)) {
      if (fixed(axis.low) && !fixed(axis.high)) map.high = scale_ == Scale::Log ? map.low * 10 : map.low + 1;
      else if (fixed(axis.high) && !fixed(axis.low)) map.low = scale_ == Scale::Log ? map.high / 10 : map.high - 1;
      else map.low = low, map.high = high;
    }
    return map;
  }

 private:
  Scale scale_;
  bool any_ = false;
  double low_ = 0, high_ = 1;
};

void check_columns(const PlotSpec& plot, const std::string& layer, std::size_t rows, std::size_t column,
                   const char* what, bool may_be_empty) {
  if (column == rows || (may_be_empty && column == 0)) return;
  throw Error(Fault::CannotRun, "plot " + plot.name + ": layer \"" + layer + "\" has " + std::to_string(rows) +
                                    " rows but " + std::to_string(column) + " in " + what);
}

}  // namespace

double AxisMap::place(double value) const {
  const double share =
      scale == Scale::Log ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
  return low_px + share * (high_px - low_px);
}

double AxisMap::value_at(double px) const {
  const double share = (px - low_px) / (high_px - low_px);
  return scale == Scale::Log ? low * std::pow(high / low, share) : low + share * (high - low);
}

bool AxisMap::shows(double value) const {
  if (!std::isfinite(value)) return false;
  const double slack = scale == Scale::Log ? 0 : 1e-9 * (high - low);
  return value >= low - slack && value <= high + slack;
}

AxisMap x_range(const PlotSpec& plot) {
  Extent extent(plot.x.scale);
  if (!plot.bars.empty()) {
    if (plot.x.scale != Scale::Log) extent.take(0.0);
    for (const auto& bar : bar_boxes(plot)) {
      extent.take(bar.x_from);
      extent.take(bar.x_to);
      if (bar.has_interval) extent.take(bar.interval_low), extent.take(bar.interval_high);
    }
  }
  for (const auto& layer : plot.bands) extent.take(layer.x);
  for (const auto& layer : plot.lines) extent.take(layer.x);
  for (const auto& layer : plot.points) extent.take(layer.x);
  for (const auto& layer : plot.rules)
    if (layer.x) extent.take(*layer.x);
  for (const auto& layer : plot.heat) extent.take(layer.x.size() > 1 ? layer.x : cell_edges(layer.x, plot.x.scale));
  return extent.range(plot.x, plot.heat.empty() ? 0.04 : 0);
}

AxisMap y_range(const PlotSpec& plot) {
  if (!plot.bars.empty()) {
    AxisMap map;
    map.low = -0.5;
    map.high = static_cast<double>(bar_categories(plot).size()) - 0.5;
    if (map.high <= map.low) map.high = map.low + 1;
    return map;
  }
  Extent extent(plot.y.scale);
  for (const auto& layer : plot.bands) extent.take(layer.low), extent.take(layer.high);
  for (const auto& layer : plot.lines) extent.take(layer.y);
  for (const auto& layer : plot.points) extent.take(layer.y), extent.take(layer.y_low), extent.take(layer.y_high);
  for (const auto& layer : plot.rules)
    if (layer.y) extent.take(*layer.y);
  for (const auto& layer : plot.heat) extent.take(layer.y.size() > 1 ? layer.y : cell_edges(layer.y, plot.y.scale));
  return extent.range(plot.y, plot.heat.empty() ? 0.05 : 0);
}

std::vector<std::string> bar_categories(const PlotSpec& plot) {
  std::vector<std::string> categories;
  for (const auto& layer : plot.bars)
    for (const auto& name : layer.categories)
      if (std::find(categories.begin(), categories.end(), name) == categories.end()) categories.push_back(name);
  return categories;
}

std::vector<BarBox> bar_boxes(const PlotSpec& plot) {
  const auto categories = bar_categories(plot);
  const auto count = static_cast<double>(categories.size());
  const bool stacked = plot.stacked && plot.bars.size() > 1;
  std::vector<double> above(categories.size(), 0), below(categories.size(), 0);
  const double zero = plot.x.scale == Scale::Log ? x_range([&] {
    PlotSpec bare;
    bare.x = plot.x;
    LineLayer values;
    for (const auto& layer : plot.bars) values.x.insert(values.x.end(), layer.values.begin(), layer.values.end());
    bare.lines.push_back(values);
    return bare;
  }()).low : 0;
  constexpr double thickness = 0.72;
  std::vector<BarBox> boxes;
  for (std::size_t l = 0; l < plot.bars.size(); ++l) {
    const BarLayer& layer = plot.bars[l];
    for (std::size_t row = 0; row < layer.categories.size(); ++row) {
      const double value = layer.values[row];
      if (!std::isfinite(value)) continue;
      const auto k = static_cast<std::size_t>(std::find(categories.begin(), categories.end(), layer.categories[row]) -
                                              categories.begin());
      BarBox box;
      box.layer = l;
      box.row = row;
      const double middle = count - 1 - static_cast<double>(k);
      box.y_low = middle - thickness / 2;
      box.y_high = middle + thickness / 2;
      double offset = zero;
      if (stacked) {
        double& top = value >= 0 ? above[k] : below[k];
        offset = top;
        top += value;
        box.x_from = offset;
        box.x_to = offset + value;
      } else {
        const double share = thickness / static_cast<double>(plot.bars.size());
        box.y_high = middle + thickness / 2 - static_cast<double>(l) * share;
        box.y_low = box.y_high - share;
        box.x_from = zero;
        box.x_to = value;
      }
      if (!layer.low.empty() && std::isfinite(layer.low[row]) && std::isfinite(layer.high[row])) {
        const double base = stacked ? offset : 0;
        box.has_interval = true;
        box.interval_low = base + layer.low[row];
        box.interval_high = base + layer.high[row];
      }
      boxes.push_back(box);
    }
  }
  return boxes;
}

std::vector<double> cell_edges(const std::vector<double>& centres, Scale scale) {
  if (centres.empty()) return {};
  const bool log = scale == Scale::Log;
  const auto in = [log](double v) { return log ? std::log(v) : v; };
  const auto out = [log](double v) { return log ? std::exp(v) : v; };
  std::vector<double> edges;
  const std::size_t n = centres.size();
  const double first = n > 1 ? (in(centres[1]) - in(centres[0])) / 2 : (log ? 0.5 : 0.5);
  const double last = n > 1 ? (in(centres[n - 1]) - in(centres[n - 2])) / 2 : 0.5;
  edges.push_back(out(in(centres[0]) - first));
  for (std::size_t i = 1; i < n; ++i) edges.push_back(out((in(centres[i - 1]) + in(centres[i])) / 2));
  edges.push_back(out(in(centres[n - 1]) + last));
  return edges;
}

void check_plot(const PlotSpec& plot) {
  for (const auto& layer : plot.points) {
    check_columns(plot, layer.legend, layer.x.size(), layer.y.size(), "y", false);
    check_columns(plot, layer.legend, layer.x.size(), layer.y_low.size(), "y_low", true);
    check_columns(plot, layer.legend, layer.y_low.size(), layer.y_high.size(), "y_high", false);
    check_columns(plot, layer.legend, layer.x.size(), layer.names.size(), "names", true);
    check_columns(plot, layer.legend, layer.x.size(), layer.notes.size(), "notes", true);
    check_columns(plot, layer.legend, layer.x.size(), layer.labelled.size(), "labelled", true);
    if (!layer.labelled.empty() && layer.names.empty() && !layer.x.empty())
      throw Error(Fault::CannotRun,
                  "plot " + plot.name + ": layer \"" + layer.legend + "\" is labelled but has no names");
  }
  for (const auto& layer : plot.lines) check_columns(plot, layer.legend, layer.x.size(), layer.y.size(), "y", false);
  for (const auto& layer : plot.bands) {
    check_columns(plot, layer.legend, layer.x.size(), layer.low.size(), "low", false);
    check_columns(plot, layer.legend, layer.x.size(), layer.high.size(), "high", false);
  }
  for (const auto& layer : plot.bars) {
    check_columns(plot, layer.legend, layer.categories.size(), layer.values.size(), "values", false);
    check_columns(plot, layer.legend, layer.categories.size(), layer.low.size(), "low", true);
    check_columns(plot, layer.legend, layer.low.size(), layer.high.size(), "high", false);
  }
  for (const auto& layer : plot.heat)
    check_columns(plot, layer.legend, layer.x.size() * layer.y.size(), layer.z.size(), "z", false);
  if (plot.width_px < 200 || plot.height_px < 150 || plot.width_px > 10000 || plot.height_px > 10000)
    throw Error(Fault::CannotRun, "plot " + plot.name + ": size " + std::to_string(plot.width_px) + "x" +
                                      std::to_string(plot.height_px) + " px, expected 200x150 to 10000x10000");
}

}  // namespace isoflop
