// From sections to the files of a report: the page, and beside it every plot as SVG, PNG, PDF and CSV and every table
// as CSV.
#pragma once
#include <string>
#include <vector>

#include "apps/report/report_sections.h"

namespace isoflop::app {

struct NamedSection {
  const SectionKind* kind = nullptr;
  SectionContent content;
};

struct PageRequest {
  std::string page;      ///< path of the HTML file
  std::string assets;    ///< folder for the files beside it; empty = none
  bool vega = true;      ///< carry Vega-Lite where its scripts are found
  std::string web;       ///< folder to look for them first
};

/// Where Vega's scripts were found, or empty: `folder`, ISOFLOP_WEB, web/ beside the program, share/isoflop/web/ of its
/// installation. scripts/fetch_web_assets.sh fills such a folder.
std::string web_folder(const std::string& folder);

/// The page first, then the files beside it. `warnings` says what could not be made.
std::vector<ReportFile> report_files(const std::vector<NamedSection>& sections, const PageRequest& request,
                                     const Settings& settings, std::vector<std::string>& warnings);

}  // namespace isoflop::app
