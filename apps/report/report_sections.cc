#include "apps/report/report_sections.h"

#include <fmt/format.h>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

std::string shell_word(const std::string& word) {
  if (!word.empty() &&
      word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./,=:+@%") ==
          std::string::npos)
    return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::vector<std::string> score_words(const ReportRequest& request, std::initializer_list<const char*> more) {
  std::vector<std::string> words = {"outliers"};
  words.insert(words.end(), more.begin(), more.end());
  for (const auto& file : request.add) words.insert(words.end(), {"--add", file});
  return words;
}

/// The request without those files that have none of these columns; a note says which.
ReportRequest with_column(ReportRequest request, const std::vector<std::string>& columns,
                          std::vector<std::string>& notes) {
  std::erase_if(request.add, [&](const std::string& file) {
    if (CsvTable::read(file).find_any(columns)) return false;
    notes.push_back(file + " is not in this section: it has no column " + columns.front());
    return true;
  });
  return request;
}

std::string span(const Value& value, int digits) {
  const auto part = [&](const char* name) {
    const Value* v = value.find(name);
    return v && v->is_number() ? format_number(v->number(), digits) : std::string("unbounded");
  };
  return part("estimate") + " (" + part("low") + " to " + part("high") + ")";
}

}  // namespace

const std::vector<SectionKind>& section_kinds() {
  static const std::vector<SectionKind> kinds = {
      {"outliers", "Score against compute", "Compute", outliers_section},
      {"dates", "Score against date", "Date", dates_section},
      {"efficiency", "Score against active parameters", "Size", efficiency_section},
      {"loss", "Loss law", "Loss law", loss_section},
      {"cohort", "The 2024 cohort", "Cohort", cohort_section},
      {"costs", "What the cohort costs", "Costs", costs_section},
      {"serving", "Serving frontier", "Serving", serving_section},
      {"footprint", "Footprint ledger", "Footprint", footprint_section},
      {"calibration", "How far off the simulators are", "Accuracy", calibration_section},
  };
  return kinds;
}

SectionContent content_of(const Report& report, const std::vector<std::string>& words) {
  SectionContent content;
  content.finding = report.headline;
  content.command = "isoflop";
  for (const auto& word : words) content.command += " " + shell_word(word);
  content.notes = report.warnings;
  content.distrust = report.distrust;
  content.assumptions = report.assumptions;
  content.inputs = report.inputs;
  content.result = report.result;
  return content;
}

SectionContent outliers_section(const ReportRequest& request, const Settings& settings) {
  const auto words = score_words(request, {});
  const Report report = run_command(words, settings);
  SectionContent content = content_of(report, words);
  content.plots = {report.plots.at(0)};
  content.tables = report.tables;
  if (report.data_table) {
    ReportTable every = *report.data_table;
    every.title = "Every model with its residual";
    content.tables.push_back(std::move(every));
  }
  return content;
}

SectionContent dates_section(const ReportRequest& request, const Settings& settings) {
  std::vector<std::string> notes;
  const auto words = score_words(with_column(request, {"release_date", "date", "released"}, notes),
                                 {"--x", "release-date"});
  const Report report = run_command(words, settings);
  SectionContent content = content_of(report, words);
  content.notes.insert(content.notes.begin(), notes.begin(), notes.end());
  content.plots = {report.plots.at(0)};
  content.plots[0].name = "dates";
  content.tables = {report.tables.at(0)};
  // At equal score, from the regression that knows compute and date.
  const auto by_compute = score_words(request, {});
  const Report hints = run_command(by_compute, settings);
  const double left_out = report.result.at("cross_validation").at("rmse_points").number();
  const Value* lead = hints.result.find("hints");
  if (lead && lead->find("compute_factor_per_year"))
    content.finding = fmt::format(
        "At equal training compute, a model released a year later scores as if it had {} times the compute (90 % "
        "interval). The date alone "
        "says little: a model of a family left out is missed by {} points.",
        span(lead->at("compute_factor_per_year"), 2), format_number(left_out, 2));
  content.command += "\nisoflop outliers     (hints: compute_factor_per_year)";
  return content;
}

SectionContent efficiency_section(const ReportRequest& request, const Settings& settings) {
  std::vector<std::string> notes;
  const auto words = score_words(with_column(request, {"active_params", "params", "parameters", "N"}, notes),
                                 {"--x", "active-params"});
  const Report report = run_command(words, settings);
  SectionContent content = content_of(report, words);
  content.notes.insert(content.notes.begin(), notes.begin(), notes.end());
  content.plots = {report.plots.at(0)};
  content.plots[0].name = "efficiency";
  content.tables = {report.tables.at(0)};
  const double left_out = report.result.at("cross_validation").at("rmse_points").number();
  const Value& coefficients = report.result.at("coefficients");
  if (report.result.at("link").text() == "linear")
    for (const auto& [name, value] : coefficients.members())
      if (name.starts_with("slope"))
        content.finding = fmt::format(
            "Ten times the active parameters go with {} points more (90 % interval), but size alone does not tell a "
            "score: a model of a family left out is "
            "missed by {} points. {}",
            span(value, 3), format_number(left_out, 2), report.headline);
  return content;
}

SectionContent loss_section(const ReportRequest& request, const Settings& settings) {
  std::vector<std::string> words = {"fit"};
  if (request.runs.empty()) words.insert(words.end(), {"chinchilla", "--exclude-highest", "5"});
  else words.push_back(request.runs);
  words.insert(words.end(), {"--bootstrap", "500"});
  const Report report = run_command(words, settings);
  SectionContent content = content_of(report, words);
  content.plots.assign(report.plots.begin(), report.plots.begin() + static_cast<std::ptrdiff_t>(
                                                                        std::min<std::size_t>(2, report.plots.size())));
  content.tables = report.tables;
  return content;
}

SectionContent footprint_section(const ReportRequest& request, const Settings& settings) {
  const std::vector<std::string> words = {"footprint", request.footprint_of};
  const Report report = run_command(words, settings);
  SectionContent content = content_of(report, words);
  content.plots = report.plots;
  content.tables = report.tables;
  return content;
}

}  // namespace isoflop::app
