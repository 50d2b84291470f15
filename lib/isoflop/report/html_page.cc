#include "isoflop/report/html_page.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <set>

#include "isoflop/number_text.h"
#include "isoflop/plot/svg_document.h"
#include "isoflop/plot/text_metrics.h"
#include "isoflop/plot/theme.h"
#include "isoflop/report/page_assets.h"
#include "isoflop/sha256.h"

namespace isoflop {
namespace {

// 'sha256-BASE64', as Content-Security-Policy Level 3 names an inline script or style.
std::string policy_hash(const std::string& content) {
  const std::string hex = sha256_hex(content);
  std::vector<unsigned> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<unsigned>(std::stoul(hex.substr(i, 2), nullptr, 16)));
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    const unsigned group = bytes[i] << 16 | (left > 1 ? bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
    text += digits[group >> 18];
    text += digits[group >> 12 & 63];
    text += left > 1 ? digits[group >> 6 & 63] : '=';
    text += left > 2 ? digits[group & 63] : '=';
  }
  return "'sha256-" + text + "'";
}

// A JSON text inside a script element; no part of it can end the element.
std::string script_data(const std::string& json) {
  std::string text;
  for (const char c : json) {
    if (c == '<') text += "\\u003c";
    else if (c == '>') text += "\\u003e";
    else if (c == '&') text += "\\u0026";
    else text += c;
  }
  return text;
}

std::string link_list(const std::vector<HtmlLink>& files) {
  if (files.empty()) return {};
  std::string html = "<span class=\"files\"> Files:";
  for (const auto& file : files)
    html += " <a href=\"" + html_text(file.path) + "\" download=\"\">" + html_text(file.label) + "</a>";
  return html + "</span>";
}

std::string value_text(const Value& value) {
  if (value.is_text()) return value.text();
  if (value.is_number()) return format_number(value.number(), 5);
  if (value.is_null()) return "-";
  return to_json(value, -1);
}

std::optional<double> sort_value(const TableCell& cell) {
  if (const auto* number = std::get_if<double>(&cell))
    return std::isfinite(*number) ? std::optional(*number) : std::nullopt;
  if (const auto* whole = std::get_if<std::int64_t>(&cell)) return static_cast<double>(*whole);
  return std::nullopt;
}

constexpr std::size_t short_cell = 26, long_cell = 60;  ///< characters

class PageWriter {
 public:
  explicit PageWriter(const HtmlPage& page) : page_(page) {}

  std::string write() {
    std::string body = top();
    for (const auto& section : page_.sections) body += one_section(section);
    body += sources() + "</main>\n" + footer();
    return head() + body + scripts() + "</body>\n</html>\n";
  }

 private:
  std::string style() const {
    // Contrast of ink and quiet text with every ground is above 4.5:1 in both themes (WCAG 2.1, 1.4.3).
    const std::string light =
        "--page:#ffffff;--sheet:#ffffff;--head:#f0f2f4;--ink:#1a1a1a;--quiet:#565b62;--line:#d9dce0;--edge:#8a8f98;"
        "--link:#0b5a9a;--accent:#0072b2;--bad:#c0392b;--chosen:#e3eff7;" +
        colours_.declarations(Theme::Light);
    const std::string dark =
        "--page:#121212;--sheet:#121212;--head:#22252a;--ink:#ececec;--quiet:#b3b8bf;--line:#383c42;--edge:#7d838c;"
        "--link:#7cc4f2;--accent:#56b4e9;--bad:#ff8a70;--chosen:#1d3345;" +
        colours_.declarations(Theme::Dark);
    return "\n:root{" + light + "}\n@media screen and (prefers-color-scheme:dark){:root:not([data-theme=light]){" +
           dark + "}}\n@media screen{:root[data-theme=dark]{" + dark +
           "}}\n:root[data-theme=light]{color-scheme:light}\n:root[data-theme=dark]{color-scheme:dark}\n" + page_style;
  }

