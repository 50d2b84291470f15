// The same plot for a browser: a Vega-Lite v5 specification with inline data. Axis ranges, label places and colours are
// those of the figure. Source of the format: https://vega.github.io/schema/vega-lite/v5.json
#include <cmath>
#include <set>
#include <string>

#include "isoflop/plot/draw.h"
#include "isoflop/plot/figure.h"
#include "isoflop/plot/line_styles.h"
#include "isoflop/plot/text_metrics.h"
#include "isoflop/plot/theme.h"
#include "isoflop/report/value.h"

namespace isoflop {
namespace {

constexpr double ms_per_day = 86400000;

const char* vega_shape(Marker marker) {
  switch (marker) {
    case Marker::Circle: case Marker::CircleOpen: return "circle";
    case Marker::Square: case Marker::SquareOpen: return "square";
    case Marker::TriangleUp: case Marker::TriangleUpOpen: return "triangle-up";
    case Marker::TriangleDown: case Marker::TriangleDownOpen: return "triangle-down";
    case Marker::Diamond: case Marker::DiamondOpen: return "diamond";
    case Marker::Pentagon: return "M0,-1.18L1.12,-0.36L0.69,0.95L-0.69,0.95L-1.12,-0.36Z";
    case Marker::Cross:
      return "M-0.9,-0.7L-0.7,-0.9L0,-0.2L0.7,-0.9L0.9,-0.7L0.2,0L0.9,0.7L0.7,0.9L0,0.2L-0.7,0.9L-0.9,0.7L-0.2,0Z";
  }
  return "circle";
}

bool is_open(Marker marker) {
  return marker == Marker::CircleOpen || marker == Marker::SquareOpen || marker == Marker::TriangleUpOpen ||
         marker == Marker::TriangleDownOpen || marker == Marker::DiamondOpen;
}

class VegaWriter {
 public:
  VegaWriter(const PlotSpec& plot, Theme theme) : plot_(plot), figure_(lay_out(plot)), colours_(palette(theme)) {}

  std::string write() {
    Value spec = Value::object({{"$schema", "https://vega.github.io/schema/vega-lite/v5.json"},
                                {"description", clean_text(plot_.description)}});
    spec["title"] = Value::object({{"text", lines_of(plot_.title, 20)},
                                   {"subtitle", lines_of(plot_.subtitle, 14)},
                                   {"anchor", "start"},
                                   {"color", ink(colours_.text)},
                                   {"subtitleColor", ink(colours_.muted_text)},
                                   {"fontSize", 20},
                                   {"subtitleFontSize", 14},
                                   {"offset", 12}});
    spec["background"] = ink(colours_.background);
    spec["width"] = std::round(figure_.axes.right - figure_.axes.left);
    spec["height"] = std::round(figure_.axes.bottom - figure_.axes.top);
    spec["padding"] = 12;
    heat();
    bands();
    rules();
    line_layers();
    bars();
    points();
    labels();
    // A layer draws its own legend; only the axes are shared.
    Value independent = Value::object();
    for (const char* channel : {"fill", "stroke", "shape", "color"}) independent[channel] = "independent";
    spec["layer"] = layers_;
    spec["resolve"] = Value::object({{"scale", independent}});
    spec["config"] = config();
    if (!plot_.source.empty()) spec["usermeta"] = Value::object({{"source", clean_text(plot_.source)}});
    return to_json(spec, -1);
  }

 private:
  static std::string ink(Rgb colour) { return hex_colour(colour); }
  std::string ink_of(int index) const { return hex_colour(mark_colour(colours_, index)); }

  Value lines_of(const std::string& text, double size) const {
    Value lines = Value::array();
    for (const auto& line : wrap_text(clean_text(text), 0.95 * figure_.width, size, size == 20)) lines.push_back(line);
    return lines;
  }

