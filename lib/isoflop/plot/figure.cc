#include "isoflop/plot/figure.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "isoflop/plot/text_metrics.h"

namespace isoflop {
namespace {

// Type sizes and distances in px at unit 1.
constexpr double title_size = 22, subtitle_size = 15, text_size = 14, tick_size = 13.5, label_size = 13, note_size = 12;
constexpr double edge = 20, line_factor = 1.3;
// The baseline of a line of text below its top, and the depth of descenders, in em (DejaVu Sans draws 0.76 and 0.24).
constexpr double above_baseline = 0.83, below_baseline = 0.27;

struct LegendEntry {
  std::string text;
  LegendKey key;
};

class FigureBuilder {
 public:
  FigureBuilder(const PlotSpec& plot, double unit, int height, std::size_t note_lines) : plot_(plot) {
    figure_.plot = &plot;
    figure_.width = plot.width_px;
    figure_.height = height;
    figure_.unit = unit;
    figure_.x = x_range(plot);
    figure_.y = y_range(plot);
    reserved_note_lines_ = note_lines;
  }

  Figure build() {
    header();
    legend();
    axis_titles_and_box();
    bar_values();
    tick_texts();
    heat();
    rule_captions();
    point_labels();
    footer();
    return std::move(figure_);
  }

 private:
  double px(double size) const { return size * figure_.unit; }
  double full_width() const { return figure_.width - 2 * px(edge); }

  FigureText& add_text(double x, double y, double size, std::string text, Anchor anchor = Anchor::Start, Ink ink = Ink::Text) {
    figure_.texts.push_back({x, y, size, std::move(text), anchor, ink, false, false, {}});
    return figure_.texts.back();
  }

  // Wrapped lines from `top_` downwards; a little smaller where that saves the last line.
  void paragraph(const std::string& text, double size, Ink ink, bool bold) {
    const std::string cleaned = clean_text(text);
    const double needed = text_width_px(cleaned, size, bold);
    if (needed > full_width() && needed * 0.85 <= full_width()) size *= full_width() / needed * 0.999;
    for (const auto& line : wrap_text_evenly(cleaned, full_width(), size, bold)) {
      add_text(px(edge), top_ + above_baseline * size, size, line, Anchor::Start, ink).bold = bold;
      top_ += line_factor * size;
    }
  }

  void header() {
    top_ = px(edge) * 0.9;
    paragraph(plot_.title, px(title_size), Ink::Text, true);
    if (!plot_.subtitle.empty()) top_ += px(3);
    paragraph(plot_.subtitle, px(subtitle_size), Ink::Muted, false);
    top_ += px(8);
  }

  std::vector<LegendEntry> legend_entries() const {
    std::vector<LegendEntry> entries;
    const auto add = [&](const std::string& text, LegendKey key) {
      if (!text.empty()) entries.push_back({clean_text(text), key});
    };
    for (const auto& layer : plot_.points)
      add(layer.legend, {KeyKind::Marker, 0, 0, px(14), layer.marker, Dash::Solid, layer.colour, 0, 1});
    for (const auto& layer : plot_.bars)
      add(layer.legend, {KeyKind::Bar, 0, 0, px(14), Marker::Square, Dash::Solid, layer.colour, 0, 1});
    for (const auto& layer : plot_.lines)
      add(layer.legend, {KeyKind::Line, 0, 0, px(28), Marker::Circle, layer.dash, layer.colour, layer.width, 1});
    for (const auto& layer : plot_.bands)
      add(layer.legend, {KeyKind::Band, 0, 0, px(24), Marker::Circle, Dash::Solid, layer.colour, 0, layer.opacity});
    return entries;
  }