  bool has_vega() const {
    if (!page_.vega.usable()) return false;
    for (const auto& section : page_.sections)
      for (const auto& figure : section.figures)
        if (!figure.vega.empty()) return true;
    return false;
  }

  std::vector<std::string> inline_scripts() const {
    std::vector<std::string> list;
    if (has_vega()) list = {page_.vega.vega, page_.vega.vega_lite, page_.vega.vega_embed};
    list.emplace_back(page_script);
    if (has_vega()) list.emplace_back(page_vega_script);
    return list;
  }

  std::string head() const {
    const std::string css = style();
    std::string policy = "default-src 'none'; style-src " + policy_hash(css) + "; script-src";
    for (const auto& script : inline_scripts()) policy += " " + policy_hash(script);
    policy += "; img-src data:; base-uri 'none'; form-action 'none'";
    return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta "
           "http-equiv=\"Content-Security-Policy\" content=\"" +
           policy +
           "\"/>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<meta name=\"referrer\" "
           "content=\"no-referrer\"/>\n"
           "<meta name=\"generator\" content=\"isoflop " +
           html_text(page_.tool.version) + "\"/>\n<link rel=\"icon\" href=\"data:,\"/>\n<title>" +
           html_text(page_.title) + "</title>\n<style>" + css + "</style>\n</head>\n";
  }

  std::string top() const {
    std::string html =
        "<body>\n<a class=\"skip\" href=\"#findings\">Skip to the findings</a>\n<div class=\"bar\"><div><nav "
        "aria-label=\"Sections\">";
    for (const auto& section : page_.sections)
      html += "<a href=\"#" + section.id + "\">" + html_text(section.short_title) + "</a> ";
    html +=
        "<a href=\"#sources\">Sources</a></nav><button type=\"button\" class=\"theme\">Dark "
        "theme</button></div></div>\n<header><h1>" +
        html_text(page_.title) + "</h1>\n<p class=\"lead\">" + html_text(page_.introduction) +
        "</p></header>\n<main>\n<section id=\"findings\"><h2>Findings</h2>\n<ul class=\"findings\">\n";
    for (const auto& section : page_.sections)
      html +=
          "<li><a href=\"#" + section.id + "\">" + html_text(section.title) + "</a>: " + html_text(section.finding) +
          (section.distrust.empty() ? "" : " <strong>Not trustworthy: " + html_text(section.distrust) + ".</strong>") +
          "</li>\n";
    return html + "</ul></section>\n";
  }

  std::string one_section(const HtmlSection& section) {
    std::string html = "<section id=\"" + section.id + "\" aria-labelledby=\"" + section.id + "-h\"><h2 id=\"" +
                       section.id + "-h\">" + html_text(section.title) + "</h2>\n<p class=\"finding\">" +
                       html_text(section.finding) + "</p>\n";
    if (!section.distrust.empty())
      html +=
          "<p class=\"finding distrust\"><strong>Not trustworthy:</strong> " + html_text(section.distrust) + "</p>\n";
    for (const auto& figure : section.figures) html += one_figure(figure);
    for (const auto& table : section.tables) html += one_table(table);
    if (!section.notes.empty()) {
      html += "<details><summary>Notes and limits (" + std::to_string(section.notes.size()) +
              ")</summary><ul class=\"note\">\n";
      for (const auto& note : section.notes) html += "<li>" + html_text(note) + "</li>\n";
      html += "</ul></details>\n";
    }
    if (!section.command.empty())
      html += "<p class=\"note\">The same on the command line:</p><div class=\"command\">" +
              html_text(section.command) + "</div>\n";
    return html + "</section>\n";
  }

