#include <algorithm>

#include "apps/commands.h"
#include "isoflop/audit/audit.h"
#include "isoflop/catalogue/data_files.h"

namespace isoflop::app {
namespace {

using audit::AuditReport;
using audit::Finding;
using audit::Severity;

struct Checked {
  std::string path;
  AuditReport report;
};

std::string place(const std::string& path, const Finding& finding) {
  return path + ":" + std::to_string(finding.line) + (finding.column > 0 ? ":" + std::to_string(finding.column) : "");
}

std::string plural(std::size_t n, const std::string& word) {
  return std::to_string(n) + " " + word + (n == 1 ? "" : "s");
}

ReportTable findings_table(const std::vector<Checked>& checked, bool accepted, std::size_t most) {
  ReportTable table{accepted ? "Known and accepted (data/known_findings.csv)" : "",
                    {{"place", "place", Align::Left},
                     {"severity", "severity", Align::Left},
                     {"item", "item", Align::Left},
                     {"column", "column", Align::Left},
                     {"read", "read", Align::Left},
                     {"expected", "expected", Align::Left},
                     {"rule", "rule", Align::Left},
                     {"against", "against", Align::Left}},
                    {},
                    ""};
  if (accepted) table.columns.push_back({"reason", "reason", Align::Left});
  std::size_t left_out = 0;
  for (const auto& [path, report] : checked) {
    if (!accepted) left_out += report.not_kept[0] + report.not_kept[1] + report.not_kept[2];
    for (const auto& f : report.findings) {
      if (f.accepted.empty() == accepted) continue;
      if (table.rows.size() >= most) {
        ++left_out;
        continue;
      }
      table.rows.push_back({place(path, f), std::string(word(f.severity)), f.item, f.column_name, f.read, f.expected,
                            f.rule, std::string(word(f.basis))});
      if (accepted) table.rows.back().emplace_back(f.accepted);
    }
  }
  if (left_out > 0) table.note = plural(left_out, "further finding") + " not shown; --most N shows more.";
  return table;
}

std::string message(const std::string& path, const Finding& f) {
  std::string text =
      place(path, f) + ": " + std::string(word(f.severity)) + ": " + (f.item.empty() ? "" : f.item + ": ");
  if (!f.column_name.empty()) text += "column \"" + f.column_name + "\": ";
  return text + "read " + (f.read.empty() ? "nothing" : f.read) + ", expected " + f.expected + " [" + f.rule +
         "; against " + std::string(word(f.basis)) + "]";
}

ReportTable rules_table(const std::vector<Checked>& checked) {
  ReportTable table{"Rules applied",
                    {{"file", "file", Align::Left},
                     {"taken for", "kind", Align::Left},
                     {"rule", "rule", Align::Left},
                     {"tested", "tested"},
                     {"found", "found"}},
                    {},
                    ""};
  for (const auto& [path, report] : checked)
    for (const auto& rule : report.rules)
      table.rows.push_back({path, report.kind, rule.rule, static_cast<std::int64_t>(rule.tested),
                            static_cast<std::int64_t>(rule.found)});
  return table;
}

Value finding_value(const std::string& path, const Finding& f) {
  return Value::object({{"place", place(path, f)},
                        {"line", f.line},
                        {"column_number", f.column > 0 ? Value(f.column) : Value()},
                        {"column", f.column_name},
                        {"item", f.item},
                        {"severity", word(f.severity)},
                        {"rule", f.rule},
                        {"against", word(f.basis)},
                        {"read", f.read},
                        {"expected", f.expected},
                        {"accepted", f.accepted.empty() ? Value() : Value(f.accepted)}});
}

class Check : public Command {
 public:
  std::string name() const override { return "check"; }
  std::string summary() const override {
    return "audit data tables: units, ranges, recounted parameters, 6ND, device-hours, energy, scores\n"
           "Exit code 0: no errors; 4: errors found; 3: a file that is no CSV table; 1: a file that cannot be opened.\n"
           "Without FILE the built-in tables are audited.";
  }
  std::string examples() const override {
    return "isoflop check mytable.csv\n"
           "isoflop check models.csv scores.csv --explain\n"
           "cat runs.csv | isoflop check -\n"
           "isoflop check";
  }
  void declare(OptionSet& options) override {
    options.positionals("file", files_, "CSV files; - reads standard input; without one, all built-in tables", false);
    options.flag("--no-catalogue", no_catalogue_, "leave out findings that rest on our catalogue as second source");
    options.flag("--strict", strict_, "warnings count as errors for the exit code");
    options.whole("--most", most_, "findings printed at most; the JSON result has as many", 1, 1000000000);
  }

