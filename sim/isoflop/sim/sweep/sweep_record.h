// What one run of a sweep left behind: a small JSON file that appears whole or not at all, and the tables made of many.
// Records hold nothing that time or load could change; how long a run took stands in a file of its own.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "isoflop/sim/sweep/sweep_plan.h"

namespace isoflop::sim {

struct SweepCurvePoint {  ///< Held-out loss along a run.
  std::int64_t steps = 0;
  double tokens = 0;
  double loss = 0;  ///< held out, nats per token
};

struct SweepRecord {
  PlannedRun run;                       ///< from the plan
  double learning_rate = 0;             ///< as trained
  double loss = 0;                      ///< held out, after the last step, nats per token
  std::optional<double> perfect_loss;   ///< of a perfect model on the same text
  std::optional<double> entropy_rate;   ///< of the source
  std::string instruction_set;          ///< rounding differs between them
  std::string diverged;                 ///< not empty: why there is no loss
  std::vector<SweepCurvePoint> curve;   ///< ends with the final loss
};

std::string record_json(const SweepRecord& record, const std::string& plan_sha256);  ///< read_record() reads it back.
/// Throws Error (BadInput) when the text is no record of this plan.
SweepRecord read_record(const std::string& text, const std::string& name, const SweepPlan& plan);

/// Records of the folder in the order of the plan; runs without one are left out. `tuning` asks for the trials instead.
std::vector<SweepRecord> read_records(const std::string& folder, const SweepPlan& plan, bool tuning = false);

/// `isoflop fit` reads the first (params = all parameters, tied embedding once; flops = counted), `compare --curves`
/// the second. Diverged runs have no loss.
std::string runs_csv(const std::vector<SweepRecord>& records, const SweepPlan& plan);
std::string curves_csv(const std::vector<SweepRecord>& records, const SweepPlan& plan);

/// Where things lie in a sweep's folder.
std::string plan_path(const std::string& folder);
std::string record_path(const std::string& folder, const std::string& run);
std::string checkpoint_path(const std::string& folder, const std::string& run);
std::string timing_path(const std::string& folder, const std::string& run);

/// Writes runs.csv and curves.csv of the records that are there.
void write_tables(const std::string& folder, const SweepPlan& plan, const std::vector<SweepRecord>& records);

}  // namespace isoflop::sim
