// What a sweep planned or made, as a report: shared by `sweep` and `sweep merge`.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "isoflop/report/report.h"
#include "isoflop/sim/sweep/sweep_record.h"

namespace isoflop::app {

/// The plan, with seconds per run where they were predicted.
void report_plan(Report& report, const sim::SweepPlan& plan, const std::vector<sim::PlannedRun>& runs,
                 const std::map<std::string, double>& seconds);

/// Losses of the runs that are there; missing and diverged ones make the report distrusted.
void report_records(Report& report, const sim::SweepPlan& plan, const std::vector<sim::SweepRecord>& records,
                    const std::string& folder);

/// What the numbers of a sweep rest on.
void assume_sweep(Report& report, const sim::SweepPlan& plan);

}  // namespace isoflop::app
