#include "isoflop/audit/auditor.h"

#include <algorithm>
#include <cmath>

#include "isoflop/number_text.h"

namespace isoflop::audit {

std::size_t AuditReport::count(Severity severity) const {
  return not_kept[static_cast<std::size_t>(severity)] +
         static_cast<std::size_t>(std::count_if(findings.begin(), findings.end(), [&](const Finding& finding) {
           return finding.severity == severity && finding.accepted.empty();
         }));
}

Auditor::Auditor(CsvTable table, References& references) : table_(std::move(table)), references_(references) {
  item_column_ = column(
      {"id", "model", "name", "device", "zone", "item", "subject", "label", "region", "provider", "cohort_label"});
  doubtful_column_ = column({"doubtful_in_source"});
}

std::optional<std::size_t> Auditor::column(std::initializer_list<const char*> names) const {
  for (const char* name : names)
    if (const auto found = table_.find_column(name)) return found;
  return std::nullopt;
}

std::optional<double> Auditor::number(std::size_t row, std::optional<std::size_t> column) const {
  if (!column) return std::nullopt;
  return parse_plain_number(table_.text(row, *column));
}

std::string Auditor::text(std::size_t row, std::optional<std::size_t> column) const {
  return column ? std::string(table_.text(row, *column)) : std::string();
}

std::string Auditor::item(std::size_t row) const { return text(row, item_column_); }

double Auditor::rounding(std::size_t row, std::size_t column) const {
  const std::string_view cell = table_.text(row, column);
  const auto e = cell.find_first_of("eE");
  double unit = 0.5;
  // Plain counts of millions and more were rounded before the zeros were written out: 6890000000 was 6.89 billion.
  if (const auto last = cell.find_last_not_of('0'); e == std::string_view::npos &&
                                                    cell.find('.') == std::string_view::npos && cell.size() >= 7 &&
                                                    last != std::string_view::npos && cell.size() - last > 4)
    unit *= std::pow(10.0, static_cast<double>(cell.size() - last - 1));
  if (const auto point = cell.find('.'); point != std::string_view::npos)
    unit *= std::pow(10.0, -static_cast<double>(std::min(e, cell.size()) - point - 1));
  if (e != std::string_view::npos)
    if (const auto exponent = parse_plain_number(cell.substr(e + 1))) unit *= std::pow(10.0, *exponent);
  return unit;
}

bool Auditor::is_doubtful(std::size_t row, std::size_t column) const {
  if (!doubtful_column_) return false;
  const auto marked = split_list(table_.text(row, *doubtful_column_));
  return std::find(marked.begin(), marked.end(), table_.columns()[column]) != marked.end();
}

void Auditor::report(Severity severity, Basis basis, const char* rule, std::size_t row,
                     std::optional<std::size_t> column, std::string expected, std::string read) {
  Finding finding{severity, basis, rule, table_.line(row), 0, "", item(row), std::move(read), std::move(expected), ""};
  if (column) {
    finding.column = *column + 1;
    finding.column_name = table_.columns()[*column];
    if (finding.read.empty()) finding.read = table_.text(row, *column).substr(0, 120);
    if (is_doubtful(row, *column)) {
      finding.severity = Severity::Note;
      finding.expected += " (its author marks the value as doubtful)";
    }
  }
  keep(std::move(finding));
}

void Auditor::tested(std::string_view rule, std::size_t times) {
  auto place = rules_.find(rule);
  if (place == rules_.end()) place = rules_.emplace(rule, RuleUse{std::string(rule), 0, 0}).first;
  place->second.tested += times;
}

void Auditor::keep(Finding finding) {
  tested(finding.rule, 0);
  ++rules_.find(finding.rule)->second.found;
  if (findings_.size() < most_kept_findings) findings_.push_back(std::move(finding));
  else ++not_kept_[static_cast<std::size_t>(finding.severity)];
}

bool Auditor::found_error(std::size_t row) const {
  const std::size_t line = table_.line(row);
  return std::any_of(findings_.begin(), findings_.end(),
                     [&](const Finding& f) { return f.line == line && f.severity == Severity::Error; });
}

void Auditor::report_column(Severity severity, Basis basis, const char* rule, std::size_t column,
                            std::string expected) {
  keep({severity, basis, rule, 1, column + 1, table_.columns()[column], "", table_.columns()[column],
        std::move(expected), ""});
}

AuditReport Auditor::finish(std::string kind) {
  AuditReport report{std::move(kind), table_.rows(), std::move(findings_), {}, not_kept_};
  std::stable_sort(report.findings.begin(), report.findings.end(), [](const Finding& a, const Finding& b) {
    return a.line != b.line ? a.line < b.line : a.column < b.column;
  });
  for (const auto& [name, rule] : rules_) report.rules.push_back(rule);
  return report;
}

std::string slip_hint(double value, double low, double high) {
  for (const double factor : {1e3, 1e6, 1e9}) {
    const std::string shown = format_number(factor, 2);
    if (value * factor >= low && value * factor <= high) return " (times " + shown + " it would fit: a slip of units?)";
    if (value / factor >= low && value / factor <= high)
      return " (divided by " + shown + " it would fit: a slip of units?)";
  }
  return "";
}

}  // namespace isoflop::audit
