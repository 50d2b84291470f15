#include "isoflop/plot/page_svg.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <optional>

#include "isoflop/error.h"
#include "isoflop/plot/figure.h"
#include "isoflop/plot/gnuplot_script.h"
#include "isoflop/plot/heat_paths.h"
#include "isoflop/plot/svg_document.h"
#include "isoflop/plot/tool_process.h"

namespace isoflop {
namespace {

struct ColourPlace {
  std::size_t begin = 0, end = 0;  ///< without the quotes
};

bool is_colour(const std::string& text) {
  if (text.size() == 7 && text[0] == '#')
    return std::all_of(text.begin() + 1, text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
  return text.starts_with("rgb(") && text.ends_with(")");
}

// Attribute values that are colours. Texts cannot look like one: quotes in them are entities.
std::optional<ColourPlace> next_colour(const std::string& svg, std::size_t from) {
  for (std::size_t at = from; (at = svg.find_first_of("'\"", at)) != std::string::npos; ++at) {
    const std::size_t close = svg.find(svg[at], at + 1);
    if (close == std::string::npos) continue;  // the last of its kind; the other kind may go on
    if (is_colour(svg.substr(at + 1, std::min<std::size_t>(close - at - 1, 24)))) return ColourPlace{at + 1, close};
  }
  return std::nullopt;
}

std::string short_hex(const std::string& colour) {
  int red = 0, green = 0, blue = 0;
  if (std::sscanf(colour.c_str(), "rgb(%d,%d,%d)", &red, &green, &blue) != 3) return colour;
  char text[8];
  std::snprintf(text, sizeof text, "#%02x%02x%02x", red & 255, green & 255, blue & 255);
  return text;
}

void replace_all(std::string& text, const std::string& what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
}

// gnuplot states every default on every group. The classes mean the same in the page's style.
std::string compact(std::string svg) {
  for (const auto& [what, by] : {std::pair{" stroke-linecap=\"butt\" stroke-linejoin=\"miter\"", ""},
                                 {" stroke-width=\"1.00\"", ""},
                                 {"<g fill=\"none\" color=\"black\" stroke=\"currentColor\"", "<g class=\"g\""},
                                 {" shape-rendering='crispEdges'", " class='e'"},
                                 {" class=\"gridline\" ", ""},
                                 {"<use xlink:href=", "<use href="},
                                 {"\t", ""},
                                 {" \n", "\n"},
                                 {">\n<", "><"}})
    replace_all(svg, what, by);
  return svg;
}

}  // namespace

ThemedSvg draw_themed_svg(const PlotSpec& plot, const std::string& id, bool second) {
  PlotSpec named = plot;
  named.name = id;
  const Figure figure = lay_out(named);
  const auto drawn = [&](Theme theme) {
    const std::string geometry =
        run_tool("gnuplot", {"--default-settings", "-"}, gnuplot_script(figure, theme), "gnuplot-nox");
    return svg_document(geometry, figure, theme, second ? MarkData::Numbers : MarkData::ForScripts);
  };
  return {drawn(Theme::Light), drawn(Theme::Dark)};
}

std::string PageColours::property(const std::string& light, const std::string& dark) {
  const auto pair = std::pair(short_hex(light), short_hex(dark));
  auto found = std::find(pairs_.begin(), pairs_.end(), pair);
  if (found == pairs_.end()) found = pairs_.insert(pairs_.end(), pair);
  return "var(--c" + std::to_string(found - pairs_.begin()) + ")";
}

std::string PageColours::declarations(Theme theme) const {
  std::string text;
  for (std::size_t i = 0; i < pairs_.size(); ++i)
    text += "--c" + std::to_string(i) + ":" + (theme == Theme::Light ? pairs_[i].first : pairs_[i].second) + ";";
  return text;
}

std::string page_markup(const ThemedSvg& picture, PageColours& colours) {
  const std::size_t start = picture.light.find("<svg");
  if (start == std::string::npos) throw Error(Fault::CannotRun, "a picture for a page is not SVG");
  std::string markup;
  std::size_t light_at = start, dark_at = picture.dark.find("<svg");
  while (true) {
    const auto light = next_colour(picture.light, light_at), dark = next_colour(picture.dark, dark_at);
    if (light.has_value() != dark.has_value())
      throw Error(Fault::CannotRun, "a picture differs between its themes in more than colours");
    if (!light) break;
    markup.append(picture.light, light_at, light->begin - light_at);
    markup += colours.property(picture.light.substr(light->begin, light->end - light->begin),
                               picture.dark.substr(dark->begin, dark->end - dark->begin));
    light_at = light->end + 1;
    dark_at = dark->end + 1;
    markup += picture.light[light->end];
  }
  return compact(join_heat_cells(markup + picture.light.substr(light_at)));
}

}  // namespace isoflop
