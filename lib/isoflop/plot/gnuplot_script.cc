#include "isoflop/plot/gnuplot_script.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "isoflop/plot/line_styles.h"
#include "isoflop/plot/theme.h"

namespace isoflop {
namespace {

// gnuplot's SVG terminal draws point size 1 with this radius at font size 12.
constexpr double radius_of_size_one_px = 4.5;
constexpr int colour_steps = 64;

class ScriptWriter {
 public:
  ScriptWriter(const Figure& figure, Theme theme) : figure_(figure), plot_(*figure.plot), colours_(palette(theme)) {}

  std::string write() {
    frame();
    ticks();
    keys();
    colour_bar();
    leaders();
    heat();
    contours();
    bands();
    rules();
    lines();
    bars();
    error_bars();
    points();
    if (commands_.empty()) {
      block("0 NaN\n");
      command("with lines", "");
    }
    std::string all = header_ + blocks_ + "plot ";
    for (std::size_t i = 0; i < commands_.size(); ++i) all += (i == 0 ? "" : ", \\\n     ") + commands_[i];
    return all + "\n";
  }

  /// After write().
  const std::vector<std::optional<std::size_t>>& layers() const { return layers_; }

 private:
  template <typename... Arguments>
  void line(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(header_), format, std::forward<Arguments>(arguments)...);
    header_ += '\n';
  }

  double unit(double size) const { return size * figure_.unit; }
  std::string screen(double x_px, double y_px) const {
    return fmt::format("screen {:.6f},{:.6f}", x_px / figure_.width, 1 - y_px / figure_.height);
  }
  std::string colour(int index) const { return "'" + hex_colour(mark_colour(colours_, index)) + "'"; }
  // gnuplot puts transparency in front: #AARRGGBB with 00 opaque.
  std::string faint(Rgb c, double opacity) const {
    return fmt::format("'#{:02x}{}'", static_cast<int>(std::lround(255 * (1 - opacity))), hex_colour(c).substr(1));
  }
  std::string dash(const std::vector<double>& lengths) const {
    if (lengths.empty()) return "solid";
    std::string text;
    for (const double length : lengths) text += fmt::format("{}{:.1f}", text.empty() ? "(" : ",", unit(length));
    return text + ")";
  }

  void frame() {
    line("set terminal svg size {},{} font 'DejaVu Sans,12'", figure_.width, figure_.height);
    line("set encoding utf8");
    line("unset key");
    const PixelBox& box = figure_.axes;
    line("set lmargin at screen {:.6f}", box.left / figure_.width);
    line("set rmargin at screen {:.6f}", box.right / figure_.width);
    line("set tmargin at screen {:.6f}", 1 - box.top / figure_.height);
    line("set bmargin at screen {:.6f}", 1 - box.bottom / figure_.height);
    if (figure_.x.scale == Scale::Log) line("set logscale x 10");
    if (figure_.y.scale == Scale::Log) line("set logscale y 10");
    line("set xrange [{}:{}] noextend", figure_.x.low, figure_.x.high);
    line("set yrange [{}:{}] noextend", figure_.y.low, figure_.y.high);
    line("set clip two");
    const int border = !plot_.heat.empty() ? 15 : plot_.bars.empty() ? 3 : 2;
    line("set border {} front lc rgb '{}' lw {:.2f}", border, hex_colour(colours_.axis), unit(1));
  }

  void ticks() {
    const auto list = [](const Ticks& ticks) {
      std::string text;
      for (const auto& t : ticks.major) text += fmt::format("{}'' {} 0", text.empty() ? "" : ", ", t.at);
      for (const double at : ticks.minor) text += fmt::format("{}'' {} 1", text.empty() ? "" : ", ", at);
      return text;
    };
    // At font size 12 a tick of scale 1 is 5.4 px long on the x axis and 9 px on the y axis.
    const auto axis = [&](char name, const Ticks& ticks, double scale_one_px) {
      if (ticks.major.empty() && ticks.minor.empty()) {
        line("unset {}tics", name);
        return;
      }
      line("set {}tics out nomirror scale {:.2f},{:.2f} ({})", name, unit(5) / scale_one_px, unit(2.7) / scale_one_px,
           list(ticks));
    };
    axis('x', figure_.x_ticks, plot_.bars.empty() ? 5.4 : 1e6);
    axis('y', figure_.y_ticks, 9);
    if (plot_.heat.empty())
      line("set grid {} back lt 1 dt solid lc rgb '{}' lw {:.2f}",
           figure_.y_ticks.major.empty() ? "xtics" : "xtics ytics", hex_colour(colours_.grid), unit(1));
  }