  Value config() const {
    return Value::object({{"font", "DejaVu Sans, Verdana, sans-serif"},
                          {"view", Value::object({{"stroke", nullptr}})},
                          {"axis", Value::object({{"labelColor", ink(colours_.text)},
                                                  {"titleColor", ink(colours_.muted_text)},
                                                  {"gridColor", ink(colours_.grid)},
                                                  {"domainColor", ink(colours_.axis)},
                                                  {"tickColor", ink(colours_.axis)},
                                                  {"labelFontSize", 12},
                                                  {"titleFontSize", 13},
                                                  {"titleFontWeight", "normal"}})},
                          {"legend", Value::object({{"labelColor", ink(colours_.text)},
                                                    {"titleColor", ink(colours_.muted_text)},
                                                    {"labelFontSize", 12},
                                                    {"orient", "top"},
                                                    {"direction", "horizontal"},
                                                    {"columns", 4},
                                                    {"gridAlign", "none"},
                                                    {"labelLimit", 400}})}});
  }

  Value x_value(double v) const { return plot_.x.scale == Scale::Date ? Value(v * ms_per_day) : Value(v); }
  Value y_value(double v) const { return plot_.y.scale == Scale::Date ? Value(v * ms_per_day) : Value(v); }

  // Dates are plain numbers of milliseconds here: our own ticks name them, and tool tips read them as dates.
  Value position(const char* field, const Axis& axis, const AxisMap& map, const Ticks& ticks) const {
    const double unit = axis.scale == Scale::Date ? ms_per_day : 1;
    Value scale = Value::object({{"type", axis.scale == Scale::Log ? "log" : "linear"},
                                 {"domain", Value::array({map.low * unit, map.high * unit})}, {"nice", false}});
    Value values = Value::array();
    std::string naming;
    for (const auto& t : ticks.major) {
      values.push_back(t.at * unit);
      naming += "datum.value == " + to_json(Value(t.at * unit), -1) + " ? '" + t.label + "' : ";
    }
    Value look = Value::object({{"values", values}, {"labelExpr", naming + "''"}, {"labelFlush", false}});
    return Value::object({{"field", field},
                          {"type", "quantitative"},
                          {"title", clean_text(axis.title)},
                          {"scale", scale},
                          {"axis", look}});
  }
  Value x_channel(const char* field = "x") const { return position(field, plot_.x, figure_.x, figure_.x_ticks); }
  Value y_channel(const char* field = "y") const { return position(field, plot_.y, figure_.y, figure_.y_ticks); }

  Value tip(const char* field, const std::string& title, const Axis* axis) const {
    Value value = Value::object({{"field", field}, {"title", title.empty() ? std::string(field) : title}});
    if (!axis) {
      value["type"] = "nominal";
    } else if (axis->scale == Scale::Date) {
      value["type"] = "temporal";
      value["timeUnit"] = "utcyearmonthdate";
    } else {
      value["type"] = "quantitative";
      value["format"] = ".4~g";
    }
    return value;
  }

  static Value legend_colour(const std::string& legend, const std::string& ink_text, Value look) {
    look["title"] = nullptr;
    return Value::object({{"datum", legend},
                          {"scale", Value::object({{"range", Value::array({ink_text})}})},
                          {"legend", std::move(look)}});
  }

  void add_layer(Value data, Value mark, Value encoding) {
    layers_.push_back(Value::object({{"data", Value::object({{"values", std::move(data)}})},
                                     {"mark", std::move(mark)},
                                     {"encoding", std::move(encoding)}}));
  }

