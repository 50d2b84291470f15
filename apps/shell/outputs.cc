#include "apps/shell/outputs.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <tuple>

#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/plot/draw.h"

namespace isoflop::app {
namespace {

constexpr std::array suffixes = {".json", ".csv", ".md", ".txt", ".svg", ".png", ".pdf", ".html"};

std::string suffix_of(const std::string& file) {
  for (const char* two_part : {".plot.csv", ".vl.json"})
    if (file.ends_with(two_part)) return two_part;
  return std::filesystem::path(file).extension().string();
}

bool is_plot_suffix(const std::string& suffix) {
  return suffix == ".svg" || suffix == ".png" || suffix == ".pdf" || suffix == ".plot.csv" || suffix == ".vl.json";
}

std::string drawn(const PlotSpec& plot, const std::string& suffix, Theme theme) {
  if (suffix == ".png") return draw_png(plot, theme);
  if (suffix == ".pdf") return draw_pdf(plot, theme);
  if (suffix == ".plot.csv") return draw_csv(plot);
  if (suffix == ".vl.json") return draw_vega_lite(plot, theme);
  return draw_svg(plot, theme);
}

std::string escaped(const std::string& text) {
  std::string result;
  for (char c : text) {
    if (c == '<') result += "&lt;";
    else if (c == '>') result += "&gt;";
    else if (c == '&') result += "&amp;";
    else result += c;
  }
  return result;
}

std::string html_table(const ReportTable& table) {
  std::string html = "<table><caption>" + escaped(table.title) + "</caption><thead><tr>";
  for (const auto& column : table.columns) html += "<th>" + escaped(column.heading) + "</th>";
  html += "</tr></thead><tbody>\n";
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (std::size_t c = 0; c < row.size(); ++c)
      html += std::string("<td") + (table.columns[c].align == Align::Right ? " class=\"n\"" : "") + ">" +
              escaped(cell_text(row[c], table.columns[c].digits, table.columns[c].as_count)) + "</td>";
    html += "</tr>\n";
  }
  return html + "</tbody></table>\n";
}

std::string html_page(const Report& report, Theme theme) {
  std::string html =
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\"><meta http-equiv=\"Content-Security-Policy\" "
      "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\"><title>isoflop " +
      escaped(report.command) +
      "</title><style>body{font:16px/1.5 'DejaVu Sans',Verdana,sans-serif;max-width:62rem;margin:2rem auto;padding:0 "
      "1rem}"
      "svg{max-width:100%;height:auto}table{border-collapse:collapse;font-size:14px;margin:1.5rem 0;display:block;"
      "overflow-x:auto}caption{text-align:left;font-weight:600}td,th{padding:.25rem .6rem;border-bottom:1px solid #ccc;"
      "text-align:left}td.n{text-align:right}</style></head><body><h1>isoflop " +
      escaped(report.command) + "</h1><p>" + escaped(report.headline) + "</p>\n";
  for (const auto& plot : report.plots) {
    std::string svg = draw_svg(plot, theme);
    if (const auto start = svg.find("<svg"); start != std::string::npos) svg = svg.substr(start);
    html += "<figure>" + svg + "</figure>\n";
  }
  if (!report.messages.empty()) {
    html += "<ul>";
    for (const auto& message : report.messages) html += "<li>" + escaped(message) + "</li>\n";
    html += "</ul>\n";
  }
  for (const auto& table : report.tables) html += html_table(table);
  for (const auto& warning : report.warnings) html += "<p>Note: " + escaped(warning) + "</p>\n";
  if (!report.distrust.empty()) html += "<p><strong>Not trustworthy:</strong> " + escaped(report.distrust) + "</p>\n";
  return html + "</body></html>\n";
}

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) return size.ws_col;
  return 0;  // not a terminal: nothing is cut
}

bool wants_colour(const std::string& choice, bool terminal) {
  if (choice == "always") return true;
  if (choice == "never") return false;
  const char* term = std::getenv("TERM");
  return terminal && !std::getenv("NO_COLOR") && !(term && std::string(term) == "dumb");
}

bool is_utf8_locale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const char* value = std::getenv(name); value && *value) {
      std::string locale = value;
      std::transform(locale.begin(), locale.end(), locale.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
    }
  return false;
}

std::string terminal_plot(const Report& report, bool terminal, bool colour) {
  if (report.plots.empty()) return "\n(this result has no plot)\n";
  const std::size_t width = terminal ? terminal_width() : 0;
  return "\n" + draw_terminal(report.plots.front(), width == 0 ? 90 : std::min<std::size_t>(width, 120), 26, colour,
                              is_utf8_locale());
}

// `isoflop ... | head` closes the pipe early; that is nobody's fault.
bool reader_went_away(const std::ostream& out) {
  pollfd descriptor{STDOUT_FILENO, POLLOUT, 0};
  return &out == &std::cout && ::poll(&descriptor, 1, 0) == 1 && (descriptor.revents & POLLERR) != 0;
}