  std::string group_buttons(const PlotSpec& plot) {
    std::set<std::string> seen;
    std::string html;
    std::size_t named = 0;
    for (std::size_t k = 0; k < plot.points.size(); ++k) {
      const auto& layer = plot.points[k];
      if (layer.legend.empty()) continue;
      ++named;
      const std::string ink = colours_.property(hex_colour(mark_colour(palette(Theme::Light), layer.colour)),
                                                hex_colour(mark_colour(palette(Theme::Dark), layer.colour)));
      html +=
          "<button type=\"button\" class=\"group\" aria-pressed=\"true\" data-g=\"" + std::to_string(k) +
          "\"><svg class=\"key\" viewBox=\"0 0 10 10\" aria-hidden=\"true\"><circle cx=\"5\" cy=\"5\" r=\"4\" fill=\"" +
          ink + "\"/></svg>" + html_text(layer.legend) + "</button>";
    }
    if (named < 2) return {};
    return "<span>Show:</span>" + html + "<button type=\"button\" class=\"reset\">all</button>";
  }

  std::string view(const ThemedSvg& picture, const char* width) {
    return std::string("<div class=\"view ") + width + "\">" + page_markup(picture, colours_) + "</div>";
  }

  std::string one_figure(const HtmlFigure& figure) {
    std::string tools = group_buttons(figure.plot);
    if (figure.other)
      tools += "<button type=\"button\" class=\"scale\" aria-pressed=\"false\">" + html_text(figure.other_label) +
               "</button>";
    if (!figure.vega.empty() && page_.vega.usable())
      tools += "<button type=\"button\" class=\"explore\" aria-pressed=\"false\" data-figure=\"" + figure.id +
               "\">Zoom and pan</button>";
    std::string html = "<figure id=\"fig-" + figure.id + "\">\n";
    if (!tools.empty())
      html += "<div class=\"tools\" role=\"group\" aria-label=\"View of the chart\">" + tools + "</div>\n";
    html += "<div class=\"variant\" data-variant=\"main\">" + view(figure.wide, "wide") +
            view(figure.narrow, "narrow") + "</div>\n";
    if (figure.other)
      html +=
          "<div class=\"variant\" data-variant=\"other\" hidden=\"hidden\">" + view(*figure.other, "wide") + "</div>\n";
    if (!figure.vega.empty() && page_.vega.usable())
      html += "<div class=\"vega\" id=\"vega-" + figure.id +
              "\" hidden=\"hidden\"></div><script type=\"application/json\" id=\"vega-spec-" + figure.id + "\">" +
              script_data(figure.vega) + "</script>\n";
    const std::string words = figure.plot.description.empty() ? figure.plot.subtitle : figure.plot.description;
    return html + "<figcaption>" + html_text(words) + link_list(figure.files) + "</figcaption></figure>\n";
  }

  static std::string one_table(const HtmlTable& shown) {
    const ReportTable& table = shown.table;
    std::string html = std::string("<details") + (shown.open ? " open=\"open\"" : "") + "><summary>" +
                       html_text(table.title.empty() ? "Table" : table.title) + " (" +
                       std::to_string(table.rows.size()) + (table.rows.size() == 1 ? " row)" : " rows)") +
                       "</summary>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"" +
                       html_text(table.title) + "\"><table><thead><tr>";
    for (const auto& column : table.columns)
      html += std::string("<th scope=\"col\"") + (column.align == Align::Right ? " class=\"n\"" : "") + ">" +
              html_text(column.heading) + "</th>";
    html += "</tr></thead><tbody>\n";
    for (const auto& row : table.rows) {
      html += "<tr>";
      for (std::size_t c = 0; c < row.size() && c < table.columns.size(); ++c) {
        const auto& column = table.columns[c];
        const std::string text = cell_text(row[c], column.digits, column.as_count);
        html += column.align == Align::Right ? "<td class=\"n\""
                : text.size() <= short_cell  ? "<td class=\"s\""
                : text.size() >= long_cell   ? "<td class=\"l\""
                                             : "<td";
        // A number that reads as itself needs no second writing to sort by.
        if (const auto value = sort_value(row[c]); value && (column.as_count || column.align == Align::Left))
          html += fmt::format(" data-v=\"{:.6g}\"", *value);
        html += ">" + html_text(text) + "</td>";
      }
      html += "</tr>\n";
    }
    html += "</tbody></table></div>\n<p class=\"note\">" + html_text(table.note) + link_list(shown.files) +
            "</p></details>\n";
    return html;
  }

