#include "apps/report/report_page.h"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "isoflop/error.h"
#include "isoflop/parallel.h"
#include "isoflop/plot/draw.h"
#include "isoflop/report/html_page.h"

namespace isoflop::app {
namespace {

// A phone shows 390 px; the picture is drawn a little wider so that its type is small but readable there.
constexpr int narrow_width_px = 460, narrow_height_px = 520;
constexpr std::array vega_files = {"vega.min.js", "vega-lite.min.js", "vega-embed.min.js"};

std::string file_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

PlotSpec narrow(PlotSpec plot) {
  plot.width_px = narrow_width_px;
  plot.height_px = narrow_height_px;
  for (auto& layer : plot.points) {
    // Half of the names find room at most; the rest is in hover texts and tables.
    std::size_t seen = 0;
    for (std::size_t i = 0; i < layer.labelled.size(); ++i)
      if (layer.labelled[i] && ++seen % 2 == 0) layer.labelled[i] = false;
  }
  return plot;
}

std::optional<PlotSpec> other_scale(const PlotSpec& plot) {
  if (plot.x.scale != Scale::Log || !plot.heat.empty() || !plot.bars.empty()) return std::nullopt;
  PlotSpec other = plot;
  other.x.scale = Scale::Linear;
  other.x.low = 0;
  if (other.x.ticks == TickStyle::Power) other.x.ticks = TickStyle::Auto;
  return other;
}

struct Drawing {
  std::size_t section = 0, plot = 0;
  HtmlFigure figure;
  std::string svg, png, pdf, csv, png_problem;
};

void draw(Drawing& drawing, const PlotSpec& plot, bool with_files, bool with_vega, Theme theme) {
  HtmlFigure& figure = drawing.figure;
  figure.plot = plot;
  figure.wide = draw_themed_svg(plot, figure.id);
  figure.narrow = draw_themed_svg(narrow(plot), figure.id + "-narrow", true);
  if (const auto other = other_scale(plot)) {
    figure.other = draw_themed_svg(*other, figure.id + "-linear", true);
    figure.other_label = "Linear x axis";
  }
  // A grid of thousands of cells is no use to zoom into.
  if (with_vega && plot.heat.empty()) {
    // The page's script fills the notes in from the picture, so that they are carried once.
    PlotSpec bare = plot;
    for (auto& layer : bare.points)
      for (auto& note : layer.notes) note = "-";
    figure.vega = draw_vega_lite(bare, Theme::Light);
  }
  if (!with_files) return;
  drawing.svg = draw_svg(plot, theme);
  drawing.csv = draw_csv(plot);
  try {
    drawing.png = png_of_svg(drawing.svg);
    drawing.pdf = pdf_of_svg(drawing.svg);
  } catch (const Error& problem) {
    drawing.png_problem = problem.what();
  }
}

}  // namespace

std::string web_folder(const std::string& folder) {
  std::vector<std::filesystem::path> places;
  if (!folder.empty()) places.emplace_back(folder);
  if (const char* named = std::getenv("ISOFLOP_WEB"); named && *named) places.emplace_back(named);
  std::error_code problem;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", problem);
  if (!problem) {
    places.push_back(program.parent_path() / "web");
    places.push_back(program.parent_path().parent_path() / "share" / "isoflop" / "web");
  }
  for (const auto& place : places) {
    bool complete = true;
    for (const char* file : vega_files) complete = complete && std::filesystem::is_regular_file(place / file, problem);
    if (complete) return place.string();
  }
  return {};
}

std::vector<ReportFile> report_files(const std::vector<NamedSection>& sections, const PageRequest& request,
                                     const Settings& settings, std::vector<std::string>& warnings) {
  HtmlPage page;
  page.title = "Scaling laws and costs of language models";
  page.introduction =
      "What models score for their compute, what loss a budget buys, and what training and serving cost, with "
      "intervals and sources. Hover or step through the points of a chart "
      "with the arrow keys; the buttons above it choose families.";
  page.tool = tool_facts();
  page.command_line = settings.command_line;
  page.seed = settings.seed;
  const std::string web = request.vega ? web_folder(request.web) : std::string();
  if (!web.empty())
    page.vega = {file_text(std::filesystem::path(web) / vega_files[0]),
                 file_text(std::filesystem::path(web) / vega_files[1]),
                 file_text(std::filesystem::path(web) / vega_files[2])};
  if (request.vega && !request.web.empty() && web != request.web)
    throw Error(Fault::CannotRun, request.web +
                                      ": vega.min.js, vega-lite.min.js and vega-embed.min.js are not all there; "
                                      "scripts/fetch_web_assets.sh puts them there");

  std::vector<Drawing> drawings;
  for (std::size_t s = 0; s < sections.size(); ++s)
    for (std::size_t p = 0; p < sections[s].content.plots.size(); ++p) {
      Drawing drawing;
      drawing.section = s;
      drawing.plot = p;
      const std::string &name = sections[s].content.plots[p].name, &id = sections[s].kind->id;
      drawing.figure.id = name == id || name.starts_with(id + "-") ? name : id + "-" + name;
      drawings.push_back(std::move(drawing));
    }
  const bool with_files = !request.assets.empty();
  parallel_for(drawings.size(), settings.threads, [&](std::size_t i) {
    draw(drawings[i], sections[drawings[i].section].content.plots[drawings[i].plot], with_files, page.vega.usable(),
         settings.theme);
  });

  std::vector<ReportFile> beside;
  const auto relative = [&](const std::string& name) {
    const auto folder = std::filesystem::path(request.page).parent_path();
    const auto path = (std::filesystem::path(request.assets) / name).lexically_normal();
    return path.lexically_proximate(folder.empty() ? "." : folder).generic_string();
  };
  const auto add_file = [&](const std::string& name, std::string content, const std::string& label,
                            std::vector<HtmlLink>& links) {
    if (!with_files || content.empty()) return;
    links.push_back({label, relative(name)});
    beside.push_back({(std::filesystem::path(request.assets) / name).string(), std::move(content)});
  };
  for (std::size_t s = 0; s < sections.size(); ++s) {
    const auto& [kind, content] = sections[s];
    HtmlSection section{kind->id, kind->title,   kind->short_title, content.finding,     content.command, {},
                        {},       content.notes, content.distrust,  content.assumptions, content.inputs};
    for (auto& drawing : drawings) {
      if (drawing.section != s) continue;
      auto& links = drawing.figure.files;
      add_file(drawing.figure.id + ".svg", drawing.svg, "SVG", links);
      add_file(drawing.figure.id + ".png", drawing.png, "PNG", links);
      add_file(drawing.figure.id + ".pdf", drawing.pdf, "PDF", links);
      add_file(drawing.figure.id + ".csv", drawing.csv, "CSV", links);
      if (!drawing.png_problem.empty() && (warnings.empty() || warnings.back() != drawing.png_problem))
        warnings.push_back(drawing.png_problem);
      section.figures.push_back(std::move(drawing.figure));
    }
    for (std::size_t t = 0; t < content.tables.size(); ++t) {
      HtmlTable table{content.tables[t], section.figures.empty() && t == 0, {}};
      add_file(fmt::format("{}-table-{}.csv", kind->id, t + 1), table_csv(table.table), "CSV", table.files);
      section.tables.push_back(std::move(table));
    }
    page.sections.push_back(std::move(section));
  }
  std::vector<ReportFile> files = {{request.page, write_html_page(page)}};
  files.insert(files.end(), std::make_move_iterator(beside.begin()), std::make_move_iterator(beside.end()));
  return files;
}

}  // namespace isoflop::app