void write_plots(const Report& report, const std::string& file, const std::string& suffix, const Settings& settings,
                 std::ostream& err) {
  if (report.plots.empty())
    throw Error(Fault::CannotRun, file + ": this result has no plot; write .json, .csv or .md instead");
  const std::string stem = file.substr(0, file.size() - suffix.size());
  for (std::size_t i = 0; i < report.plots.size(); ++i) {
    const std::string path = i == 0 ? file : stem + "-" + report.plots[i].name + suffix;
    write_file(path, drawn(report.plots[i], suffix, settings.theme));
    if (!settings.quiet) err << "wrote " << path << "\n";
  }
}

// Many files are told by their folder.
void write_own_files(const Report& report, const Settings& settings, std::ostream& err) {
  std::map<std::string, std::size_t> count;
  for (const auto& file : report.files) {
    const std::filesystem::path folder = std::filesystem::path(file.path).parent_path();
    std::error_code problem;
    if (!folder.empty()) std::filesystem::create_directories(folder, problem);
    if (problem) throw Error(Fault::CannotRun, folder.string() + ": " + problem.message());
    write_file(file.path, file.content);
    ++count[folder.string()];
    if (!settings.quiet && report.files.size() <= 3) err << "wrote " << file.path << "\n";
  }
  if (settings.quiet || report.files.size() <= 3) return;
  for (const auto& [folder, files] : count)
    if (files == 1) {
      for (const auto& file : report.files)
        if (std::filesystem::path(file.path).parent_path().string() == folder) err << "wrote " << file.path << "\n";
    } else {
      err << "wrote " << files << " files in " << folder << "/\n";
    }
}

}  // namespace

void check_outputs(const OutputRequest& request) {
  for (const auto& file : request.files) {
    const std::string suffix = suffix_of(file);
    if (!is_plot_suffix(suffix) && std::find(suffixes.begin(), suffixes.end(), suffix) == suffixes.end())
      throw Error(Fault::Usage,
                  "-o " + file +
                      ": expected a name that ends in .json .csv .md .txt .svg .png .pdf .html .plot.csv or .vl.json");
  }
}

std::pair<int, int> parse_plot_size(const std::string& text) {
  const auto cross = std::min(text.find('x'), text.size());
  const auto pixels = [&](const std::string& part, double low) {
    const auto value = parse_plain_number(part);
    if (!value || *value < low || *value > 10000 || *value != std::floor(*value))
      throw Error(Fault::Usage,
                  "--plot-size: \"" + text +
                      "\" is no size; expected WIDTHxHEIGHT in px from 200x150 to 10000x10000, such as 800x800");
    return static_cast<int>(*value);
  };
  return {pixels(text.substr(0, cross), 200), pixels(cross < text.size() ? text.substr(cross + 1) : "", 150)};
}

void write_outputs(const Report& given, const OutputRequest& request, const Settings& settings,
                   const std::vector<std::string>& command_line, std::ostream& out, std::ostream& err) {
  Report report = given;
  if (request.plot_size)
    for (auto& plot : report.plots) std::tie(plot.width_px, plot.height_px) = *request.plot_size;
  const bool terminal = &out == &std::cout && ::isatty(STDOUT_FILENO);
  switch (request.format) {
    case Format::Json: out << write_json(report, tool_facts(), command_line, settings.seed); break;
    case Format::Csv: out << write_csv(report); break;
    case Format::Markdown: out << write_markdown(report, settings.explain); break;
    case Format::Text:
      out << write_text(report, settings.explain, terminal ? terminal_width() : 0,
                        wants_colour(request.colour, terminal));
      if (request.terminal_plot) out << terminal_plot(report, terminal, wants_colour(request.colour, terminal));
      break;
  }
  out.flush();
  write_own_files(report, settings, err);
  for (const auto& file : request.files) {
    if (std::any_of(report.files.begin(), report.files.end(), [&](const ReportFile& own) { return own.path == file; }))
      continue;
    const std::string suffix = suffix_of(file);
    if (is_plot_suffix(suffix)) {
      write_plots(report, file, suffix, settings, err);
      continue;
    }
    if (suffix == ".json") write_file(file, write_json(report, tool_facts(), command_line, settings.seed));
    else if (suffix == ".csv") write_file(file, write_csv(report));
    else if (suffix == ".md") write_file(file, write_markdown(report, settings.explain));
    else if (suffix == ".html") write_file(file, html_page(report, settings.theme));
    else write_file(file, write_text(report, settings.explain, 0, false));
    if (!settings.quiet) err << "wrote " << file << "\n";
  }
  if (!out && !reader_went_away(out)) throw Error(Fault::CannotRun, "standard output cannot be written");
}

}  // namespace isoflop::app