  // Rows above the axes, so that the legend never stands on data.
  void legend() {
    const double size = px(text_size), gap = px(7), between = px(20), row_height = 1.5 * size;
    double left = px(edge);
    bool any = false;
    for (auto& entry : legend_entries()) {
      const double room = full_width() - entry.key.width - gap;
      const auto lines = wrap_text(entry.text, room, size);
      const double width = entry.key.width + gap + text_width_px(lines.empty() ? "" : lines[0], size);
      if (any && left + width > figure_.width - px(edge)) {
        left = px(edge);
        top_ += row_height;
      }
      entry.key.x = left + entry.key.width / 2;
      entry.key.y = top_ + row_height / 2;
      figure_.keys.push_back(entry.key);
      for (std::size_t k = 0; k < lines.size(); ++k) {
        if (k > 0) top_ += row_height;
        add_text(left + entry.key.width + gap, top_ + row_height / 2 + 0.36 * size, size, lines[k]);
      }
      left = lines.size() > 1 ? figure_.width : left + width + between;
      any = true;
    }
    if (any) top_ += row_height + px(9);
  }

  TickRoom x_room() const {
    TickRoom room;
    room.place = [this](double v) { return figure_.x.place(v); };
    room.extent = [this](const std::string& label) { return text_width_px(label, px(tick_size)); };
    room.gap_px = px(14);
    room.spacing_px = px(56);
    return room;
  }

  TickRoom y_room() const {
    TickRoom room;
    room.place = [this](double v) { return figure_.y.place(v); };
    room.extent = [this](const std::string&) { return px(tick_size); };
    room.gap_px = px(tick_size);
    room.spacing_px = px(42);
    return room;
  }

  void axis_titles_and_box() {
    const double size = px(text_size), tick = px(tick_size), note = px(note_size);
    const std::string heat_title = plot_.heat.empty() ? "" : clean_text(plot_.heat.front().legend);
    const auto y_lines = wrap_text(clean_text(plot_.y.title), full_width(), size);
    const auto heat_lines = wrap_text(heat_title, full_width(), size);
    const bool share_row = y_lines.size() <= 1 && heat_lines.size() == 1 &&
                           text_width_px(clean_text(plot_.y.title), size) + text_width_px(heat_title, size) + px(30) < full_width();
    for (const auto& line : y_lines) {
      add_text(px(edge), top_ + above_baseline * size, size, line, Anchor::Start, Ink::Muted);
      top_ += line_factor * size;
    }
    if (share_row) {
      if (y_lines.empty()) top_ += line_factor * size;
      add_text(figure_.width - px(edge), top_ - (line_factor - above_baseline) * size, size, heat_lines[0], Anchor::End, Ink::Muted);
    } else {
      for (const auto& line : heat_lines) {
        add_text(figure_.width - px(edge), top_ + above_baseline * size, size, line, Anchor::End, Ink::Muted);
        top_ += line_factor * size;
      }
    }
    top_ += px(8);

    double bottom = figure_.height - px(edge) * 0.7;
    source_lines_ = wrap_text(clean_text(plot_.source), full_width(), note);
    note_bottom_ = bottom;
    const std::size_t note_lines = source_lines_.size() + reserved_note_lines_;
    bottom -= static_cast<double>(note_lines) * line_factor * note;
    if (note_lines > 0) bottom -= px(8);
    const auto x_lines = wrap_text(clean_text(plot_.x.title), full_width(), size);
    const double x_title_top = bottom - static_cast<double>(x_lines.size()) * line_factor * size;
    bottom = x_title_top - (x_lines.empty() ? 0 : px(3)) - px(9) - 1.15 * tick;

    figure_.axes = {px(edge), top_, figure_.width - px(edge), bottom};
    if (!plot_.heat.empty()) prepare_heat();
    for (int pass = 0; pass < 2; ++pass) {
      place_axes();
      figure_.y_ticks = plot_.bars.empty() ? make_ticks(plot_.y, figure_.y.low, figure_.y.high, y_room()) : Ticks{};
      figure_.axes.left = px(edge) + y_label_width() + px(9);
      place_axes();
      figure_.x_ticks = make_ticks(plot_.x, figure_.x.low, figure_.x.high, x_room());
      double right = figure_.width - px(edge) - colour_bar_room();
      for (const auto& t : figure_.x_ticks.major) {
        const double over = figure_.x.place(t.at) + text_width_px(t.label, tick) / 2 - (figure_.width - px(6));
        if (over > 0) right = std::min(right, figure_.axes.right - over);
        const double under = px(6) - (figure_.x.place(t.at) - text_width_px(t.label, tick) / 2);
        if (under > 0) figure_.axes.left += under;
      }
      figure_.axes.right = right;
    }
    place_axes();
    for (std::size_t k = 0; k < x_lines.size(); ++k) {
      const double half = text_width_px(x_lines[k], size) / 2;
      const double middle = std::clamp((figure_.axes.left + figure_.axes.right) / 2, px(edge) + half, std::max(px(edge) + half, figure_.width - px(edge) - half));
      add_text(middle, x_title_top + static_cast<double>(k) * line_factor * size + above_baseline * size, size, x_lines[k],
               Anchor::Middle, Ink::Muted);
    }
  }