  void rectangle(const PixelBox& box, const std::string& fill) {
    line("set object {} rectangle from {} to {} fs solid 1 noborder fc rgb {}", ++objects_,
         screen(box.left, box.bottom), screen(box.right, box.top), fill);
  }

  void keys() {
    for (const auto& key : figure_.keys) {
      const double left = key.x - key.width / 2, right = key.x + key.width / 2;
      if (key.kind == KeyKind::Marker)
        line("set label {} '' at {} point pt {} ps {:.3f} lc rgb {} front", ++labels_, screen(key.x, key.y),
             gnuplot_point_type(key.marker), unit(5) / radius_of_size_one_px, colour(key.colour));
      else if (key.kind == KeyKind::Line)
        line("set arrow {} from {} to {} nohead lw {:.2f} dt {} lc rgb {} front", ++arrows_, screen(left, key.y),
             screen(right, key.y), unit(key.line_width), dash(key.dashes), colour(key.colour));
      else
        rectangle({left, key.y - unit(6), right, key.y + unit(6)},
                  faint(mark_colour(colours_, key.colour), key.opacity));
    }
  }

  void colour_bar() {
    if (plot_.heat.empty()) return;
    constexpr int steps = colour_steps;
    const PixelBox& bar = figure_.colour_bar;
    const double step = (bar.bottom - bar.top) / steps;
    for (int k = 0; k < steps; ++k) {
      const double bottom = bar.bottom - k * step;
      rectangle({bar.left, bottom - step, bar.right, std::min(bottom + 1, bar.bottom)},
                "'" + hex_colour(ramp_colour(colours_, (k + 0.5) / steps)) + "'");
    }
  }

  void leaders() {
    for (const auto& leader : figure_.leaders)
      line("set arrow {} from {} to {} nohead lw {:.2f} lc rgb '{}' front", ++arrows_,
           screen(leader.from.x, leader.from.y), screen(leader.to.x, leader.to.y), unit(0.9),
           hex_colour(colours_.axis));
  }

  void block(const std::string& rows) {
    blocks_ += fmt::format("$layer{} << EOD\n{}EOD\n", commands_.size() + 1, rows);
  }
  void command(const std::string& style, const std::string& columns, std::optional<std::size_t> layer = {}) {
    layers_.push_back(layer);
    commands_.push_back(
        fmt::format("$layer{}{} {}", commands_.size() + 1, columns.empty() ? "" : " using " + columns, style));
  }

  static bool drawable(const AxisMap& axis, double value) {
    return std::isfinite(value) && !(axis.scale == Scale::Log && value <= 0);
  }

  // Rows of a polyline; a blank line where a value cannot be drawn.
  std::string path_rows(const std::vector<double>& x, const std::vector<double>& y) const {
    std::string rows;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (drawable(figure_.x, x[i]) && drawable(figure_.y, y[i])) rows += fmt::format("{} {}\n", x[i], y[i]);
      else if (!rows.empty() && !rows.ends_with("\n\n")) rows += "\n";
    }
    return rows;
  }

  // As 0xRRGGBB in the steps of the colour bar; negative for an empty cell.
  int cell_colour(const HeatLayer& layer, std::size_t i, std::size_t j) const {
    const double z = layer.z[j * layer.x.size() + i];
    if (!std::isfinite(z) || (layer.scale == Scale::Log && z <= 0)) return -1;
    const double step = std::min(std::floor(heat_share(figure_, z) * colour_steps), colour_steps - 1.0);
    const Rgb c = ramp_colour(colours_, (step + 0.5) / colour_steps);
    return c.red * 65536 + c.green * 256 + c.blue;
  }

