// What a simulation of requests plays out: requests and when they arrive, engine, fleet and limits, from the options.
#pragma once
#include <string>
#include <vector>

#include "apps/serving/request_simulation.h"
#include "isoflop/sim/requests/request_metrics.h"

namespace isoflop::app {

/// Everything a run needs but the table of step times.
struct RequestScene {
  std::vector<sim::Request> requests;
  sim::WorkloadOptions workload;
  sim::EngineOptions engine;
  sim::FleetOptions fleet;
  sim::Objective objective;
  std::int64_t concurrency = 0;
  bool own_times = false;  ///< arrivals are the trace's
  std::string load_words;
};

/// Reads the trace or draws requests; names input, seed and rows left out in the report. Throws Error (Usage) for a
/// trace without times and no rate, or with fewer requests than asked for.
RequestScene request_scene(const ServeOptions& serving, const RequestOptions& options, const Settings& settings,
                           Report& report);

}  // namespace isoflop::app