  void place_axes() {
    figure_.x.low_px = figure_.axes.left;
    figure_.x.high_px = figure_.axes.right;
    figure_.y.low_px = figure_.axes.bottom;
    figure_.y.high_px = figure_.axes.top;
  }

  double y_label_width() {
    double widest = 0;
    if (plot_.bars.empty()) {
      for (const auto& t : figure_.y_ticks.major) widest = std::max(widest, text_width_px(t.label, px(tick_size)));
      return widest;
    }
    categories_.clear();
    const double most = 0.4 * full_width();
    for (const auto& name : bar_categories(plot_)) {
      categories_.push_back(wrap_text(clean_text(name), most, px(tick_size)));
      for (const auto& line : categories_.back()) widest = std::max(widest, text_width_px(line, px(tick_size)));
    }
    return widest;
  }

  void tick_texts() {
    const double size = px(tick_size);
    for (const auto& t : figure_.x_ticks.major)
      add_text(figure_.x.place(t.at), figure_.axes.bottom + px(9) + above_baseline * size, size, t.label, Anchor::Middle);
    for (const auto& t : figure_.y_ticks.major)
      add_text(figure_.axes.left - px(9), figure_.y.place(t.at) + 0.36 * size, size, t.label, Anchor::End);
    for (std::size_t k = 0; k < categories_.size(); ++k) {
      const double middle = figure_.y.place(static_cast<double>(categories_.size() - 1 - k));
      const auto& lines = categories_[k];
      for (std::size_t i = 0; i < lines.size(); ++i) {
        const double shift = (static_cast<double>(i) - (static_cast<double>(lines.size()) - 1) / 2) * 1.12 * size;
        add_text(figure_.axes.left - px(9), middle + shift + 0.36 * size, size, lines[i], Anchor::End);
      }
    }
  }

  // Numbers at the ends of bars; the x axis is widened until they fit.
  void bar_values() {
    if (plot_.bars.empty() || plot_.x.scale == Scale::Date) return;
    const bool stacked = plot_.stacked && plot_.bars.size() > 1;
    struct End {
      double at, middle;
      std::string text;
    };
    std::vector<End> ends;
    const auto boxes = bar_boxes(plot_);
    const auto thickness = std::fabs(figure_.y.place(boxes.empty() ? 1 : boxes[0].y_high) - figure_.y.place(boxes.empty() ? 0 : boxes[0].y_low));
    if (thickness < px(label_size) * 0.9) return;
    std::vector<double> totals(categories_.size(), 0), far(categories_.size(), 0);
    for (const auto& box : boxes) {
      const double middle = (box.y_low + box.y_high) / 2;
      const double end = std::max({box.x_from, box.x_to, box.has_interval ? box.interval_high : box.x_to});
      if (!stacked) {
        ends.push_back({end, middle, tick_text(plot_.x, box.x_to)});
      } else {
        const auto k = static_cast<std::size_t>(std::lround(middle));
        totals[k] += box.x_to - box.x_from;
        far[k] = std::max(far[k], end);
      }
    }
    if (stacked)
      for (std::size_t k = 0; k < totals.size(); ++k) ends.push_back({far[k], static_cast<double>(k), tick_text(plot_.x, totals[k])});
    const double size = px(label_size);
    if (plot_.x.scale == Scale::Linear && !plot_.x.high) {
      double high = figure_.x.high;
      for (const auto& end : ends) {
        const double room = figure_.axes.right - figure_.axes.left - text_width_px(end.text, size) - px(10);
        if (room > 0) high = std::max(high, figure_.x.low + (end.at - figure_.x.low) * (figure_.axes.right - figure_.axes.left) / room);
      }
      figure_.x.high = high;
      figure_.x_ticks = make_ticks(plot_.x, figure_.x.low, figure_.x.high, x_room());
    }
    for (const auto& end : ends) {
      const double left = figure_.x.place(std::max(end.at, figure_.x.low)) + px(6);
      if (left + text_width_px(end.text, size) > figure_.width - px(4)) continue;
      add_text(left, figure_.y.place(end.middle) + 0.36 * size, size, end.text).halo = true;
    }
  }