  void heat() {
    for (const auto& layer : plot_.heat) {
      const auto x = cell_edges(layer.x, plot_.x.scale), y = cell_edges(layer.y, plot_.y.scale);
      Value rows = Value::array(), range = Value::array();
      // A cell reaches a little under the next one, drawn later, so that no seam shows.
      const auto far = [](const std::vector<double>& edges, std::size_t i) {
        return i + 2 < edges.size() ? edges[i + 1] + 0.3 * (edges[i + 2] - edges[i + 1]) : edges[i + 1];
      };
      for (std::size_t j = 0; j < layer.y.size(); ++j)
        for (std::size_t i = 0; i < layer.x.size(); ++i) {
          const double z = layer.z[j * layer.x.size() + i];
          if (!std::isfinite(z) || (layer.scale == Scale::Log && z <= 0)) continue;
          rows.push_back(Value::object({{"x", x_value(x[i])},
                                        {"x2", x_value(far(x, i))},
                                        {"y", y_value(y[j])},
                                        {"y2", y_value(far(y, j))},
                                        {"z", z}}));
        }
      for (const Rgb colour : colours_.ramp) range.push_back(ink(colour));
      const std::string title = clean_text(layer.legend);
      Value fill =
          Value::object({{"field", "z"},
                         {"type", "quantitative"},
                         {"title", title},
                         {"scale", Value::object({{"type", layer.scale == Scale::Log ? "log" : "linear"},
                                                  {"range", range},
                                                  {"domain", Value::array({figure_.heat_low, figure_.heat_high})},
                                                  {"nice", false},
                                                  {"zero", false}})},
                         {"legend", Value::object({{"type", "gradient"},
                                                   {"orient", "right"},
                                                   {"direction", "vertical"},
                                                   {"titleFontWeight", "normal"}})}});
      add_layer(rows, Value::object({{"type", "rect"}, {"clip", true}}),
                Value::object({{"x", x_channel()},
                               {"x2", Value::object({{"field", "x2"}})},
                               {"y", y_channel()},
                               {"y2", Value::object({{"field", "y2"}})},
                               {"fill", fill},
                               {"tooltip", Value::array({tip("x", clean_text(plot_.x.title), &plot_.x),
                                                         tip("y", clean_text(plot_.y.title), &plot_.y),
                                                         tip("z", title, &linear_)})}}));
    }
  }

  void bands() {
    for (const auto& layer : plot_.bands) {
      Value rows = Value::array();
      for (std::size_t i = 0; i < layer.x.size(); ++i)
        rows.push_back(Value::object(
            {{"x", x_value(layer.x[i])}, {"low", y_value(layer.low[i])}, {"high", y_value(layer.high[i])}}));
      Value encoding =
          Value::object({{"x", x_channel()}, {"y", y_channel("low")}, {"y2", Value::object({{"field", "high"}})}});
      Value mark = Value::object({{"type", "area"}, {"opacity", layer.opacity}, {"clip", true}, {"tooltip", false}});
      if (layer.legend.empty()) mark["color"] = ink_of(layer.colour);
      else
        encoding["color"] = legend_colour(clean_text(layer.legend), ink_of(layer.colour),
                                          Value::object({{"symbolType", "square"}, {"symbolSize", 250}}));
      add_layer(rows, mark, encoding);
    }
  }

  static Value dash_of(const std::vector<double>& lengths) {
    return lengths.empty() ? Value::array({1, 0}) : Value(lengths);
  }

  void rules() {
    for (const auto& rule : plot_.rules) {
      Value row = Value::object({{"caption", clean_text(rule.caption)}});
      Value encoding = Value::object({{"tooltip", tip("caption", "line", nullptr)}});
      if (rule.x) row["x"] = x_value(*rule.x), encoding["x"] = x_channel();
      if (rule.y) row["y"] = y_value(*rule.y), encoding["y"] = y_channel();
      const Value rows = Value::array({row});
      add_layer(rows,
                Value::object({{"type", "rule"},
                               {"color", ink(colours_.muted_text)},
                               {"strokeDash", dash_of(dash_pattern(rule.dash))}}),
                encoding);
      if (rule.caption.empty()) continue;
      Value text = Value::object({{"text", Value::object({{"field", "caption"}})}});
      if (rule.x) text["x"] = x_channel(), text["y"] = Value::object({{"value", 4}});
      if (rule.y) text["y"] = y_channel(), text["x"] = Value::object({{"value", "width"}});
      add_layer(rows,
                Value::object({{"type", "text"},
                               {"align", rule.x ? "left" : "right"},
                               {"baseline", rule.x ? "top" : "bottom"},
                               {"dx", rule.x ? 4 : -4},
                               {"dy", rule.x ? 0 : -3},
                               {"color", ink(colours_.muted_text)}}),
                text);
    }
  }

