// The desk at which the rules work: the table, the second source, and the list of findings.
#pragma once
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "isoflop/audit/finding.h"
#include "isoflop/audit/references.h"
#include "isoflop/catalogue/csv_table.h"

namespace isoflop::audit {

class Auditor {
 public:
  Auditor(CsvTable table, References& references);

  const CsvTable& table() const { return table_; }
  References& references() { return references_; }  ///< The second source.

  /// The first of these columns that the table has.
  std::optional<std::size_t> column(std::initializer_list<const char*> names) const;
  /// Nothing for a missing column, an empty cell or a cell that is no number (which `number` reports by itself).
  std::optional<double> number(std::size_t row, std::optional<std::size_t> column) const;
  std::string text(std::size_t row, std::optional<std::size_t> column) const;
  /// What the row is about: its id, model, device, zone ...
  std::string item(std::size_t row) const;
  /// Half a unit of the last digit printed in the cell, in the unit of the column: "7" -> 0.5, "3.82" -> 0.005,
  /// "6890000000" -> 5e6.
  double rounding(std::size_t row, std::size_t column) const;
  /// Whether the table's author marked the column as doubtful in this row (`doubtful_in_source`).
  bool is_doubtful(std::size_t row, std::size_t column) const;

  void tested(std::string_view rule, std::size_t times = 1);  ///< Counts how often a rule was applied.
  /// A finding about a cell, or the whole row; `read` is the cell's text where not given.
  void report(Severity severity, Basis basis, const char* rule, std::size_t row, std::optional<std::size_t> column,
              std::string expected, std::string read = {});
  /// A finding about a whole column: points at the header.
  void report_column(Severity severity, Basis basis, const char* rule, std::size_t column, std::string expected);

  /// Whether an error has been reported for this row so far.
  bool found_error(std::size_t row) const;

  AuditReport finish(std::string kind);  ///< All findings in file order; they are moved out.

 private:
  CsvTable table_;
  References& references_;
  std::optional<std::size_t> item_column_, doubtful_column_;
  void keep(Finding finding);
  std::vector<Finding> findings_;
  std::array<std::size_t, 3> not_kept_{};
  std::map<std::string, RuleUse, std::less<>> rules_;
};

/// "627" against bounds up to 50: " (divided by 1000 it would fit: a slip of units?)"; empty when no power of 1000
/// helps.
std::string slip_hint(double value, double low, double high);

}  // namespace isoflop::audit
