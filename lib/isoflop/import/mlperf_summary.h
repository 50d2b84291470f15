// Summary tables of MLPerf inference (summary.csv of github.com/mlcommons/inference_results_v*): measured throughput of
// submitted systems, language models only. Trap: in those tables language models with a token metric (llama2-70b and
// later) are labelled "Samples/s" although Result is tokens/s, as the size of the numbers shows; gptj counts samples.
// The label is kept beside the unit. Rates are of the whole system.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "isoflop/catalogue/csv_table.h"

namespace isoflop {

struct MlperfResult {  ///< One submitted rate.
  std::string submitter, system, accelerator, software, model, scenario, version, division, location;
  double devices = 0;
  double value = 0;
  std::string unit;        ///< "tokens/s", "samples/s"
  std::string unit_stated; ///< as the table says
  std::size_t row = 0;

  double per_device() const { return value / devices; }
};

struct MlperfSummary {
  std::vector<MlperfResult> results;    ///< language models, Offline and Server
  std::vector<std::string> other_models;  ///< benchmarks left out, each once
  std::size_t left_out = 0;             ///< rows: other benchmarks, other scenarios, no accelerator, no result
};

/// Throws Error (BadInput), file:line:column, for missing columns, a result that is no positive number, a device count
/// that is no whole number.
MlperfSummary read_mlperf_summary(const CsvTable& table);

}  // namespace isoflop
