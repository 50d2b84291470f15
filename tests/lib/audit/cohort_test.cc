// Witnesses from outside: three tables whose errors are marked by hand, and our own tables, which must be silent.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "isoflop/audit/audit.h"
#include "paths.h"

using namespace isoflop;
using audit::AuditReport;
using audit::Basis;
using audit::Finding;
using audit::References;
using audit::Severity;

namespace {

const std::filesystem::path cohort_folder = std::filesystem::path(ground_truth_dir) / "data";

bool absent() {
  if (std::filesystem::exists(cohort_folder / "cohort_architectures.csv")) return false;
  MESSAGE("skipped: no " << (cohort_folder / "cohort_architectures.csv").string());
  return true;
}

AuditReport audit_cohort(const std::string& file) {
  static References references;
  return audit::audit(CsvTable::read((cohort_folder / file).string()), references);
}

// "mmlu_percent: 34.1 is ...; gsm8k_percent: ..." -> the columns; semicolons within a text do not start a new one.
std::vector<std::string> wrong_columns(std::string_view known_error) {
  std::vector<std::string> columns;
  for (const auto& part : split_list(known_error))
    if (const auto colon = part.find(':'); colon != std::string::npos) columns.push_back(part.substr(0, colon));
  return columns;
}

}  // namespace

TEST_CASE("every error marked in the cohort tables is found, in its row and column") {
  if (absent()) return;
  std::size_t marked = 0;
  for (const std::string file :
       {"cohort_architectures.csv", "cohort_benchmarks.csv", "cohort_environmental_impact.csv"}) {
    const auto table = CsvTable::read((cohort_folder / file).string());
    const auto report = audit_cohort(file);
    const std::size_t known = table.column("known_error");
    for (std::size_t row = 0; row < table.rows(); ++row)
      for (const auto& column : wrong_columns(table.text(row, known))) {
        ++marked;
        CAPTURE(file);
        CAPTURE(table.line(row));
        CAPTURE(column);
        CHECK(std::any_of(report.findings.begin(), report.findings.end(), [&](const Finding& f) {
          if (f.line != table.line(row) || f.severity == Severity::Note) return false;
          // "table: a row is missing" is found as a family that falls short of its published total.
          return f.column_name == column || (column == "table" && f.rule == "family total");
        }));
      }
  }
  CHECK(marked == 17);
}

TEST_CASE("what the cohort tables can betray by themselves is found without the catalogue's facts about the model") {
  if (absent()) return;
  const auto alone = [](const AuditReport& report, std::size_t line, const std::string& column) {
    return std::any_of(report.findings.begin(), report.findings.end(), [&](const Finding& f) {
      return f.line == line && f.column_name == column && f.basis != Basis::Catalogue;
    });
  };
  CHECK(alone(audit_cohort("cohort_architectures.csv"), 10, "training_tokens_trillion"));
  CHECK(alone(audit_cohort("cohort_benchmarks.csv"), 3, "gsm8k_percent"));
  const auto impact = audit_cohort("cohort_environmental_impact.csv");
  for (const std::size_t line : {2, 3, 4, 9, 10, 14}) CHECK(alone(impact, line, "training_flop"));
}

TEST_CASE("errors are reported in the cohort tables only where one is marked") {
  if (absent()) return;
  for (const std::string file :
       {"cohort_architectures.csv", "cohort_benchmarks.csv", "cohort_environmental_impact.csv"}) {
    const auto table = CsvTable::read((cohort_folder / file).string());
    std::set<std::size_t> marked;
    for (std::size_t row = 0; row < table.rows(); ++row)
      if (!table.text(row, table.column("known_error")).empty()) marked.insert(table.line(row));
    for (const auto& finding : audit_cohort(file).findings)
      if (finding.severity == Severity::Error)
        CHECK_MESSAGE(marked.count(finding.line) == 1, file << ":" << finding.line);
  }
}

TEST_CASE("our own tables raise no alarm that is not documented, and every documented one still stands") {
  References references;
  std::size_t accepted = 0;
  for (const auto& name : data_table_names()) {
    const auto report = audit::audit(open_data_table(name), references);
    for (const auto& f : report.findings) {
      CHECK_MESSAGE(!f.accepted.empty(), name << ":" << f.line << " " << f.item << " " << f.column_name << ": "
                                              << f.read << "; expected " << f.expected);
      accepted += !f.accepted.empty();
    }
  }
  CHECK(accepted == open_data_table("known_findings.csv").rows());
}

TEST_CASE("the tables our own were made from raise no error but the marked ones") {
  if (absent()) return;
  CHECK(audit_cohort("models.csv").count(Severity::Error) == 0);
  CHECK(audit_cohort("grid_intensity.csv").findings.empty());
  // The four BBH values filed as MMLU are recognised from the table itself.
  std::set<std::string> misfiled;
  for (const auto& f : audit_cohort("benchmarks.csv").findings)
    if (f.rule == "filed under another benchmark") misfiled.insert(f.item);
  CHECK(misfiled == std::set<std::string>{"Nemotron-4-15B", "Qwen-1.8B", "Qwen-14B", "Qwen-7B"});
}