  std::string sources() const {
    ReportTable assumptions{"Assumptions",
                            {{"Section", "section", Align::Left},
                             {"What", "name", Align::Left},
                             {"Value", "value", Align::Left},
                             {"Unit", "unit", Align::Left},
                             {"Source", "source", Align::Left}},
                            {},
                            ""};
    ReportTable inputs{"Tables and files read",
                       {{"File", "path", Align::Left},
                        {"SHA-256", "sha256", Align::Left},
                        {"Rows used", "rows_used"},
                        {"Rows dropped", "rows_dropped"}},
                       {},
                       ""};
    std::set<std::string> seen;
    for (const auto& section : page_.sections) {
      for (const auto& a : section.assumptions) {
        const std::string value = value_text(a.value);
        if (seen.insert(a.name + "|" + value + "|" + a.source).second)
          assumptions.rows.push_back({section.title, a.name, value, a.unit, a.source});
      }
      for (const auto& input : section.inputs)
        if (seen.insert("file|" + input.path + "|" + input.sha256).second)
          inputs.rows.push_back({input.path, input.sha256, static_cast<std::int64_t>(input.rows_used),
                                 static_cast<std::int64_t>(input.rows_dropped)});
    }
    std::string html =
        "<section id=\"sources\" aria-labelledby=\"sources-h\"><h2 id=\"sources-h\">Assumptions and "
        "sources</h2>\n<p>Every number above follows from the tables "
        "below and these assumptions; nothing undisclosed was filled in. Intervals cover 90 % unless they say "
        "otherwise.</p>\n";
    html += one_table({assumptions, true, {}});
    html += one_table({inputs, true, {}});
    return html + "</section>\n";
  }

  std::string footer() const {
    std::string command;
    for (const auto& word : page_.command_line) command += (command.empty() ? "" : " ") + word;
    return "<footer><p>isoflop " + html_text(page_.tool.version) + " (git " + html_text(page_.tool.git) + "), seed " +
           std::to_string(page_.seed) + ". Written by <code>" + html_text(command) +
           "</code>. The same command writes the same bytes.</p></footer>\n";
  }

  // Light colours of a plot and their dark counterparts, for Vega.
  static std::string dark_counterparts() {
    const Palette &light = palette(Theme::Light), &dark = palette(Theme::Dark);
    Value map = Value::object();
    const auto add = [&](Rgb from, Rgb to) { map[hex_colour(from)] = hex_colour(to); };
    add(light.background, dark.background);
    add(light.text, dark.text);
    add(light.muted_text, dark.muted_text);
    add(light.axis, dark.axis);
    add(light.grid, dark.grid);
    add(light.muted_mark, dark.muted_mark);
    for (std::size_t k = 0; k < light.marks.size() && k < dark.marks.size(); ++k) add(light.marks[k], dark.marks[k]);
    return to_json(map, -1);
  }

  std::string scripts() const {
    std::string html;
    if (has_vega())
      html += "<script type=\"application/json\" id=\"vega-dark\">" + script_data(dark_counterparts()) + "</script>\n";
    for (const auto& script : inline_scripts()) html += "<script>" + script + "</script>\n";
    return html;
  }

  const HtmlPage& page_;
  PageColours colours_;
};

}  // namespace

std::string html_text(const std::string& text) { return xml_text(clean_text(text)); }

std::string write_html_page(const HtmlPage& page) { return PageWriter(page).write(); }

}  // namespace isoflop