  void heat() {
    for (const auto& layer : plot_.heat) {
      const auto x = cell_edges(layer.x, plot_.x.scale), y = cell_edges(layer.y, plot_.y.scale);
      std::string rows;
      for (std::size_t j = 0; j < layer.y.size(); ++j) {
        const double low = std::max(y[j], figure_.y.low), high = std::min(y[j + 1], figure_.y.high);
        // Neighbours of one colour become one rectangle, which keeps fine grids small.
        for (std::size_t i = 0; i < layer.x.size();) {
          const int colour = cell_colour(layer, i, j);
          std::size_t end = i + 1;
          while (end < layer.x.size() && cell_colour(layer, end, j) == colour) ++end;
          const double left = std::max(x[i], figure_.x.low), right = std::min(x[end], figure_.x.high);
          if (colour >= 0 && left < right && low < high)
            rows += fmt::format("{} {} {} {} {} {} {}\n", left, low, left, right, low, high, colour);
          i = end;
        }
      }
      if (rows.empty()) continue;
      block(rows);
      command("with boxxyerror fs solid 1 noborder fc rgb variable", "1:2:3:4:5:6:7");
    }
  }

  void contours() {
    for (const auto& contour : figure_.contours) {
      std::string rows;
      for (const auto& [x, y] : contour.line) rows += fmt::format("{} {}\n", x, y);
      block(rows);
      command(fmt::format("with lines lw {:.2f} lc rgb {}", unit(1),
                          faint(ink_on(ramp_colour(colours_, contour.heat_share)), 0.7)),
              "1:2");
    }
  }

  void bands() {
    for (const auto& layer : plot_.bands) {
      const auto shown = [&](double value, double otherwise) { return drawable(figure_.y, value) ? value : otherwise; };
      std::string rows;
      for (std::size_t i = 0; i < layer.x.size(); ++i) {
        if (!drawable(figure_.x, layer.x[i]) || std::isnan(layer.low[i]) || std::isnan(layer.high[i])) {
          if (!rows.empty() && !rows.ends_with("\n\n")) rows += "\n";
          continue;
        }
        rows += fmt::format("{} {} {}\n", layer.x[i], shown(layer.low[i], figure_.y.low),
                            shown(layer.high[i], figure_.y.high));
      }
      if (rows.empty()) continue;
      block(rows);
      command(fmt::format("with filledcurves fs transparent solid {:.3f} noborder lc rgb {}", layer.opacity,
                          colour(layer.colour)),
              "1:2:3");
    }
  }

  void rules() {
    for (const auto& rule : plot_.rules) {
      std::string rows;
      if (rule.y && figure_.y.shows(*rule.y))
        rows += fmt::format("{0} {1}\n{2} {1}\n\n", figure_.x.low, *rule.y, figure_.x.high);
      if (rule.x && figure_.x.shows(*rule.x))
        rows += fmt::format("{0} {1}\n{0} {2}\n\n", *rule.x, figure_.y.low, figure_.y.high);
      if (rows.empty()) continue;
      block(rows);
      command(fmt::format("with lines lw {:.2f} dt {} lc rgb '{}'", unit(1.3), dash(dash_pattern(rule.dash)),
                          hex_colour(colours_.muted_text)),
              "1:2");
    }
  }

  void lines() {
    for (std::size_t k = 0; k < plot_.lines.size(); ++k) {
      const LineLayer& layer = plot_.lines[k];
      const std::string rows = path_rows(layer.x, layer.y);
      if (rows.empty()) continue;
      block(rows);
      command(fmt::format("with lines lw {:.2f} dt {} lc rgb {}", unit(layer.width), dash(dashes_of_line(plot_, k)),
                          colour(layer.colour)),
              "1:2", goes_through_points(k) ? std::optional(k) : std::nullopt);
    }
  }

