#include <algorithm>
#include <cmath>

#include "isoflop/plot/figure_builder.h"
#include "isoflop/plot/line_styles.h"
#include "isoflop/plot/text_metrics.h"

namespace isoflop {

using figure_sizes::above_baseline, figure_sizes::below_baseline, figure_sizes::edge, figure_sizes::half_digit,
    figure_sizes::line_factor;

namespace {

std::string listed(const std::string& heading, const std::vector<std::string>& names, std::size_t most) {
  std::string text = heading;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i) text += (i == 0 ? " " : ", ") + names[i];
  if (names.size() > most) text += " and " + std::to_string(names.size() - most) + " more";
  return text + ".";
}

}  // namespace

FigureBuilder::FigureBuilder(const PlotSpec& plot, double unit, int height, std::size_t note_lines) : plot_(plot) {
  figure_.plot = &plot;
  figure_.width = plot.width_px;
  figure_.height = height;
  figure_.unit = unit;
  figure_.x = x_range(plot);
  figure_.y = y_range(plot);
  reserved_note_lines_ = note_lines;
}

Figure FigureBuilder::build() {
  header();
  legend();
  upper_titles();
  axes_box(lower_titles());
  bar_values();
  tick_texts();
  collect_lines();
  heat();
  rule_captions();
  point_labels();
  footer();
  return std::move(figure_);
}

FigureText& FigureBuilder::add_text(double x, double y, double size, std::string text, Anchor anchor, Ink ink) {
  figure_.texts.push_back({x, y, size, std::move(text), anchor, ink, false, false, {}});
  return figure_.texts.back();
}

// Wrapped lines from `top_` downwards; a little smaller where that saves the last line.
void FigureBuilder::paragraph(const std::string& text, double size, Ink ink, bool bold) {
  const std::string cleaned = clean_text(text);
  const double needed = text_width_px(cleaned, size, bold);
  if (needed > full_width() && needed * 0.85 <= full_width()) size *= full_width() / needed * 0.999;
  for (const auto& line : wrap_text_evenly(cleaned, full_width(), size, bold)) {
    add_text(px(edge), top_ + above_baseline * size, size, line, Anchor::Start, ink).bold = bold;
    top_ += line_factor * size;
  }
}

void FigureBuilder::header() {
  top_ = px(edge) * 0.9;
  paragraph(plot_.title, px(figure_sizes::title), Ink::Text, true);
  if (!plot_.subtitle.empty()) top_ += px(3);
  paragraph(plot_.subtitle, px(figure_sizes::subtitle), Ink::Muted, false);
  top_ += px(8);
}

std::vector<LegendEntry> FigureBuilder::legend_entries() const {
  std::vector<LegendEntry> entries;
  const auto add = [&](const std::string& text, KeyKind kind, double width, int colour) -> LegendKey& {
    LegendKey key;
    key.kind = kind;
    key.width = px(width);
    key.colour = colour;
    entries.push_back({clean_text(text), key});
    return entries.back().key;
  };
  for (std::size_t k = 0; k < plot_.points.size(); ++k)
    if (!plot_.points[k].legend.empty())
      add(plot_.points[k].legend, KeyKind::Marker, 14, plot_.points[k].colour).marker = marker_of_layer(plot_, k);
  for (const auto& layer : plot_.bars)
    if (!layer.legend.empty()) add(layer.legend, KeyKind::Bar, 14, layer.colour);
  for (std::size_t k = 0; k < plot_.lines.size(); ++k) {
    const LineLayer& layer = plot_.lines[k];
    if (layer.legend.empty()) continue;
    LegendKey& key = add(layer.legend, KeyKind::Line, 34, layer.colour);
    key.dashes = dashes_of_line(plot_, k);
    key.line_width = layer.width;
  }
  for (const auto& layer : plot_.bands)
    if (!layer.legend.empty()) add(layer.legend, KeyKind::Band, 24, layer.colour).opacity = layer.opacity;
  return entries;
}

// Rows above the axes, so that the legend never stands on data.
void FigureBuilder::legend() {
  const double size = px(figure_sizes::text), gap = px(7), between = px(20), row_height = 1.5 * size;
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
      add_text(left + entry.key.width + gap, top_ + row_height / 2 + half_digit * size, size, lines[k]);
    }
    left = lines.size() > 1 ? figure_.width : left + width + between;
    any = true;
  }
  if (any) top_ += row_height + px(9);
}

TickRoom FigureBuilder::x_room() const {
  TickRoom room;
  room.place = [this](double v) { return figure_.x.place(v); };
  room.extent = [this](const std::string& label) { return text_width_px(label, px(figure_sizes::tick)); };
  room.gap_px = px(14);
  room.spacing_px = px(56);
  return room;
}

TickRoom FigureBuilder::y_room() const {
  TickRoom room;
  room.place = [this](double v) { return figure_.y.place(v); };
  room.extent = [this](const std::string&) { return px(figure_sizes::tick); };
  room.gap_px = px(figure_sizes::tick);
  room.spacing_px = px(42);
  return room;
}

