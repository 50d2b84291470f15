// A run of requests as result keys, tables and plots.
#pragma once
#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include "isoflop/report/report.h"
#include "isoflop/sim/requests/request_metrics.h"

namespace isoflop::app {

/// The same requests at the low end, the centre and the high end of the step times' range.
struct ThreeRuns {
  std::array<sim::ServedRequests, 3> served;
  std::array<sim::RequestMetrics, 3> metrics;
  const sim::RequestMetrics& central() const { return metrics[1]; }
  /// Of one figure over the three runs.
  template <class Get>
  Estimate range(Get get) const {
    const double a = get(metrics[0]), b = get(metrics[1]), c = get(metrics[2]);
    return {std::min({a, b, c}), b, std::max({a, b, c}), {}};
  }
};

void add_request_values(Value& result, const ThreeRuns& runs, bool objective_stated);
std::vector<ReportTable> request_tables(const ThreeRuns& runs, bool objective_stated);
/// Every request on its own, central step times.
ReportTable request_rows(const sim::ServedRequests& served, std::span<const sim::Request> requests);
/// Waiting and running requests over time; cache in use over time.
std::vector<PlotSpec> request_plots(const ThreeRuns& runs, const std::string& subtitle);

/// One load of a sweep.
struct SweepPoint {
  double load = 0;  ///< requests per second or clients
  sim::RequestMetrics metrics;
};
ReportTable sweep_table(const std::vector<SweepPoint>& points, const std::string& load_name, bool objective_stated);
PlotSpec sweep_plot(const std::vector<SweepPoint>& points, const std::string& load_name, const std::string& subtitle);

}  // namespace isoflop::app
