// How much load a fleet bears, or how large a fleet a load needs, so that a stated share of requests meets an
// objective. Every trial serves the same requests with the same gaps, stretched to the rate, so that trials differ by
// the rate only. The list is finite: a rate somewhat above what the fleet sustains can pass when the list ends before
// its backlog hurts, so long lists (thousands of requests) are asked for.
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "isoflop/sim/requests/request_metrics.h"

namespace isoflop::sim {

struct CapacityTrial {  ///< One load that was tried.
  double load = 0;  ///< requests per second, or replicas
  double attainment = 0;
  bool passes = false;
};

struct Capacity {
  std::optional<double> best;     ///< largest rate or fewest replicas that passes; nothing when none does
  std::optional<double> failing;  ///< nearest tried that fails
  std::vector<CapacityTrial> trials;
};

/// Largest rate that passes, to within a factor of 1 + tolerance, between least and most (both > 0).
Capacity largest_rate(const std::function<CapacityTrial(double)>& trial, double least, double most,
                      double tolerance = 0.01);

/// Fewest replicas that pass, at most `most`.
Capacity fewest_replicas(const std::function<CapacityTrial(double)>& trial, std::int64_t most);

}  // namespace isoflop::sim