  void line_layers() {
    for (std::size_t k = 0; k < plot_.lines.size(); ++k) {
      const LineLayer& layer = plot_.lines[k];
      const Value dashes = dash_of(dashes_of_line(plot_, k));
      Value rows = Value::array();
      for (std::size_t i = 0; i < layer.x.size(); ++i)
        rows.push_back(Value::object(
            {{"x", x_value(layer.x[i])}, {"y", y_value(layer.y[i])}, {"order", static_cast<std::int64_t>(i)}}));
      Value encoding = Value::object({{"x", x_channel()},
                                      {"y", y_channel()},
                                      {"order", Value::object({{"field", "order"}, {"type", "quantitative"}})}});
      Value mark = Value::object(
          {{"type", "line"}, {"strokeWidth", layer.width}, {"strokeDash", dashes}, {"clip", true}, {"tooltip", false}});
      if (layer.legend.empty()) mark["color"] = ink_of(layer.colour);
      else
        encoding["color"] = legend_colour(
            clean_text(layer.legend), ink_of(layer.colour),
            Value::object({{"symbolStrokeWidth", layer.width}, {"symbolSize", 400}, {"symbolDash", dashes}}));
      add_layer(rows, mark, encoding);
    }
  }

  void bars() {
    if (plot_.bars.empty()) return;
    const bool grouped = !plot_.stacked && plot_.bars.size() > 1;
    Value order = Value::array(), domain = Value::array(), range = Value::array();
    for (const auto& name : bar_categories(plot_)) order.push_back(clean_text(name));
    for (const auto& layer : plot_.bars)
      domain.push_back(clean_text(layer.legend)), range.push_back(ink_of(layer.colour));
    Value rows = Value::array(), intervals = Value::array();
    for (const auto& box : bar_boxes(plot_)) {
      const BarLayer& layer = plot_.bars[box.layer];
      Value row = Value::object({{"category", clean_text(layer.categories[box.row])},
                                 {"group", clean_text(layer.legend)},
                                 {"x", x_value(box.x_from)},
                                 {"x2", x_value(box.x_to)},
                                 {"value", layer.values[box.row]}});
      if (box.has_interval) {
        row["low"] = layer.low[box.row];
        row["high"] = layer.high[box.row];
        Value interval = row;
        interval["x"] = x_value(box.interval_low);
        interval["x2"] = x_value(box.interval_high);
        intervals.push_back(interval);
      }
      rows.push_back(row);
    }
    const Value category = Value::object({{"field", "category"},
                                          {"type", "nominal"},
                                          {"sort", order},
                                          {"title", clean_text(plot_.y.title)},
                                          {"axis", Value::object({{"labelLimit", 400}})}});
    Value encoding = Value::object({{"x", x_channel()}, {"x2", Value::object({{"field", "x2"}})}, {"y", category}});
    if (grouped) encoding["yOffset"] = Value::object({{"field", "group"}, {"sort", domain}});
    Value tips = Value::array(
        {tip("category", "", nullptr), tip("group", "", nullptr), tip("value", clean_text(plot_.x.title), &plot_.x)});
    if (!intervals.items().empty()) tips.push_back(tip("low", "", &plot_.x)), tips.push_back(tip("high", "", &plot_.x));
    encoding["tooltip"] = tips;
    Value filled = encoding;
    filled["fill"] =
        Value::object({{"field", "group"},
                       {"type", "nominal"},
                       {"sort", nullptr},
                       {"scale", Value::object({{"domain", domain}, {"range", range}})},
                       {"legend", plot_.bars.size() > 1 ? Value::object({{"title", nullptr}}) : Value(nullptr)}});
    add_layer(rows, Value::object({{"type", "bar"}, {"stroke", ink(colours_.background)}}), filled);
    if (!intervals.items().empty())
      add_layer(intervals, Value::object({{"type", "rule"}, {"color", ink(colours_.text)}, {"strokeWidth", 1.8}}),
                encoding);
  }