  void prepare_heat() {
    const HeatLayer& layer = plot_.heat.front();
    bool any = false;
    for (const double z : layer.z) {
      if (!std::isfinite(z) || (layer.scale == Scale::Log && z <= 0)) continue;
      figure_.heat_low = any ? std::min(figure_.heat_low, z) : z;
      figure_.heat_high = any ? std::max(figure_.heat_high, z) : z;
      any = true;
    }
    if (!any) figure_.heat_low = layer.scale == Scale::Log ? 1 : 0;
    if (!(figure_.heat_high > figure_.heat_low)) figure_.heat_high = figure_.heat_low + (figure_.heat_low == 0 ? 1 : std::fabs(figure_.heat_low));
    heat_axis_.scale = layer.scale == Scale::Date ? Scale::Linear : layer.scale;
    AxisMap map;
    map.scale = heat_axis_.scale;
    map.low = figure_.heat_low, map.high = figure_.heat_high;
    map.low_px = figure_.axes.bottom, map.high_px = figure_.axes.top;
    TickRoom room = y_room();
    room.place = [map](double v) { return map.place(v); };
    heat_ticks_ = make_ticks(heat_axis_, map.low, map.high, room);
  }

  double colour_bar_room() const {
    if (plot_.heat.empty()) return 0;
    double widest = 0;
    for (const auto& t : heat_ticks_.major) widest = std::max(widest, text_width_px(t.label, px(tick_size)));
    return px(16) + px(16) + px(6) + widest;
  }

  void heat() {
    if (plot_.heat.empty()) return;
    const HeatLayer& layer = plot_.heat.front();
    const double left = figure_.axes.right + px(16);
    figure_.colour_bar = {left, figure_.axes.top, left + px(16), figure_.axes.bottom};
    AxisMap map;
    map.scale = heat_axis_.scale;
    map.low = figure_.heat_low, map.high = figure_.heat_high;
    map.low_px = figure_.axes.bottom, map.high_px = figure_.axes.top;
    for (const auto& t : heat_ticks_.major)
      add_text(figure_.colour_bar.right + px(6), map.place(t.at) + 0.36 * px(tick_size), px(tick_size), t.label);
    if (!layer.contours) return;
    for (const auto& t : heat_ticks_.major)
      for (const auto& line : contour_lines(layer, t.at, plot_.x.scale, plot_.y.scale)) {
        std::vector<PixelPoint> path;
        for (const auto& [x, y] : line) path.push_back({figure_.x.place(x), figure_.y.place(y)});
        const double share = isoflop::heat_share(figure_, t.at);
        contour_label(path, t.label, share);
        figure_.contours.push_back({line, share});
      }
  }

  // The level is written at the middle of a line long enough to bear it.
  void contour_label(const std::vector<PixelPoint>& path, const std::string& text, double heat_share) {
    double length = 0;
    for (std::size_t i = 1; i < path.size(); ++i)
      length += std::hypot(path[i].x - path[i - 1].x, path[i].y - path[i - 1].y);
    const double size = px(note_size);
    if (length < px(110)) return;
    for (const double share : {0.5, 0.35, 0.65, 0.2, 0.8}) {
      const auto& at = path[static_cast<std::size_t>(share * static_cast<double>(path.size() - 1))];
      FigureText label{at.x, at.y + 0.36 * size, size, text, Anchor::Middle, Ink::Text, false, true, heat_share};
      const PixelBox box = label.box();
      if (!figure_.axes.contains(box)) continue;
      if (std::any_of(keep_out_.begin(), keep_out_.end(), [&](const PixelBox& kept) { return kept.overlaps(box); })) continue;
      if (covers_marker(box)) continue;
      keep_out_.push_back(box);
      figure_.texts.push_back(label);
      return;
    }
  }

