#include <algorithm>
#include <cmath>

#include "isoflop/plot/contours.h"
#include "isoflop/plot/figure_builder.h"
#include "isoflop/plot/text_metrics.h"

namespace isoflop {

using figure_sizes::above_baseline, figure_sizes::below_baseline, figure_sizes::half_digit;

// Numbers at the ends of bars; the x axis is widened until they fit.
void FigureBuilder::bar_values() {
  if (plot_.bars.empty() || plot_.x.scale == Scale::Date) return;
  const bool stacked = plot_.stacked && plot_.bars.size() > 1;
  struct End {
    double at, middle;
    std::string text;
  };
  std::vector<End> ends;
  const auto boxes = bar_boxes(plot_);
  const auto thickness = std::fabs(figure_.y.place(boxes.empty() ? 1 : boxes[0].y_high) -
                                   figure_.y.place(boxes.empty() ? 0 : boxes[0].y_low));
  if (thickness < px(figure_sizes::label) * 0.9) return;
  std::vector<double> totals(categories_.size(), 0), far(categories_.size(), 0);
  for (const auto& box : boxes) {
    const double middle = (box.y_low + box.y_high) / 2;
    const double end = std::max({box.x_from, box.x_to, box.has_interval ? box.interval_high : box.x_to});
    if (!stacked) {
      ends.push_back({end, middle, tick_text(plot_.x, box.x_to, 3)});
    } else {
      const auto k = static_cast<std::size_t>(std::lround(middle));
      totals[k] += box.x_to - box.x_from;
      far[k] = std::max(far[k], end);
    }
  }
  if (stacked)
    for (std::size_t k = 0; k < totals.size(); ++k)
      ends.push_back({far[k], static_cast<double>(k), tick_text(plot_.x, totals[k], 3)});
  const double size = px(figure_sizes::label);
  if (plot_.x.scale == Scale::Linear && !plot_.x.high) {
    double high = figure_.x.high;
    for (const auto& end : ends) {
      const double room = figure_.axes.right - figure_.axes.left - text_width_px(end.text, size) - px(10);
      if (room > 0)
        high =
            std::max(high, figure_.x.low + (end.at - figure_.x.low) * (figure_.axes.right - figure_.axes.left) / room);
    }
    figure_.x.high = high;
    figure_.x_ticks = make_ticks(plot_.x, figure_.x.low, figure_.x.high, x_room());
  }
  for (const auto& end : ends) {
    double left = figure_.x.place(std::max(end.at, figure_.x.low)) + px(6);
    const double width = text_width_px(end.text, size);
    for (const auto& rule : plot_.rules) {  // beside an upright line, not across it
      const double at = rule.x ? figure_.x.place(*rule.x) : left - 1;
      if (at >= left - px(2) && at <= left + width + px(2)) left = at + px(6);
    }
    if (left + width > figure_.width - px(4)) continue;
    add_text(left, figure_.y.place(end.middle) + half_digit * size, size, end.text).halo = true;
  }
}

void FigureBuilder::prepare_heat() {
  const HeatLayer& layer = plot_.heat.front();
  bool any = false;
  for (const double z : layer.z) {
    if (!std::isfinite(z) || (layer.scale == Scale::Log && z <= 0)) continue;
    figure_.heat_low = any ? std::min(figure_.heat_low, z) : z;
    figure_.heat_high = any ? std::max(figure_.heat_high, z) : z;
    any = true;
  }
  if (!any) figure_.heat_low = layer.scale == Scale::Log ? 1 : 0;
  if (!(figure_.heat_high > figure_.heat_low))
    figure_.heat_high = figure_.heat_low + (figure_.heat_low == 0 ? 1 : std::fabs(figure_.heat_low));
  heat_axis_.scale = layer.scale == Scale::Date ? Scale::Linear : layer.scale;
  const AxisMap map = heat_map();
  TickRoom room = y_room();
  room.place = [map](double v) { return map.place(v); };
  heat_ticks_ = make_ticks(heat_axis_, map.low, map.high, room);
}

AxisMap FigureBuilder::heat_map() const {
  AxisMap map;
  map.scale = heat_axis_.scale;
  map.low = figure_.heat_low, map.high = figure_.heat_high;
  map.low_px = figure_.axes.bottom, map.high_px = figure_.axes.top;
  return map;
}

double FigureBuilder::colour_bar_room() const {
  if (plot_.heat.empty()) return 0;
  double widest = 0;
  for (const auto& t : heat_ticks_.major) widest = std::max(widest, text_width_px(t.label, px(figure_sizes::tick)));
  return px(16) + px(16) + px(6) + widest;
}

void FigureBuilder::heat() {
  if (plot_.heat.empty()) return;
  const HeatLayer& layer = plot_.heat.front();
  const double left = figure_.axes.right + px(16);
  figure_.colour_bar = {left, figure_.axes.top, left + px(16), figure_.axes.bottom};
  const AxisMap map = heat_map();
  for (const auto& t : heat_ticks_.major)
    add_text(figure_.colour_bar.right + px(6), map.place(t.at) + half_digit * px(figure_sizes::tick),
             px(figure_sizes::tick), t.label);
  if (!layer.contours) return;
  for (const auto& t : heat_ticks_.major)
    for (const auto& line : contour_lines(layer, t.at, plot_.x.scale, plot_.y.scale)) {
      std::vector<PixelPoint> path;
      for (const auto& [x, y] : line) path.push_back({figure_.x.place(x), figure_.y.place(y)});
      const double share = heat_share(figure_, t.at);
      contour_label(path, t.label, share);
      figure_.contours.push_back({line, share});
    }
}

// The level is written at the middle of a line long enough to bear it.
void FigureBuilder::contour_label(const std::vector<PixelPoint>& path, const std::string& text, double share) {
  double length = 0;
  for (std::size_t i = 1; i < path.size(); ++i)
    length += std::hypot(path[i].x - path[i - 1].x, path[i].y - path[i - 1].y);
  const double size = px(figure_sizes::note);
  if (length < px(110)) return;
  for (const double along : {0.5, 0.35, 0.65, 0.2, 0.8}) {
    const auto& at = path[static_cast<std::size_t>(along * static_cast<double>(path.size() - 1))];
    FigureText label{at.x, at.y + half_digit * size, size, text, Anchor::Middle, Ink::Text, false, true, share};
    const PixelBox box = label.box();
    if (!figure_.axes.contains(box)) continue;
    if (is_kept_out(box) || covers_marker(box)) continue;
    if (std::any_of(drawn_lines_.begin(), drawn_lines_.end(),
                    [&](const PixelSegment& line) { return line.crosses(box); }))
      continue;
    keep_out_.push_back(box);
    figure_.texts.push_back(label);
    return;
  }
}

bool FigureBuilder::covers_marker(const PixelBox& box) const {
  for (const auto& layer : plot_.points) {
    const double radius = marker_radius(figure_, layer);
    for (std::size_t i = 0; i < layer.x.size(); ++i) {
      if (!figure_.x.shows(layer.x[i])) continue;
      const double at = figure_.x.place(layer.x[i]);
      if (figure_.y.shows(layer.y[i]) && box.distance({at, figure_.y.place(layer.y[i])}) < radius + 1) return true;
      if (layer.y_low.empty() || at < box.left - 2 || at > box.right + 2) continue;
      const double low = figure_.y.place(layer.y_low[i]), high = figure_.y.place(layer.y_high[i]);
      if (std::min(low, high) < box.bottom && std::max(low, high) > box.top) return true;
    }
  }
  return false;
}

bool FigureBuilder::is_kept_out(const PixelBox& box) const {
  return std::any_of(keep_out_.begin(), keep_out_.end(), [&](const PixelBox& kept) { return kept.overlaps(box); });
}

// On either side of the line, from its end inwards.
std::vector<PixelBox> FigureBuilder::caption_places(const RuleLayer& rule, double width, double height) const {
  std::vector<PixelBox> places;
  const PixelBox& area = figure_.axes;
  const double gap = px(3);
  for (const double share : {1.0, 0.0, 0.75, 0.25, 0.5, 0.875, 0.125, 0.625, 0.375}) {
    if (rule.y && figure_.y.shows(*rule.y)) {
      const double y = figure_.y.place(*rule.y);
      const double left = area.left + px(4) + share * (area.right - area.left - width - px(8));
      places.push_back({left, y - gap - height, left + width, y - gap});
      places.push_back({left, y + gap, left + width, y + gap + height});
    }
    if (rule.x && figure_.x.shows(*rule.x)) {
      const double x = figure_.x.place(*rule.x);
      const double top = area.bottom - px(4) - height - share * (area.bottom - area.top - height - px(8));
      places.push_back({x + px(5), top, x + px(5) + width, top + height});
      places.push_back({x - px(5) - width, top, x - px(5), top + height});
    }
  }
  return places;
}

// Where they cover no point; into the notes when there is no such place.
void FigureBuilder::rule_captions() {
  const double size = px(figure_sizes::label), height = (above_baseline + below_baseline) * size;
  std::vector<PixelBox> bars;
  if (!plot_.bars.empty())
    for (const auto& bar : bar_boxes(plot_)) {
      const auto [left, right] = std::minmax({figure_.x.place(bar.x_from), figure_.x.place(bar.x_to)});
      const auto [top, bottom] = std::minmax({figure_.y.place(bar.y_low), figure_.y.place(bar.y_high)});
      bars.push_back({left, top, right, bottom});
    }
  const auto covers_bar = [&](const PixelBox& box) {
    return std::any_of(bars.begin(), bars.end(), [&](const PixelBox& bar) { return bar.overlaps(box); });
  };
  for (const auto& rule : plot_.rules) {
    const std::string text = clean_text(rule.caption);
    const std::string where = rule.y   ? "y = " + tick_text(plot_.y, *rule.y)
                              : rule.x ? "x = " + tick_text(plot_.x, *rule.x)
                                       : "";
    if ((rule.y && !figure_.y.shows(*rule.y)) || (rule.x && !figure_.x.shows(*rule.x))) {
      figure_.outside.push_back("line at " + where + (text.empty() ? "" : " (" + text + ")"));
      continue;
    }
    if (text.empty()) continue;
    const auto places = caption_places(rule, text_width_px(text, size), height);
    const auto free = std::find_if(places.begin(), places.end(), [&](const PixelBox& box) {
      return figure_.axes.contains(box) && !covers_marker(box) && !covers_bar(box) && !is_kept_out(box);
    });
    if (free == places.end()) {
      notes_.push_back("Line at " + where + ": " + text);
      continue;
    }
    keep_out_.push_back(*free);
    add_text(free->left, free->top + above_baseline * size, size, text, Anchor::Start, Ink::Muted).halo = true;
  }
}

void FigureBuilder::add_line(const std::vector<double>& xs, const std::vector<double>& ys) {
  for (std::size_t i = 1; i < xs.size(); ++i) {
    const PixelSegment piece = {{figure_.x.place(xs[i - 1]), figure_.y.place(ys[i - 1])},
                                {figure_.x.place(xs[i]), figure_.y.place(ys[i])}};
    if (std::isfinite(piece.from.x + piece.from.y + piece.to.x + piece.to.y) && piece.crosses(figure_.axes))
      drawn_lines_.push_back(piece);
  }
}

// Lines, rules and error bars: what texts had better not stand on.
void FigureBuilder::collect_lines() {
  for (const auto& layer : plot_.lines) add_line(layer.x, layer.y);
  for (const auto& rule : plot_.rules) {
    if (rule.y && figure_.y.shows(*rule.y)) add_line({figure_.x.low, figure_.x.high}, {*rule.y, *rule.y});
    if (rule.x && figure_.x.shows(*rule.x)) add_line({*rule.x, *rule.x}, {figure_.y.low, figure_.y.high});
  }
  for (const auto& layer : plot_.points)
    for (std::size_t i = 0; i < layer.y_low.size(); ++i)
      if (figure_.x.shows(layer.x[i]) && figure_.y.shows(layer.y[i]))
        add_line({layer.x[i], layer.x[i]}, {layer.y_low[i], layer.y_high[i]});
}

void FigureBuilder::point_labels() {
  LabelObstacles obstacles;
  const PixelBox& axes = figure_.axes;
  obstacles.area = {axes.left + px(3), axes.top, axes.right, axes.bottom - px(2)};
  obstacles.keep_out = keep_out_;
  obstacles.lines = drawn_lines_;
  const double size = px(figure_sizes::label);
  std::vector<LabelRequest> requests;
  std::vector<std::string> names;
  for (const auto& layer : plot_.points) {
    const double radius = marker_radius(figure_, layer);
    for (std::size_t i = 0; i < layer.x.size(); ++i) {
      const std::string name = layer.names.empty() ? "" : clean_text(layer.names[i]);
      if (!figure_.x.shows(layer.x[i]) || !figure_.y.shows(layer.y[i])) {
        figure_.outside.push_back(name.empty() ? "a point of \"" + clean_text(layer.legend) + "\"" : name);
        continue;
      }
      const bool wanted = !layer.labelled.empty() && layer.labelled[i] && !name.empty();
      if (wanted) {
        requests.push_back(
            {obstacles.markers.size(), text_width_px(name, size), (above_baseline + below_baseline) * size});
        names.push_back(name);
      }
      obstacles.markers.push_back({{figure_.x.place(layer.x[i]), figure_.y.place(layer.y[i])}, radius});
    }
  }
  const auto placed = place_labels(requests, obstacles, px(2.5));
  for (std::size_t k = 0; k < placed.size(); ++k) {
    if (!placed[k].placed) {
      figure_.unlabelled.push_back(names[k]);
      continue;
    }
    figure_.labels.push_back({placed[k].box.left,
                              placed[k].box.top + above_baseline * size,
                              size,
                              names[k],
                              Anchor::Start,
                              Ink::Text,
                              false,
                              true,
                              {}});
    if (placed[k].has_leader) figure_.leaders.push_back(placed[k].leader);
  }
}

}  // namespace isoflop