  Value point_tips(const PointLayer& layer) const {
    Value tips = Value::array();
    if (!layer.names.empty()) tips.push_back(tip("name", "", nullptr));
    if (!layer.legend.empty()) tips.push_back(tip("group", "", nullptr));
    tips.push_back(tip("x", clean_text(plot_.x.title), &plot_.x));
    tips.push_back(tip("y", clean_text(plot_.y.title), &plot_.y));
    if (!layer.notes.empty()) tips.push_back(tip("note", "", nullptr));
    return tips;
  }

  void add_rows(const PointLayer& layer, Value& rows, Value& intervals) const {
    for (std::size_t i = 0; i < layer.x.size(); ++i) {
      if (!figure_.x.shows(layer.x[i]) || !figure_.y.shows(layer.y[i])) continue;
      Value row = Value::object({{"group", clean_text(layer.legend)},
                                 {"x", x_value(layer.x[i])},
                                 {"y", y_value(layer.y[i])},
                                 {"size", 75 * layer.size * layer.size}});
      if (!layer.names.empty()) row["name"] = clean_text(layer.names[i]);
      if (!layer.notes.empty()) row["note"] = clean_text(layer.notes[i]);
      if (!layer.y_low.empty()) {
        row["low"] = y_value(layer.y_low[i]);
        row["high"] = y_value(layer.y_high[i]);
        intervals.push_back(row);
      }
      rows.push_back(row);
    }
  }

  std::string fill_of(const PointLayer& layer) const {
    return is_open(layer.marker) ? ink(colours_.background) : ink_of(layer.colour);
  }

  // Layers with a legend share one drawing, so that a click on a legend entry fades all others; the rest stand alone.
  void points() {
    Value rows = Value::array(), intervals = Value::array(), domain = Value::array(), strokes = Value::array(),
          fills = Value::array(), shapes = Value::array();
    std::set<std::string> groups;
    const PointLayer* fullest = nullptr;
    for (std::size_t k = 0; k < plot_.points.size(); ++k) {
      const PointLayer& layer = plot_.points[k];
      const std::string group = clean_text(layer.legend);
      if (group.empty() || !groups.insert(group).second) {
        add_alone(layer, marker_of_layer(plot_, k));
        continue;
      }
      domain.push_back(group);
      strokes.push_back(ink_of(layer.colour));
      fills.push_back(fill_of(layer));
      shapes.push_back(vega_shape(marker_of_layer(plot_, k)));
      add_rows(layer, rows, intervals);
      if (!fullest || layer.names.size() + layer.notes.size() > fullest->names.size() + fullest->notes.size())
        fullest = &layer;
    }
    if (!fullest) return;
    const Value fade =
        Value::object({{"condition", Value::object({{"param", "picked"}, {"value", 1}})}, {"value", 0.06}});
    const auto by_group = [&](const Value& range) {
      return Value::object({{"field", "group"},
                            {"type", "nominal"},
                            {"sort", nullptr},
                            {"scale", Value::object({{"domain", domain}, {"range", range}})},
                            {"legend", Value::object({{"title", nullptr}})}});
    };
    if (!intervals.items().empty()) {
      Value stroke = by_group(strokes);
      stroke["legend"] = nullptr;
      add_layer(intervals, Value::object({{"type", "rule"}, {"strokeWidth", 1.4}}),
                Value::object({{"x", x_channel()},
                               {"y", y_channel("low")},
                               {"y2", Value::object({{"field", "high"}})},
                               {"stroke", stroke},
                               {"opacity", fade}}));
    }
    Value layer = Value::object(
        {{"params", Value::array({Value::object(
                        {{"name", "picked"},
                         {"select", Value::object({{"type", "point"}, {"fields", Value::array({"group"})}})},
                         {"bind", "legend"}})})},
         {"data", Value::object({{"values", rows}})},
         {"mark", Value::object({{"type", "point"}, {"strokeWidth", 1.4}})},
         {"encoding", Value::object({{"x", x_channel()},
                                     {"y", y_channel()},
                                     {"fill", by_group(fills)},
                                     {"stroke", by_group(strokes)},
                                     {"shape", by_group(shapes)},
                                     {"size", point_size()},
                                     {"opacity", fade},
                                     {"tooltip", point_tips(*fullest)}})}});
    layers_.push_back(std::move(layer));
  }