  bool covers_marker(const PixelBox& box) const {
    for (const auto& layer : plot_.points) {
      const double radius = marker_radius(figure_, layer);
      for (std::size_t i = 0; i < layer.x.size(); ++i)
        if (figure_.x.shows(layer.x[i]) && figure_.y.shows(layer.y[i]) &&
            box.distance({figure_.x.place(layer.x[i]), figure_.y.place(layer.y[i])}) < radius + 1)
          return true;
    }
    return false;
  }

  // Along its line, on either side, where it covers no point; into the notes when there is no such place.
  void rule_captions() {
    const double size = px(label_size), height = (above_baseline + below_baseline) * size, gap = px(3);
    for (const auto& rule : plot_.rules) {
      if (rule.caption.empty()) continue;
      const std::string text = clean_text(rule.caption);
      const double width = text_width_px(text, size);
      std::vector<PixelBox> places;
      const PixelBox& area = figure_.axes;
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
      const auto free = std::find_if(places.begin(), places.end(), [&](const PixelBox& box) {
        return area.contains(box) && !covers_marker(box) &&
               std::none_of(keep_out_.begin(), keep_out_.end(), [&](const PixelBox& kept) { return kept.overlaps(box); });
      });
      if (free == places.end()) {
        const std::string where = rule.y ? "y = " + tick_text(plot_.y, *rule.y) : rule.x ? "x = " + tick_text(plot_.x, *rule.x) : "";
        notes_.push_back("Line at " + where + ": " + text);
        continue;
      }
      keep_out_.push_back(*free);
      add_text(free->left, free->top + above_baseline * size, size, text, Anchor::Start, Ink::Muted).halo = true;
    }
  }

  void add_line(LabelObstacles& obstacles, const std::vector<double>& xs, const std::vector<double>& ys) const {
    for (std::size_t i = 1; i < xs.size(); ++i) {
      const PixelSegment piece = {{figure_.x.place(xs[i - 1]), figure_.y.place(ys[i - 1])}, {figure_.x.place(xs[i]), figure_.y.place(ys[i])}};
      if (std::isfinite(piece.from.x + piece.from.y + piece.to.x + piece.to.y) && piece.crosses(figure_.axes)) obstacles.lines.push_back(piece);
    }
  }

  void point_labels() {
    LabelObstacles obstacles;
    obstacles.area = figure_.axes;
    obstacles.keep_out = keep_out_;
    for (const auto& layer : plot_.lines) add_line(obstacles, layer.x, layer.y);
    for (const auto& rule : plot_.rules) {
      if (rule.y && figure_.y.shows(*rule.y)) add_line(obstacles, {figure_.x.low, figure_.x.high}, {*rule.y, *rule.y});
      if (rule.x && figure_.x.shows(*rule.x)) add_line(obstacles, {*rule.x, *rule.x}, {figure_.y.low, figure_.y.high});
    }
    const double size = px(label_size);
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
        if (!layer.y_low.empty()) add_line(obstacles, {layer.x[i], layer.x[i]}, {layer.y_low[i], layer.y_high[i]});
        const bool wanted = !layer.labelled.empty() && layer.labelled[i] && !name.empty();
        if (wanted) {
          requests.push_back({obstacles.markers.size(), text_width_px(name, size), (above_baseline + below_baseline) * size});
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
      figure_.labels.push_back({placed[k].box.left, placed[k].box.top + above_baseline * size, size, names[k], Anchor::Start, Ink::Text, false, true, {}});
      if (placed[k].has_leader) figure_.leaders.push_back(placed[k].leader);
    }
  }

  static std::string listed(const std::string& heading, const std::vector<std::string>& names, std::size_t most) {
    std::string text = heading;
    for (std::size_t i = 0; i < std::min(names.size(), most); ++i) text += (i == 0 ? " " : ", ") + names[i];
    if (names.size() > most) text += " and " + std::to_string(names.size() - most) + " more";
    return text + ".";
  }

