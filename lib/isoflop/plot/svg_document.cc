#include "isoflop/plot/svg_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <optional>

#include "isoflop/error.h"
#include "isoflop/plot/gnuplot_script.h"
#include "isoflop/plot/text_metrics.h"
#include "isoflop/plot/theme.h"

namespace isoflop {
namespace {

// The first is measured by text_metrics; the others are as wide or narrower.
constexpr const char* fonts = "'DejaVu Sans', 'Bitstream Vera Sans', Verdana, Geneva, sans-serif";

std::string pixels(double value) {
  std::string text = fmt::format("{:.2f}", value);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

void replace_all(std::string& text, const std::string& what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
}

// Removes every stretch from `start` to the end of the following `end`.
void remove_all(std::string& text, const std::string& start, const std::string& end) {
  std::string kept;
  std::size_t at = 0;
  while (true) {
    const std::size_t from = text.find(start, at);
    const std::size_t to = from == std::string::npos ? from : text.find(end, from + start.size());
    if (to == std::string::npos) break;
    kept.append(text, at, from - at);
    at = to + end.size();
  }
  text = kept + text.substr(at);
}

// Groups in which nothing is drawn.
void remove_empty_groups(std::string& text) {
  for (std::size_t at = 0; (at = text.find("<g ", at)) != std::string::npos;) {
    const std::size_t close = text.find('>', at);
    const std::size_t inside = text.find_first_not_of(" \t\n", close + 1);
    if (inside != std::string::npos && text.compare(inside, 4, "</g>") == 0) {
      std::size_t end = inside + 4;
      if (end < text.size() && text[end] == '\n') ++end;
      text.erase(at, end - at);
    } else {
      at = close;
    }
  }
}

// Shapes of about equal area at radius 1. Filled ones have a rim of background, so that crowded points stay apart;
// open ones are filled with it.
std::string marker_definitions(const std::string& prefix, Theme theme) {
  const std::string background = hex_colour(palette(theme).background);
  struct Shape {
    int open, filled;
    const char* drawing;
  };
  static constexpr std::array<Shape, 5> shapes = {{
      {4, 5, "<path d=\"M-.9-.9H.9V.9H-.9z\" "},
      {6, 7, "<circle r=\"1\" "},
      {8, 9, "<path d=\"M0-1.3L1.2.78H-1.2z\" "},
      {10, 11, "<path d=\"M0 1.3L1.2-.78H-1.2z\" "},
      {12, 13, "<path d=\"M0-1.3L1.3 0 0 1.3-1.3 0z\" "},
  }};
  std::string text = "<defs>\n";
  const auto add = [&](int type, const char* drawing, const std::string& style) {
    text += fmt::format("<g id=\"{}{}\">{}{}/></g>\n", prefix, type, drawing, style);
  };
  const std::string rim = "fill=\"currentColor\" stroke=\"" + background + "\" stroke-width=\".2\"";
  const std::string open = "fill=\"" + background + "\" stroke=\"currentColor\" stroke-width=\".36\"";
  for (const auto& shape : shapes) {
    add(shape.open, shape.drawing, open);
    add(shape.filled, shape.drawing, rim);
  }
  add(15, "<path d=\"M0-1.18L1.12-.36 .69.95H-.69L-1.12-.36z\" ", rim);
  add(2, "<path d=\"M-.85-.85L.85.85M-.85.85L.85-.85\" ", "fill=\"none\" stroke=\"currentColor\" stroke-width=\".45\"");
  return text + "</defs>\n";
}

std::string identifier(const PlotSpec& plot, Theme theme) {
  std::string id = "isoflop-";
  for (char c : plot.name) id += std::isalnum(static_cast<unsigned char>(c)) ? c : '-';
  return id + (theme == Theme::Dark ? "-dark" : "");
}

struct Mark {
  std::string text;       ///< nothing for a point without a name
  std::size_t layer = 0, number = 0;  ///< number: among all points of the plot, drawn or not
};

// One a drawn point, in the order in which the script writes them.
std::vector<Mark> drawn_marks(const Figure& figure, MarkData data) {
  std::vector<Mark> marks;
  const PlotSpec& plot = *figure.plot;
  std::size_t number = 0;
  for (std::size_t k = 0; k < plot.points.size(); ++k) {
    const auto& layer = plot.points[k];
    for (std::size_t i = 0; i < layer.x.size(); ++i, ++number) {
      if (!figure.x.shows(layer.x[i]) || !figure.y.shows(layer.y[i])) continue;
      if (layer.names.empty() || layer.names[i].empty()) {
        marks.push_back({{}, k, number});
        continue;
      }
      std::string text = layer.names[i] + ": ";
      if (data != MarkData::HoverText)
        text += plot.y.title + " " + tick_text(plot.y, layer.y[i]) + "; " + plot.x.title + " " +
                tick_text(plot.x, layer.x[i]);
      else
        text += tick_text(plot.x, layer.x[i]) + ", " + tick_text(plot.y, layer.y[i]);
      if (!layer.notes.empty() && !layer.notes[i].empty()) text += "; " + layer.notes[i];
      marks.push_back({clean_text(text), k, number});
    }
  }
  return marks;
}

std::string with_hover_texts(const std::string& geometry, const std::vector<Mark>& marks, MarkData data) {
  std::string result;
  std::size_t at = 0, k = 0;
  // Legend keys come after the layers; they have no hover text.
  while (k < marks.size()) {
    const std::size_t use = geometry.find("<use ", at);
    const std::size_t end = use == std::string::npos ? use : geometry.find("/>", use);
    if (end == std::string::npos) throw Error(Fault::CannotRun, "gnuplot drew fewer points than it was given");
    result.append(geometry, at, end - at);
    if (data != MarkData::HoverText)
      result += fmt::format(" data-g=\"{}\" data-i=\"{}\"", marks[k].layer, marks[k].number);
    result += marks[k].text.empty() || data == MarkData::Numbers
                  ? "/>"
                  : "><title>" + xml_text(marks[k].text) + "</title></use>";
    ++k;
    at = end + 2;
  }
  return result + geometry.substr(at);
}

/// gnuplot numbers what it plots; a page wants to know the point layer.
void name_layers(std::string& geometry, const Figure& figure) {
  const auto layers = gnuplot_element_layers(figure);
  for (std::size_t k = 0; k < layers.size(); ++k)
    if (layers[k])
      replace_all(geometry, " id=\"gnuplot_plot_" + std::to_string(k + 1) + "\"",
                  " data-g=\"" + std::to_string(*layers[k]) + "\"");
}

/// Clear boxes over the bars, which gnuplot draws without identity.
std::string bar_targets(const Figure& figure, MarkData data) {
  const PlotSpec& plot = *figure.plot;
  std::string svg;
  std::size_t number = 0;
  for (const auto& box : bar_boxes(plot)) {
    const BarLayer& layer = plot.bars[box.layer];
    const double left = std::clamp(figure.x.place(std::min(box.x_from, box.x_to)), figure.axes.left, figure.axes.right);
    const double right =
        std::clamp(figure.x.place(std::max(box.x_from, box.x_to)), figure.axes.left, figure.axes.right);
    const double top = figure.y.place(box.y_high), bottom = figure.y.place(box.y_low);
    svg += fmt::format(
        "<rect class=\"bar\" data-i=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" "
        "pointer-events=\"all\"",
        number++, pixels(left), pixels(top), pixels(right - left), pixels(bottom - top));
    if (data == MarkData::Numbers) {
      svg += "/>\n";
      continue;
    }
    std::string text = layer.categories[box.row] + ": " + (layer.legend.empty() ? "" : layer.legend + " ") +
                       tick_text(plot.x, layer.values[box.row]);
    if (box.has_interval)
      text += " (" + tick_text(plot.x, layer.low[box.row]) + " to " + tick_text(plot.x, layer.high[box.row]) + ")";
    svg += "><title>" + xml_text(clean_text(text + "; " + plot.x.title)) + "</title></rect>\n";
  }
  return svg;
}

/// The point layer that a name belongs to.
std::optional<std::size_t> layer_of_name(const PlotSpec& plot, const std::string& name) {
  for (std::size_t k = 0; k < plot.points.size(); ++k)
    for (const auto& candidate : plot.points[k].names)
      if (clean_text(candidate) == name) return k;
  return std::nullopt;
}

void append_text(std::string& svg, const FigureText& text, const Palette& colours, double unit,
                 std::optional<std::size_t> layer = {}) {
  fmt::format_to(std::back_inserter(svg), "<text x=\"{}\" y=\"{}\" font-size=\"{}\"", pixels(text.x), pixels(text.y),
                 pixels(text.size));
  if (text.anchor != Anchor::Start)
    svg += text.anchor == Anchor::End ? " text-anchor=\"end\"" : " text-anchor=\"middle\"";
  if (layer) svg += " data-g=\"" + std::to_string(*layer) + "\"";
  if (text.bold) svg += " font-weight=\"bold\"";
  const Rgb ground = text.heat_share ? ramp_colour(colours, *text.heat_share) : colours.background;
  if (text.heat_share) svg += " fill=\"" + hex_colour(ink_on(ground)) + "\"";
  else if (text.ink == Ink::Muted) svg += " fill=\"" + hex_colour(colours.muted_text) + "\"";
  if (text.halo)
    svg += fmt::format(" paint-order=\"stroke\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"",
                       hex_colour(ground), pixels((text.heat_share ? 6 : 3) * unit));
  svg += ">" + xml_text(text.text) + "</text>\n";
}

}  // namespace

std::string xml_text(const std::string& text) {
  std::string result;
  for (char c : text) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      case '\'': result += "&#39;"; break;
      default: result += c;
    }
  }
  return result;
}