  static Value point_size() {
    return Value::object({{"field", "size"}, {"type", "quantitative"}, {"scale", nullptr}, {"legend", nullptr}});
  }

  void add_alone(const PointLayer& layer, Marker marker) {
    Value rows = Value::array(), intervals = Value::array();
    add_rows(layer, rows, intervals);
    if (!intervals.items().empty())
      add_layer(
          intervals, Value::object({{"type", "rule"}, {"strokeWidth", 1.4}, {"color", ink_of(layer.colour)}}),
          Value::object({{"x", x_channel()}, {"y", y_channel("low")}, {"y2", Value::object({{"field", "high"}})}}));
    add_layer(rows,
              Value::object({{"type", "point"},
                             {"strokeWidth", 1.4},
                             {"opacity", 1},
                             {"shape", vega_shape(marker)},
                             {"fill", fill_of(layer)},
                             {"stroke", ink_of(layer.colour)}}),
              Value::object(
                  {{"x", x_channel()}, {"y", y_channel()}, {"size", point_size()}, {"tooltip", point_tips(layer)}}));
  }

  // Label places are turned back into data units; they hold at the size the specification states.
  void labels() {
    if (figure_.labels.empty()) return;
    Value rows = Value::array(), lines = Value::array();
    for (const auto& label : figure_.labels) {
      const PixelBox box = label.box();
      rows.push_back(Value::object({{"x", x_value(figure_.x.value_at(box.left))},
                                    {"y", y_value(figure_.y.value_at((box.top + box.bottom) / 2))},
                                    {"name", label.text}}));
    }
    for (const auto& leader : figure_.leaders)
      lines.push_back(Value::object({{"x", x_value(figure_.x.value_at(leader.from.x))},
                                     {"y", y_value(figure_.y.value_at(leader.from.y))},
                                     {"x2", x_value(figure_.x.value_at(leader.to.x))},
                                     {"y2", y_value(figure_.y.value_at(leader.to.y))}}));
    add_layer(rows,
              Value::object({{"type", "text"},
                             {"align", "left"},
                             {"baseline", "middle"},
                             {"fontSize", 13 * figure_.unit},
                             {"color", ink(colours_.text)}}),
              Value::object({{"x", x_channel()}, {"y", y_channel()}, {"text", Value::object({{"field", "name"}})}}));
    if (!figure_.leaders.empty())
      add_layer(lines, Value::object({{"type", "rule"}, {"color", ink(colours_.axis)}, {"strokeWidth", 0.9}}),
                Value::object({{"x", x_channel()},
                               {"y", y_channel()},
                               {"x2", Value::object({{"field", "x2"}})},
                               {"y2", Value::object({{"field", "y2"}})}}));
  }

  const PlotSpec& plot_;
  Figure figure_;
  const Palette& colours_;
  Axis linear_;
  Value layers_ = Value::array();
};

}  // namespace

std::string draw_vega_lite(const PlotSpec& plot, Theme theme) { return VegaWriter(plot, theme).write(); }

}  // namespace isoflop