  void footer() {
    // A crowd of names would push out the plot; the CSV behind the plot has them all.
    constexpr std::size_t most_names = 40;
    if (!figure_.unlabelled.empty()) notes_.push_back(listed("Not labelled for lack of room:", figure_.unlabelled, most_names));
    if (!figure_.outside.empty()) notes_.push_back(listed("Outside the axes:", figure_.outside, most_names));
    const double size = px(note_size);
    std::vector<std::string> lines;
    for (const auto& note : notes_)
      for (auto& line : wrap_text(note, full_width(), size)) lines.push_back(std::move(line));
    needed_note_lines = lines.size();
    if (lines.size() > reserved_note_lines_) return;
    lines.insert(lines.end(), source_lines_.begin(), source_lines_.end());
    double baseline = note_bottom_ - below_baseline * size - line_factor * size * (static_cast<double>(lines.size()) - 1);
    for (auto& line : lines) {
      add_text(px(edge), baseline, size, line, Anchor::Start, Ink::Muted);
      baseline += line_factor * size;
    }
  }

 public:
  std::size_t needed_note_lines = 0;

 private:
  const PlotSpec& plot_;
  Figure figure_;
  double top_ = 0, note_bottom_ = 0;
  std::size_t reserved_note_lines_ = 0;
  std::vector<std::string> source_lines_, notes_;
  std::vector<std::vector<std::string>> categories_;
  std::vector<PixelBox> keep_out_;
  Axis heat_axis_;
  Ticks heat_ticks_;
};

// Dropped labels go into notes, notes take room, and less room may drop more labels: repeated until it holds.
Figure settled(const PlotSpec& plot, double unit, int height) {
  std::size_t note_lines = 0;
  for (int pass = 0;; ++pass) {
    FigureBuilder builder(plot, unit, height, note_lines);
    Figure figure = builder.build();
    if (builder.needed_note_lines <= note_lines) return figure;
    note_lines = builder.needed_note_lines + (pass > 3 ? 2 : 0);
  }
}

// What the axes box needs at least, in px.
double least_axes_height(const PlotSpec& plot, double unit) {
  if (plot.bars.empty()) return 0;
  const double bars = plot.stacked ? 1 : static_cast<double>(plot.bars.size());
  return static_cast<double>(bar_categories(plot).size()) * std::max(18.0, 11.0 * bars) * unit;
}

}  // namespace

PixelBox FigureText::box() const {
  const double width = text_width_px(text, size, bold);
  const double left = anchor == Anchor::Start ? x : anchor == Anchor::End ? x - width : x - width / 2;
  return {left, y - above_baseline * size, left + width, y + below_baseline * size};
}

double marker_radius(const Figure& figure, const PointLayer& layer) { return 4.8 * figure.unit * layer.size; }

double heat_share(const Figure& figure, double z) {
  const bool log = !figure.plot->heat.empty() && figure.plot->heat.front().scale == Scale::Log;
  const double share = log ? std::log(z / figure.heat_low) / std::log(figure.heat_high / figure.heat_low)
                           : (z - figure.heat_low) / (figure.heat_high - figure.heat_low);
  return std::clamp(share, 0.0, 1.0);
}

Figure lay_out(const PlotSpec& plot) {
  check_plot(plot);
  const double natural = std::sqrt(static_cast<double>(plot.width_px) * plot.height_px / (960.0 * 600.0));
  const double unit = std::clamp(natural, 0.8, 3.0);
  Figure figure;
  for (const double shrink : {1.0, 0.9, 0.8}) {
    figure = settled(plot, unit * shrink, plot.height_px);
    const double height = figure.axes.bottom - figure.axes.top;
    if (height >= 0.45 * plot.height_px && height >= least_axes_height(plot, figure.unit)) return figure;
  }
  // Much text in a small picture, or many bars: the picture grows downwards rather than losing any of it.
  const double least = std::max(0.4 * plot.height_px, least_axes_height(plot, figure.unit));
  for (int pass = 0; pass < 3; ++pass) {
    const double height = figure.axes.bottom - figure.axes.top;
    if (height >= least - 1) break;
    figure = settled(plot, figure.unit, figure.height + static_cast<int>(std::ceil(least - height)));
  }
  return figure;
}

}  // namespace isoflop
