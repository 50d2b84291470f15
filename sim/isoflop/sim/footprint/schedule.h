// When to run: shifting a job in time, or pausing it, on an hourly grid series. Savings are judged with a forecast that
// an operator could have had (the last 24 known hours repeat), beside perfect foresight; never by foresight alone.
// Savings are ratios of totals over many random starts: averaging per-job ratios shows losses that are not there.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "isoflop/catalogue/csv_table.h"

namespace isoflop::sim {

/// Equally spaced grid factors. `marginal` and `water` are empty or as long as `average`.
struct GridSeries {
  double step_hours = 1;
  std::string first_time;
  std::vector<double> average_kg_per_kwh, marginal_kg_per_kwh, offsite_water_l_per_kwh;
};

/// CSV with a time column (time, timestamp, datetime, date: ISO 8601) and kgco2e_per_kwh or gco2e_per_kwh, optionally
/// marginal_kgco2e_per_kwh (or g) and offsite_water_l_per_kwh. Throws Error (BadInput) for gaps, uneven spacing, times
/// that go back, or missing values.
GridSeries read_grid_series(const CsvTable& table);

struct FlexibleJob {  ///< A job that may wait.
  double hours = 4;         ///< of work
  double slack_hours = 24;  ///< how much later than at once it may end
};

/// Share saved against starting at once; 0.1 is 10 %.
struct Savings {
  double forecast = 0;  ///< chosen by yesterday's profile
  double oracle = 0;    ///< chosen with the true series
};

struct ScheduleResult {  ///< What waiting and pausing save, with a real forecast and with perfect foresight.
  std::size_t starts = 0;
  double baseline_kg_per_kwh = 0;  ///< mean factor of jobs that start at once
  Savings shift;                   ///< one block, moved
  Savings pause;                   ///< the cheapest hours, in any pieces
  /// What the shift chosen by average factors does to marginal carbon and to water (positive: saves).
  std::optional<Savings> shift_marginal, shift_water;
  double median_daily_max_over_min = 1;
};

/// Throws Error (BadInput) when the series is shorter than a day plus job plus slack, or the job is not a whole number
/// of steps.
ScheduleResult schedule(const GridSeries& series, const FlexibleJob& job, std::size_t random_starts = 3000,
                        std::uint64_t seed = 42);

}  // namespace isoflop::sim