std::string svg_document(const std::string& gnuplot_svg, const Figure& figure, Theme theme, MarkData data) {
  const PlotSpec& plot = *figure.plot;
  const Palette& colours = palette(theme);
  const std::size_t defs_end = gnuplot_svg.find("</defs>");
  const std::size_t canvas_end = gnuplot_svg.rfind("</g>");
  if (defs_end == std::string::npos || canvas_end == std::string::npos || canvas_end < defs_end)
    throw Error(Fault::CannotRun, "gnuplot wrote something that is not its SVG");
  std::string geometry = gnuplot_svg.substr(defs_end + 7, canvas_end - defs_end - 7);
  const std::string id = identifier(plot, theme), markers = id + "-m";
  remove_all(geometry, "<title>", "</title>");
  remove_all(geometry, "<g transform=\"translate(", "</g>");  // gnuplot's own texts, all empty
  for (int type = 15; type >= 0; --type)
    replace_all(geometry, "'#gpPt" + std::to_string(type) + "'", "'#" + markers + std::to_string(type + 1) + "'");
  // Square pixels are right for heat maps, whose cells must meet, and ugly on the edge of a band.
  if (plot.heat.empty()) replace_all(geometry, " shape-rendering='crispEdges'", "");
  if (data != MarkData::HoverText) name_layers(geometry, figure);
  remove_all(geometry, " id=\"gnuplot_plot_", "\"");
  remove_empty_groups(geometry);
  geometry = with_hover_texts(geometry, drawn_marks(figure, data), data);

  std::string svg = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";
  fmt::format_to(std::back_inserter(svg),
                 "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" width=\"{0}\" "
                 "height=\"{1}\" viewBox=\"0 0 {0} {1}\" role=\"img\" aria-labelledby=\"{2}-title {2}-desc\" "
                 "font-family=\"{3}\" fill=\"{4}\">\n",
                 figure.width, figure.height, id, fonts, hex_colour(colours.text));
  svg += "<title id=\"" + id + "-title\">" + xml_text(clean_text(plot.title)) + "</title>\n";
  svg += "<desc id=\"" + id + "-desc\">" +
         xml_text(clean_text(plot.description.empty() ? plot.subtitle : plot.description)) + "</desc>\n";
  svg += marker_definitions(markers, theme);
  fmt::format_to(std::back_inserter(svg), "<rect width=\"{}\" height=\"{}\" fill=\"{}\"/>\n", figure.width,
                 figure.height, hex_colour(colours.background));
  const std::size_t start = geometry.find_first_not_of(" \t\n");
  if (start != std::string::npos) svg += geometry.substr(start);
  for (const auto& text : figure.texts) append_text(svg, text, colours, figure.unit);
  for (const auto& text : figure.labels)
    append_text(svg, text, colours, figure.unit,
                data != MarkData::HoverText ? layer_of_name(plot, text.text) : std::nullopt);
  if (data != MarkData::HoverText) svg += bar_targets(figure, data);
  return svg + "</svg>\n";
}

}  // namespace isoflop