  Report run(const Settings& settings) override {
    audit::References references(settings.data);
    std::vector<Checked> checked;
    Report report;
    for (const auto& path : files_) add(checked, report, CsvTable::read(path), references, settings);
    if (files_.empty())
      for (const auto& name : data_table_names())
        add(checked, report, open_data_table(name, settings.data), references, settings);

    std::size_t errors = 0, warnings = 0, notes = 0, accepted = 0, rows = 0;
    report.result["files"] = Value::array();
    for (const auto& [path, found] : checked) {
      errors += found.count(Severity::Error);
      warnings += found.count(Severity::Warning);
      notes += found.count(Severity::Note);
      rows += found.rows;
      for (const auto& f : found.findings) accepted += !f.accepted.empty();
      report.result["files"].push_back(file_value(path, found));
    }
    report.result["errors"] = errors;
    report.result["warnings"] = warnings;
    report.result["notes"] = notes;
    report.result["accepted"] = accepted;
    report.headline =
        plural(errors, "error") + ", " + plural(warnings, "warning") + " and " + plural(notes, "note") + " in " +
        plural(rows, "row") + " of " +
        (checked.size() == 1 ? checked[0].path + " (taken for: " + checked[0].report.kind + ")"
                             : plural(checked.size(), "table")) +
        (accepted > 0 ? "; " + std::to_string(accepted) + " known and accepted (--explain lists them)" : "") + ".";
    auto table = findings_table(checked, false, static_cast<std::size_t>(most_));
    for (const auto& [path, found] : checked)
      for (const auto& f : found.findings)
        if (f.accepted.empty() && report.messages.size() < table.rows.size())
          report.messages.push_back(message(path, f));
    if (!table.note.empty()) report.warnings.push_back(table.note);
    report.data_table = std::move(table);
    report.explanation.push_back(rules_table(checked));
    if (accepted > 0) report.explanation.push_back(findings_table(checked, true, static_cast<std::size_t>(most_)));
    for (const auto& [path, found] : checked)
      if (found.kind == "other" && !files_.empty())
        report.warnings.push_back(
            path + ": the columns fit no table we know; only repeated rows, copied columns and dates were checked.");
    if (errors > 0) report.distrust = plural(errors, "error") + " found";
    else if (strict_ && warnings > 0) report.distrust = plural(warnings, "warning") + " found (--strict)";
    return report;
  }

 private:
  void add(std::vector<Checked>& checked, Report& report, const CsvTable& table, audit::References& references,
           const Settings& settings) {
    checked.push_back({table.name(), audit::audit(table, references, settings.data)});
    if (no_catalogue_)
      std::erase_if(checked.back().report.findings,
                    [](const Finding& f) { return f.basis == audit::Basis::Catalogue; });
    report.inputs.push_back({table.name(), table.sha256(), table.rows(), 0});
  }

  Value file_value(const std::string& path, const AuditReport& found) const {
    Value findings = Value::array(), rules = Value::array();
    for (std::size_t i = 0; i < found.findings.size() && i < static_cast<std::size_t>(most_); ++i)
      findings.push_back(finding_value(path, found.findings[i]));
    for (const auto& rule : found.rules)
      rules.push_back(Value::object({{"rule", rule.rule}, {"tested", rule.tested}, {"found", rule.found}}));
    return Value::object({{"path", path},
                          {"kind", found.kind},
                          {"rows", found.rows},
                          {"errors", found.count(Severity::Error)},
                          {"warnings", found.count(Severity::Warning)},
                          {"notes", found.count(Severity::Note)},
                          {"findings", findings},
                          {"rules", rules}});
  }

  std::vector<std::string> files_;
  bool no_catalogue_ = false, strict_ = false;
  long most_ = 1000;
};

}  // namespace

std::unique_ptr<Command> make_check() { return std::make_unique<Check>(); }

}  // namespace isoflop::app
