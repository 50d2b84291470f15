// The sections of `isoflop report`: each runs commands or simulators and says what it found in one sentence, with the
// plots and tables behind it.
#pragma once
#include <string>
#include <vector>

#include "apps/command.h"

namespace isoflop::app {

struct ReportRequest {
  std::vector<std::string> add;    ///< CSV of models joined to the score sections
  std::string runs;                ///< CSV of training runs for the loss law; empty: the 240 of Chinchilla
  std::vector<std::string> with;   ///< models beside the cohort
  std::string device = "h100-sxm-80gb";
  std::string footprint_of = "llama-3-70b";
};

struct SectionContent {
  std::string finding;   ///< one or two sentences with an interval
  std::string command;   ///< what gives the same on the command line; may be several lines
  std::vector<PlotSpec> plots;
  std::vector<ReportTable> tables;  ///< the first is the most read
  std::vector<std::string> notes;
  std::string distrust;
  std::vector<Assumption> assumptions;
  std::vector<ReportInput> inputs;
  Value result = Value::object();
};

struct SectionKind {
  std::string id, title, short_title;
  SectionContent (*make)(const ReportRequest&, const Settings&);
};

/// In the order of the page.
const std::vector<SectionKind>& section_kinds();

/// What a report holds beside its plots and tables.
SectionContent content_of(const Report& report, const std::vector<std::string>& words);

SectionContent outliers_section(const ReportRequest& request, const Settings& settings);
SectionContent dates_section(const ReportRequest& request, const Settings& settings);
SectionContent efficiency_section(const ReportRequest& request, const Settings& settings);
SectionContent loss_section(const ReportRequest& request, const Settings& settings);
SectionContent cohort_section(const ReportRequest& request, const Settings& settings);
SectionContent costs_section(const ReportRequest& request, const Settings& settings);
SectionContent serving_section(const ReportRequest& request, const Settings& settings);
SectionContent footprint_section(const ReportRequest& request, const Settings& settings);
SectionContent calibration_section(const ReportRequest& request, const Settings& settings);

}  // namespace isoflop::app
