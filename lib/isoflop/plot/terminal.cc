// A picture of text: lines and bands as braille dots (2 x 4 a character), points as symbols, names beside some points.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "isoflop/plot/axis_map.h"
#include "isoflop/plot/contours.h"
#include "isoflop/plot/draw.h"
#include "isoflop/plot/line_styles.h"
#include "isoflop/plot/terminal_text.h"
#include "isoflop/plot/text_metrics.h"
#include "isoflop/plot/ticks.h"

namespace isoflop {
namespace {

struct Cell {
  char32_t glyph = 0;      ///< 0: the braille dots, if any
  unsigned dots = 0;
  int colour = plain_terminal_colour;
  static constexpr int none = plain_terminal_colour;
};

char32_t symbol(Marker marker, bool unicode) {
  switch (marker) {
    case Marker::Circle: return unicode ? U'●' : U'o';
    case Marker::Square: return unicode ? U'■' : U'#';
    case Marker::TriangleUp: return unicode ? U'▲' : U'^';
    case Marker::TriangleDown: return unicode ? U'▼' : U'v';
    case Marker::Diamond: return unicode ? U'◆' : U'*';
    case Marker::Pentagon: return unicode ? U'★' : U'@';
    case Marker::CircleOpen: return unicode ? U'○' : U'c';
    case Marker::SquareOpen: return unicode ? U'□' : U'u';
    case Marker::TriangleUpOpen: return unicode ? U'△' : U'a';
    case Marker::TriangleDownOpen: return unicode ? U'▽' : U'y';
    case Marker::DiamondOpen: return unicode ? U'◇' : U'd';
    case Marker::Cross: return unicode ? U'×' : U'x';
  }
  return U'o';
}

class Canvas {
 public:
  Canvas(std::size_t columns, std::size_t lines, bool unicode)
      : columns_(columns), lines_(lines), unicode_(unicode), cells_(columns * lines) {}

  Cell& at(std::size_t column, std::size_t line) { return cells_[line * columns_ + column]; }
  std::size_t columns() const { return columns_; }
  std::size_t lines() const { return lines_; }

  // In dot units: x from 0 to 2 * columns, y from 0 to 4 * lines, downwards.
  void dot(double x, double y, int colour) {
    if (!(x >= 0 && y >= 0)) return;
    const auto dot_x = static_cast<std::size_t>(x), dot_y = static_cast<std::size_t>(y);
    if (dot_x >= 2 * columns_ || dot_y >= 4 * lines_) return;
    static constexpr std::array<std::array<unsigned, 2>, 4> bits = {
        {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}};
    Cell& cell = at(dot_x / 2, dot_y / 4);
    cell.dots |= bits[dot_y % 4][dot_x % 2];
    if (cell.colour == Cell::none || colour >= 0) cell.colour = colour;
  }

  void line(double x0, double y0, double x1, double y1, int colour, int every = 1) {
    if (!std::isfinite(x0 + y0 + x1 + y1)) return;
    // Far ends are pulled in, so that a steep line costs no time outside the picture.
    const double limit = 8.0 * static_cast<double>(columns_ + lines_);
    const auto steps = static_cast<int>(std::min(limit, std::max({std::fabs(x1 - x0), std::fabs(y1 - y0), 1.0})));
    for (int k = 0; k <= steps; ++k) {
      if (k % every != 0) continue;
      const double share = static_cast<double>(k) / steps;
      dot(x0 + share * (x1 - x0), y0 + share * (y1 - y0), colour);
    }
  }

  bool is_free(long column, long line, std::size_t length) const {
    if (line < 0 || column < 0 || static_cast<std::size_t>(line) >= lines_ ||
        static_cast<std::size_t>(column) + length > columns_)
      return false;
    for (std::size_t k = 0; k < length; ++k)
      if (cells_[static_cast<std::size_t>(line) * columns_ + static_cast<std::size_t>(column) + k].glyph != 0)
        return false;
    return true;
  }

  void write(std::size_t column, std::size_t line, const std::string& text, int colour) {
    for (std::size_t from = 0; from < text.size() && column < columns_; ++column) {
      Cell& cell = at(column, line);
      cell.glyph = next_code_point(text, from);
      cell.colour = colour;
    }
  }

  std::string row(std::size_t line, bool colour) const {
    std::string text;
    int current = Cell::none;
    std::size_t used = columns_;
    while (used > 0 && cells_[line * columns_ + used - 1].glyph == 0 && cells_[line * columns_ + used - 1].dots == 0)
      --used;
    for (std::size_t c = 0; c < used; ++c) {
      const Cell& cell = cells_[line * columns_ + c];
      const bool empty = cell.glyph == 0 && cell.dots == 0;
      const int wanted = empty ? current : cell.colour;
      if (colour && wanted != current) text += wanted == Cell::none ? "\x1b[0m" : terminal_colour(wanted);
      current = wanted;
      if (empty) text += ' ';
      else if (cell.glyph != 0) append_code_point(text, cell.glyph);
      else if (unicode_) append_code_point(text, 0x2800 + cell.dots);
      else text += '.';
    }
    if (colour && current != Cell::none) text += "\x1b[0m";
    return text;
  }

