// A footprint as a report: result keys, tables in everyday units, the boundary ledger, equivalences, and every input
// with its source. Shared by `footprint`, and by `train` and `serve` where they price a run.
#pragma once
#include <string>

#include "isoflop/report/report.h"
#include "isoflop/sim/footprint/conventions.h"
#include "isoflop/sim/footprint/equivalences.h"
#include "isoflop/sim/footprint/footprint.h"

namespace isoflop::app {

/// Tonnes, megawatt-hours, cubic metres, or the smaller unit that suits: value times `scale` is in `unit`.
struct ReadableUnit {
  double scale = 1;
  std::string unit;
};
ReadableUnit carbon_unit(double kg);
ReadableUnit energy_unit(double kwh);
ReadableUnit water_unit(double litres);

/// "11.7 kt (9.9 to 13.9)"
std::string with_interval(const Estimate& e, const ReadableUnit& unit);

/// The keys of `footprint` in docs/json.md into `result`: energy_it_kwh ... heat_j, ledger, variance shares.
void put_footprint(Value& result, const sim::FootprintEstimate& f);
void put_equivalences(Report& report, const Estimate& co2e_kg, const std::vector<sim::Equivalence>& table);

/// Tables, plot, assumptions, explanation. `subject` names what was run.
void describe_footprint(Report& report, const sim::FootprintEstimate& f, const std::string& subject);

/// "62 % of the variance of the total is host overhead"
std::string widest_input(const sim::FootprintEstimate& f);

/// A line at the owner's operational figure in the waterfall that describe_footprint made.
void mark_printed(Report& report, double printed_kg, const sim::FootprintEstimate& estimate);

/// The owner's rule step by step, and the printed figure it should give.
void describe_replay(Report& report, const sim::Replay& replay);

}  // namespace isoflop::app
