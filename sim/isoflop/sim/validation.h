// Predictions against measured rows: one function per kind of table, one list of kinds, one way to sum up.
// Rows that cannot be predicted are returned with the reason; none disappears.
//
// To add a kind: write `ValidationResult validate_x(const ValidationRequest&)` and one line in validation_kinds.cc.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/catalogue/data_files.h"
#include "isoflop/report/report.h"
#include "isoflop/sim/accuracy.h"

namespace isoflop::sim {

struct ValidationRequest {  ///< A table and how constants are obtained.
  CsvTable table;
  std::optional<CsvTable> calibration;  ///< constants are fitted to these rows and to nothing else
  bool uncalibrated = false;            ///< data sheets and generic efficiencies only
  DataFolder data;
  std::uint64_t seed = 42;
  int threads = 0;
  std::function<void(double, const std::string&)> progress = [](double, const std::string&) {};
};

struct UnsupportedRow {  ///< A row that cannot be predicted, and why.
  std::string row_id, reason;
};

struct ValidationResult {  ///< Predictions beside measurements.
  std::string method;              ///< a sentence: what the predictions rest on, and which rows they had not seen
  std::string category_heading = "category";
  std::vector<PredictedRow> rows;  ///< measured and predicted in the unit of the table
  std::vector<UnsupportedRow> unsupported;
  std::vector<Assumption> assumptions;
  std::vector<std::string> warnings;
  std::vector<PlotSpec> plots;
};

struct ValidationKind {  ///< A kind of table that can be validated.
  std::string name;     ///< "op_gemm"
  std::string summary;  ///< one line for the help
  std::function<ValidationResult(const ValidationRequest&)> run;
};

/// Every kind there is, in the order of the help.
const std::vector<ValidationKind>& validation_kinds();

/// Accuracy by a property of the row, in order of first appearance.
std::vector<std::pair<std::string, Accuracy>> accuracy_by(
    const std::vector<PredictedRow>& rows, const std::function<std::string(const PredictedRow&)>& property);

/// Reasons with how many rows each explains, most frequent first.
std::vector<std::pair<std::string, std::size_t>> reasons_of(const std::vector<UnsupportedRow>& rows);

/// Predicted against measured on logarithmic axes, one colour per category, with the line of equality.
PlotSpec predicted_against_measured(const std::string& name, const std::string& title, const std::string& unit,
                                    const std::vector<PredictedRow>& rows);

/// The MUST members overall, by_metric, groups, rows, unsupported, and by_category beside them.
Value validation_value(const ValidationResult& result);

}  // namespace isoflop::sim
