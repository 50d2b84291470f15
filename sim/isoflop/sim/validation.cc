#include "isoflop/sim/validation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "isoflop/number_text.h"

namespace isoflop::sim {
namespace {

// A plot with tens of thousands of marks is a blot and a huge file; a regular thinning keeps the picture.
constexpr std::size_t most_points_per_category = 400;

Value unless_nan(double value) { return std::isfinite(value) ? Value(value) : Value(); }

Value named_accuracies(const std::vector<std::pair<std::string, Accuracy>>& parts) {
  Value object = Value::object();
  for (const auto& [name, accuracy] : parts) object[name] = to_value(accuracy);
  return object;
}

}  // namespace

std::vector<std::pair<std::string, Accuracy>> accuracy_by(
    const std::vector<PredictedRow>& rows, const std::function<std::string(const PredictedRow&)>& property) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<PredictedRow>> parts;
  for (const auto& row : rows) {
    auto& part = parts[property(row)];
    if (part.empty()) order.push_back(property(row));
    part.push_back(row);
  }
  std::vector<std::pair<std::string, Accuracy>> result;
  for (const auto& name : order) result.emplace_back(name, accuracy_of(parts[name]));
  return result;
}

std::vector<std::pair<std::string, std::size_t>> reasons_of(const std::vector<UnsupportedRow>& rows) {
  std::map<std::string, std::size_t> counts;
  for (const auto& row : rows) ++counts[row.reason];
  std::vector<std::pair<std::string, std::size_t>> result(counts.begin(), counts.end());
  std::stable_sort(result.begin(), result.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return result;
}

PlotSpec predicted_against_measured(const std::string& name, const std::string& title, const std::string& unit,
                                    const std::vector<PredictedRow>& rows) {
  PlotSpec plot;
  plot.name = name;
  plot.title = title;
  const Accuracy overall = accuracy_of(rows);
  plot.subtitle = std::to_string(overall.n) + " rows, MAPE " + format_number(overall.mape, 3) + " %, median " +
                  format_number(overall.median, 3) + " %, bias " + format_number(overall.bias, 3);
  plot.description = "Each mark is one measured row; on the line the prediction equals the measurement.";
  plot.x = {"measured (" + unit + ")", Scale::Log, {}, {}};
  plot.y = {"predicted (" + unit + ")", Scale::Log, {}, {}};
  constexpr std::array markers = {Marker::Circle,     Marker::Square,         Marker::TriangleUp,
                                  Marker::Diamond,    Marker::TriangleDown,   Marker::CircleOpen,
                                  Marker::SquareOpen, Marker::TriangleUpOpen, Marker::DiamondOpen};
  double low = std::numeric_limits<double>::infinity(), high = 0;
  std::map<std::string, std::vector<const PredictedRow*>> parts;
  for (const auto& row : rows) {
    parts[row.category].push_back(&row);
    low = std::min({low, row.measured, row.predicted});
    high = std::max({high, row.measured, row.predicted});
  }
  int index = 0;
  for (const auto& [category, members] : parts) {
    PointLayer layer;
    layer.legend = category;
    layer.colour = index;
    layer.size = 0.6;
    layer.marker = markers[static_cast<std::size_t>(index) % markers.size()];
    const std::size_t step = members.size() / most_points_per_category + 1;
    for (std::size_t i = 0; i < members.size(); i += step) {
      layer.x.push_back(members[i]->measured);
      layer.y.push_back(members[i]->predicted);
      layer.names.push_back(members[i]->row_id);
    }
    plot.points.push_back(std::move(layer));
    ++index;
  }
  if (high > 0) plot.lines.push_back({"equal", {low, high}, {low, high}, Dash::Dashed, -1, 1});
  return plot;
}

Value validation_value(const ValidationResult& result) {
  Value value = Value::object();
  value["method"] = Value(result.method);
  value["overall"] = to_value(accuracy_of(result.rows));
  value["by_metric"] = named_accuracies(accuracy_by(result.rows, [](const PredictedRow& r) { return r.metric; }));
  value["by_category"] = named_accuracies(accuracy_by(result.rows, [](const PredictedRow& r) { return r.category; }));
  Value groups = Value::array();
  for (const auto& [group, accuracy] : accuracy_by(result.rows, [](const PredictedRow& r) { return r.group; })) {
    Value entry = Value::object({{"group", group}});
    const Value figures = to_value(accuracy);
    for (const auto& [key, figure] : figures.members()) entry[key] = figure;
    groups.push_back(std::move(entry));
  }
  value["groups"] = std::move(groups);
  Value rows = Value::array();
  for (const auto& row : result.rows)
    rows.push_back(Value::object({{"row_id", row.row_id},
                                  {"metric", row.metric},
                                  {"measured", row.measured},
                                  {"predicted", row.predicted},
                                  {"low", unless_nan(row.low)},
                                  {"high", unless_nan(row.high)},
                                  {"group", row.group},
                                  {"category", row.category}}));
  value["rows"] = std::move(rows);
  Value unsupported = Value::array();
  for (const auto& row : result.unsupported)
    unsupported.push_back(Value::object({{"row_id", row.row_id}, {"reason", row.reason}}));
  value["unsupported"] = std::move(unsupported);
  return value;
}

}  // namespace isoflop::sim