  void bars() {
    const auto boxes = bar_boxes(plot_);
    for (std::size_t l = 0; l < plot_.bars.size(); ++l) {
      std::string rows;
      for (const auto& box : boxes) {
        if (box.layer != l) continue;
        const double from = std::clamp(std::min(box.x_from, box.x_to), figure_.x.low, figure_.x.high);
        const double to = std::clamp(std::max(box.x_from, box.x_to), figure_.x.low, figure_.x.high);
        rows += fmt::format("{} {} {} {} {} {}\n", from, box.y_low, from, to, box.y_low, box.y_high);
      }
      if (rows.empty()) continue;
      block(rows);
      command(fmt::format("with boxxyerror fs solid 1 border lc rgb '{}' fc rgb {} lw {:.2f}",
                          hex_colour(colours_.background), colour(plot_.bars[l].colour), unit(1)),
              "1:2:3:4:5:6");
    }
    std::string rows;
    for (const auto& box : boxes)
      if (box.has_interval)
        rows += fmt::format("{0} {2}\n{1} {2}\n\n", std::max(box.interval_low, figure_.x.low),
                            std::min(box.interval_high, figure_.x.high), (box.y_low + box.y_high) / 2);
    if (rows.empty()) return;
    // A rim of background keeps the interval visible on its own bar.
    for (const bool rim : {true, false}) {
      block(rows);
      command(fmt::format("with lines lw {:.2f} lc rgb '{}'", unit(rim ? 4 : 1.8),
                          hex_colour(rim ? colours_.background : colours_.text)),
              "1:2");
    }
  }

  bool shown(const PointLayer& layer, std::size_t i) const {
    return figure_.x.shows(layer.x[i]) && figure_.y.shows(layer.y[i]);
  }

  bool goes_through_points(std::size_t line) const {
    return plot_.lines.size() == plot_.points.size() && plot_.lines[line].x == plot_.points[line].x;
  }

  void error_bars() {
    for (std::size_t k = 0; k < plot_.points.size(); ++k) {
      const PointLayer& layer = plot_.points[k];
      std::string rows;
      for (std::size_t i = 0; i < layer.y_low.size(); ++i) {
        if (!shown(layer, i) || std::isnan(layer.y_low[i]) || std::isnan(layer.y_high[i])) continue;
        rows +=
            fmt::format("{0} {1}\n{0} {2}\n\n", layer.x[i], std::clamp(layer.y_low[i], figure_.y.low, figure_.y.high),
                        std::clamp(layer.y_high[i], figure_.y.low, figure_.y.high));
      }
      if (rows.empty()) continue;
      block(rows);
      command(fmt::format("with lines lw {:.2f} lc rgb {}", unit(1.4), faint(mark_colour(colours_, layer.colour), 0.6)),
              "1:2", k);
    }
  }

  void points() {
    for (std::size_t k = 0; k < plot_.points.size(); ++k) {
      const PointLayer& layer = plot_.points[k];
      std::string rows;
      for (std::size_t i = 0; i < layer.x.size(); ++i)
        if (shown(layer, i)) rows += fmt::format("{} {}\n", layer.x[i], layer.y[i]);
      if (rows.empty()) continue;
      block(rows);
      command(fmt::format("with points pt {} ps {:.3f} lc rgb {}", gnuplot_point_type(marker_of_layer(plot_, k)),
                          marker_radius(figure_, layer) / radius_of_size_one_px, colour(layer.colour)), "1:2");
    }
  }

  const Figure& figure_;
  const PlotSpec& plot_;
  const Palette& colours_;
  std::string header_, blocks_;
  std::vector<std::string> commands_;
  std::vector<std::optional<std::size_t>> layers_;  ///< beside commands_
  int objects_ = 0, labels_ = 0, arrows_ = 0;
};

}  // namespace

int gnuplot_point_type(Marker marker) {
  switch (marker) {
    case Marker::Cross: return 2;
    case Marker::SquareOpen: return 4;
    case Marker::Square: return 5;
    case Marker::CircleOpen: return 6;
    case Marker::Circle: return 7;
    case Marker::TriangleUpOpen: return 8;
    case Marker::TriangleUp: return 9;
    case Marker::TriangleDownOpen: return 10;
    case Marker::TriangleDown: return 11;
    case Marker::DiamondOpen: return 12;
    case Marker::Diamond: return 13;
    case Marker::Pentagon: return 15;
  }
  return 7;
}

std::string gnuplot_script(const Figure& figure, Theme theme) { return ScriptWriter(figure, theme).write(); }

std::vector<std::optional<std::size_t>> gnuplot_element_layers(const Figure& figure) {
  ScriptWriter writer(figure, Theme::Light);
  writer.write();
  return writer.layers();
}

}  // namespace isoflop