 private:
  std::size_t columns_, lines_;
  bool unicode_;
  std::vector<Cell> cells_;
};

class TerminalPlot {
 public:
  TerminalPlot(const PlotSpec& plot, std::size_t columns, std::size_t lines, bool colour, bool unicode)
      : plot_(plot),
        columns_(std::max<std::size_t>(columns, 30)),
        lines_(std::max<std::size_t>(lines, 8)),
        colour_(colour),
        unicode_(unicode),
        x_(x_range(plot)),
        y_(y_range(plot)) {}

  std::string draw() {
    std::string text = heading();
    const std::size_t foot = 2 + !plot_.x.title.empty();
    const std::size_t head = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    const std::size_t height = lines_ > head + foot + 4 ? lines_ - head - foot : 4;
    y_.low_px = static_cast<double>(4 * height) - 0.5;
    y_.high_px = 0.5;
    TickRoom room;
    room.place = [this](double v) { return y_.place(v); };
    room.extent = [](const std::string&) { return 4.0; };
    room.gap_px = 4;
    room.spacing_px = 12;
    const Ticks y_ticks = make_ticks(plot_.y, y_.low, y_.high, room);
    std::size_t margin = 0;
    for (const auto& t : y_ticks.major) margin = std::max(margin, character_count(shown(t.label)));
    margin = std::min(margin, columns_ / 3);
    Canvas canvas(columns_ - margin - 1, height, unicode_);
    x_.low_px = 0.5;
    x_.high_px = 2 * static_cast<double>(canvas.columns()) - 0.5;
    marks(canvas);
    for (std::size_t line = 0; line < height; ++line) {
      std::string label;
      for (const auto& t : y_ticks.major)
        if (static_cast<std::size_t>(y_.place(t.at)) / 4 == line) label = shown(t.label);
      text += std::string(margin - std::min(margin, character_count(label)), ' ') + label +
              (label.empty() ? (unicode_ ? "│" : "|") : (unicode_ ? "┤" : "+")) + canvas.row(line, colour_) + "\n";
    }
    return text + x_axis(margin, canvas.columns());
  }

 private:
  std::string shown(const std::string& text) const { return terminal_text(text, unicode_); }
  std::string cut(const std::string& text, std::size_t room) const { return cut_terminal_text(text, room, unicode_); }

  std::string heading() const {
    std::string text = cut(shown(plot_.title), columns_) + "\n";
    std::string line;
    std::size_t used = 0;
    const auto entry = [&](const std::string& sample, const std::string& legend, int colour) {
      if (legend.empty()) return;
      const std::string caption = cut(shown(legend), columns_ - character_count(sample) - 1);
      const std::size_t width = character_count(sample) + 1 + character_count(caption);
      if (used > 0 && used + 2 + width > columns_) {
        text += line + "\n";
        line.clear();
        used = 0;
      }
      if (used > 0) line += "  ", used += 2;
      line += (colour_ ? terminal_colour(colour) : "") + sample + (colour_ ? "\x1b[0m" : "") + " " + caption;
      used += width;
    };
    for (std::size_t k = 0; k < plot_.points.size(); ++k) {
      std::string sample;
      append_code_point(sample, symbol(marker_of_layer(plot_, k), unicode_));
      entry(sample, plot_.points[k].legend, plot_.points[k].colour);
    }
    for (const auto& l : plot_.lines) entry(unicode_ ? "⣀⣀" : "..", l.legend, l.colour);
    for (const auto& l : plot_.bands)
      entry(unicode_ ? "⢐⢐" : "..", l.legend.empty() ? "" : l.legend + " (edges)", l.colour);
    if (used > 0) text += line + "\n";
    if (!plot_.y.title.empty()) text += cut(shown(plot_.y.title), columns_) + "\n";
    return text;
  }

  void path(Canvas& canvas, const std::vector<double>& x, const std::vector<double>& y, int colour, int every) const {
    for (std::size_t i = 1; i < x.size(); ++i)
      canvas.line(x_.place(x[i - 1]), y_.place(y[i - 1]), x_.place(x[i]), y_.place(y[i]), colour, every);
  }

  void marks(Canvas& canvas) const {
    for (const auto& l : plot_.heat)
      for (const double share : {0.1, 0.3, 0.5, 0.7, 0.9}) contour(canvas, l, share);
    for (const auto& l : plot_.bands) {
      path(canvas, l.x, l.low, l.colour, 3);
      path(canvas, l.x, l.high, l.colour, 3);
    }
    for (const auto& l : plot_.rules) {
      if (l.y) canvas.line(x_.low_px, y_.place(*l.y), x_.high_px, y_.place(*l.y), -1, 2);
      if (l.x) canvas.line(x_.place(*l.x), y_.low_px, x_.place(*l.x), y_.high_px, -1, 2);
    }
    for (const auto& l : plot_.lines) path(canvas, l.x, l.y, l.colour, l.dash == Dash::Solid ? 1 : 2);
    for (std::size_t k = 0; k < plot_.points.size(); ++k) {
      const PointLayer& l = plot_.points[k];
      for (std::size_t i = 0; i < l.x.size(); ++i)
        if (x_.shows(l.x[i]) && y_.shows(l.y[i])) {
          Cell& cell = canvas.at(column(l.x[i], canvas), line(l.y[i], canvas));
          cell.glyph = symbol(marker_of_layer(plot_, k), unicode_);
          cell.colour = l.colour;
        }
    }
    for (const auto& l : plot_.points)
      for (std::size_t i = 0; i < l.labelled.size(); ++i)
        if (l.labelled[i] && x_.shows(l.x[i]) && y_.shows(l.y[i])) name(canvas, l, i);
  }

