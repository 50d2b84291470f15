// One self-contained HTML page: sections with a finding, pictures and tables; no request leaves it. Its
// Content-Security-Policy allows nothing but the inline style and scripts it was written with, by their hashes.
// The page is also well-formed XML, so that any strict parser can check it.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "isoflop/plot/page_svg.h"
#include "isoflop/report/report.h"

namespace isoflop {

/// A file beside the page. `path` is relative to it.
struct HtmlLink {
  std::string label, path;
};

/// One picture in the sizes and scales that the page switches between.
struct HtmlFigure {
  PlotSpec plot;
  std::string id;                        ///< unique in the page
  ThemedSvg wide, narrow;                ///< for desks and paper, and for phones
  std::optional<ThemedSvg> other;        ///< wide only
  std::string other_label;               ///< what the other one is: "linear x axis"
  std::vector<HtmlLink> files;
  std::string vega;                      ///< Vega-Lite specification in light colours; empty = none
};

struct HtmlTable {  ///< A table, folded or not, with its files.
  ReportTable table;
  bool open = false;  ///< unfolded at first
  std::vector<HtmlLink> files;
};

struct HtmlSection {  ///< One finding with what is behind it.
  std::string id, title, short_title;
  std::string finding;                ///< a sentence with its interval
  std::string command;                ///< what gives the same numbers on the command line
  std::vector<HtmlFigure> figures;
  std::vector<HtmlTable> tables;
  std::vector<std::string> notes;
  std::string distrust;
  std::vector<Assumption> assumptions;
  std::vector<ReportInput> inputs;
};

/// Third-party scripts that a page may carry; all empty = none.
struct VegaScripts {
  std::string vega, vega_lite, vega_embed;
  bool usable() const { return !vega.empty() && !vega_lite.empty() && !vega_embed.empty(); }
};

struct HtmlPage {
  std::string title, introduction;
  std::vector<HtmlSection> sections;
  ToolFacts tool;
  std::vector<std::string> command_line;
  std::uint64_t seed = 42;
  VegaScripts vega;
};

std::string write_html_page(const HtmlPage& page);  ///< UTF-8; the same page gives the same bytes.

/// & < > " ' as entities; control characters and broken UTF-8 replaced.
std::string html_text(const std::string& text);

}  // namespace isoflop