// The y axis title and the heading of the colour bar, in one row where both fit.
void FigureBuilder::upper_titles() {
  const double size = px(figure_sizes::text);
  const std::string heat_title = plot_.heat.empty() ? "" : clean_text(plot_.heat.front().legend);
  const auto y_lines = wrap_text(clean_text(plot_.y.title), full_width(), size);
  const auto heat_lines = wrap_text(heat_title, full_width(), size);
  const double both = text_width_px(clean_text(plot_.y.title), size) + text_width_px(heat_title, size) + px(30);
  const bool share_row = y_lines.size() <= 1 && heat_lines.size() == 1 && both < full_width();
  for (const auto& line : y_lines) {
    add_text(px(edge), top_ + above_baseline * size, size, line, Anchor::Start, Ink::Muted);
    top_ += line_factor * size;
  }
  if (share_row && !y_lines.empty()) top_ -= line_factor * size;
  for (const auto& line : heat_lines) {
    add_text(figure_.width - px(edge), top_ + above_baseline * size, size, line, Anchor::End, Ink::Muted);
    top_ += line_factor * size;
  }
  top_ += px(8);
}

// Room for source, notes and the x axis title, from the bottom up; returns where the axes box may end.
double FigureBuilder::lower_titles() {
  const double size = px(figure_sizes::text), note = px(figure_sizes::note);
  double bottom = figure_.height - px(edge) * 0.7;
  source_lines_ = wrap_text(clean_text(plot_.source), full_width(), note);
  note_bottom_ = bottom;
  const std::size_t note_lines = source_lines_.size() + reserved_note_lines_;
  bottom -= static_cast<double>(note_lines) * line_factor * note;
  if (note_lines > 0) bottom -= px(8);
  x_title_lines_ = wrap_text(clean_text(plot_.x.title), full_width(), size);
  x_title_top_ = bottom - static_cast<double>(x_title_lines_.size()) * line_factor * size;
  return x_title_top_ - (x_title_lines_.empty() ? 0 : px(3)) - px(9) - 1.15 * px(figure_sizes::tick);
}

// Ticks depend on the box and the box on their widths: two rounds settle it.
void FigureBuilder::axes_box(double bottom) {
  const double tick = px(figure_sizes::tick);
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
      const double half = text_width_px(t.label, tick) / 2;
      const double over = figure_.x.place(t.at) + half - (figure_.width - px(6));
      if (over > 0) right = std::min(right, figure_.axes.right - over);
      const double under = px(6) - (figure_.x.place(t.at) - half);
      if (under > 0) figure_.axes.left += under;
    }
    figure_.axes.right = right;
  }
  place_axes();
}

void FigureBuilder::place_axes() {
  figure_.x.low_px = figure_.axes.left;
  figure_.x.high_px = figure_.axes.right;
  figure_.y.low_px = figure_.axes.bottom;
  figure_.y.high_px = figure_.axes.top;
}

double FigureBuilder::y_label_width() {
  double widest = 0;
  if (plot_.bars.empty()) {
    for (const auto& t : figure_.y_ticks.major)
      widest = std::max(widest, text_width_px(t.label, px(figure_sizes::tick)));
    return widest;
  }
  categories_.clear();
  const double most = 0.4 * full_width();
  for (const auto& name : bar_categories(plot_)) {
    categories_.push_back(wrap_text_evenly(clean_text(name), most, px(figure_sizes::tick)));
    for (const auto& line : categories_.back()) widest = std::max(widest, text_width_px(line, px(figure_sizes::tick)));
  }
  return widest;
}

void FigureBuilder::tick_texts() {
  const double size = px(figure_sizes::tick), title = px(figure_sizes::text);
  for (std::size_t k = 0; k < x_title_lines_.size(); ++k) {
    const double half = text_width_px(x_title_lines_[k], title) / 2;
    const double least = px(edge) + half, most = std::max(least, figure_.width - px(edge) - half);
    const double middle = std::clamp((figure_.axes.left + figure_.axes.right) / 2, least, most);
    add_text(middle, x_title_top_ + static_cast<double>(k) * line_factor * title + above_baseline * title, title,
             x_title_lines_[k], Anchor::Middle, Ink::Muted);
  }
  for (const auto& t : figure_.x_ticks.major)
    add_text(figure_.x.place(t.at), figure_.axes.bottom + px(9) + above_baseline * size, size, t.label, Anchor::Middle);
  for (const auto& t : figure_.y_ticks.major)
    add_text(figure_.axes.left - px(9), figure_.y.place(t.at) + half_digit * size, size, t.label, Anchor::End);
  for (std::size_t k = 0; k < categories_.size(); ++k) {
    const double middle = figure_.y.place(static_cast<double>(categories_.size() - 1 - k));
    const auto& lines = categories_[k];
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const double shift = (static_cast<double>(i) - (static_cast<double>(lines.size()) - 1) / 2) * 1.12 * size;
      add_text(figure_.axes.left - px(9), middle + shift + half_digit * size, size, lines[i], Anchor::End);
    }
  }
}


void FigureBuilder::footer() {
  // A crowd of names would push out the plot; the CSV behind the plot has them all.
  constexpr std::size_t most_names = 40;
  if (!figure_.unlabelled.empty())
    notes_.push_back(listed("Not labelled for lack of room:", figure_.unlabelled, most_names));
  if (!figure_.outside.empty()) notes_.push_back(listed("Outside the axes:", figure_.outside, most_names));
  const double size = px(figure_sizes::note);
  std::vector<std::string> lines;
  for (const auto& note : notes_)
    for (auto& line : wrap_text(note, full_width(), size)) lines.push_back(std::move(line));
  needed_note_lines_ = lines.size();
  if (lines.size() > reserved_note_lines_) return;
  lines.insert(lines.end(), source_lines_.begin(), source_lines_.end());
  double baseline = note_bottom_ - below_baseline * size - line_factor * size * (static_cast<double>(lines.size()) - 1);
  for (auto& line : lines) {
    add_text(px(edge), baseline, size, line, Anchor::Start, Ink::Muted);
    baseline += line_factor * size;
  }
}

}  // namespace isoflop