  void contour(Canvas& canvas, const HeatLayer& heat, double share) const {
    std::optional<double> low, high;
    for (const double z : heat.z)
      if (std::isfinite(z) && (heat.scale != Scale::Log || z > 0)) {
        low = std::min(low.value_or(z), z);
        high = std::max(high.value_or(z), z);
      }
    if (!low || *low == *high) return;
    const double level =
        heat.scale == Scale::Log ? *low * std::pow(*high / *low, share) : *low + share * (*high - *low);
    for (const auto& piece : contour_lines(heat, level, plot_.x.scale, plot_.y.scale)) {
      std::vector<double> x, y;
      for (const auto& [a, b] : piece) x.push_back(a), y.push_back(b);
      path(canvas, x, y, static_cast<int>(share * 5), 1);
    }
  }

  std::size_t column(double x, const Canvas& canvas) const {
    return std::min(canvas.columns() - 1, static_cast<std::size_t>(std::max(0.0, x_.place(x))) / 2);
  }
  std::size_t line(double y, const Canvas& canvas) const {
    return std::min(canvas.lines() - 1, static_cast<std::size_t>(std::max(0.0, y_.place(y))) / 4);
  }

  // Right, left, above or below its point, where nothing stands; else not at all.
  void name(Canvas& canvas, const PointLayer& layer, std::size_t i) const {
    const std::string text = shown(layer.names[i]);
    const std::size_t length = character_count(text);
    const long c = static_cast<long>(column(layer.x[i], canvas)), l = static_cast<long>(line(layer.y[i], canvas));
    const long n = static_cast<long>(length);
    const std::array<std::pair<long, long>, 4> places = {
        {{c + 2, l}, {c - 1 - n, l}, {c - n / 2, l - 1}, {c - n / 2, l + 1}}};
    for (const auto& [left, row] : places) {
      // A blank on both sides keeps names apart.
      if (!canvas.is_free(left, row, length) || (left > 0 && left - 1 != c && !canvas.is_free(left - 1, row, 1)))
        continue;
      if (left + n < static_cast<long>(canvas.columns()) && left + n != c && !canvas.is_free(left + n, row, 1))
        continue;
      canvas.write(static_cast<std::size_t>(left), static_cast<std::size_t>(row), text, Cell::none);
      return;
    }
  }

  std::string x_axis(std::size_t margin, std::size_t width) {
    TickRoom room;
    room.place = [this](double v) { return x_.place(v) / 2; };
    room.extent = [this](const std::string& label) { return static_cast<double>(character_count(shown(label))); };
    room.gap_px = 2;
    room.spacing_px = 8;
    const Ticks ticks = make_ticks(plot_.x, x_.low, x_.high, room);
    std::vector<std::string> axis(width, unicode_ ? "─" : "-");
    std::string labels;
    std::size_t used = 0;
    for (const auto& t : ticks.major) {
      const auto at = std::min(width - 1, static_cast<std::size_t>(std::max(0.0, x_.place(t.at) / 2)));
      axis[at] = unicode_ ? "┬" : "+";
      const std::string label = shown(t.label);
      const std::size_t length = character_count(label), middle = margin + 1 + at;
      std::size_t left = middle > length / 2 ? middle - length / 2 : 0;
      if (left + length > columns_) left = columns_ - length;
      if (left < used) continue;
      labels += std::string(left - used, ' ') + label;
      used = left + length + 1;
      labels += ' ';
    }
    while (!labels.empty() && labels.back() == ' ') labels.pop_back();
    std::string text = std::string(margin, ' ') + (unicode_ ? "└" : "+");
    for (const auto& piece : axis) text += piece;
    text += "\n" + labels + "\n";
    if (!plot_.x.title.empty()) {
      const std::string title = cut(shown(plot_.x.title), columns_);
      const std::size_t length = character_count(title);
      text += std::string(length < columns_ ? (columns_ - length) / 2 : 0, ' ') + title + "\n";
    }
    return text;
  }

  const PlotSpec& plot_;
  std::size_t columns_, lines_;
  bool colour_, unicode_;
  AxisMap x_, y_;
};

}  // namespace

std::string draw_terminal(const PlotSpec& plot, std::size_t columns, std::size_t lines, bool colour, bool unicode) {
  check_plot(plot);
  if (!plot.bars.empty()) return terminal_bars(plot, std::max<std::size_t>(columns, 30), colour, unicode);
  return TerminalPlot(plot, columns, lines, colour, unicode).draw();
}

}  // namespace isoflop
