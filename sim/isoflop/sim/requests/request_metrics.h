// What a run of requests says about service: percentiles, throughput, goodput, utilisation, and whether it adds up.
//
//   TTFT  first token - arrival      TPOT  (end to end - TTFT) / (tokens - 1), requests of two tokens or more
//   E2E   last token - arrival       ITL   time between two tokens of one request, over all of them (to 0.3 %)
//   goodput      requests per second that met every limit      attainment  their share of all requests, refused ones
//   included utilisation  busy time / (replicas x run)      occupancy  cache blocks in use, mean over the run / all
//   blocks Little's law  mean number in the system = finished / run x mean E2E: left side from the timeline, right from
//   the
//                 requests; their relative difference is only rounding, whatever the load (disaggregated: transfers are
//                 in neither replica, so the left side is short of them and no check is made)
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "isoflop/sim/requests/simulation.h"

namespace isoflop::sim {

struct LatencySummary {  ///< Of one latency over requests.
  double mean_s = 0, deviation_s = 0, p50_s = 0, p90_s = 0, p95_s = 0, p99_s = 0, max_s = 0;
};

/// Limits of a service-level objective; absent ones hold.
struct Objective {
  std::optional<double> ttft_s, tpot_s, e2e_s;
  bool stated() const { return ttft_s || tpot_s || e2e_s; }
  bool met_by(const Outcome& o) const {  ///< A refused request meets none.
    return !o.refused && (!ttft_s || o.ttft_s() <= *ttft_s) && (!tpot_s || o.tpot_s() <= *tpot_s) &&
           (!e2e_s || o.e2e_s() <= *e2e_s);
  }
};

struct RequestMetrics {
  std::int64_t requests = 0, finished = 0, refused = 0;
  std::int64_t prompt_tokens = 0, output_tokens = 0;  ///< of finished requests
  double seconds = 0;
  LatencySummary ttft, tpot, itl, e2e, queue;  ///< queue: arrival to admission
  double requests_per_s = 0, output_tokens_per_s = 0, total_tokens_per_s = 0;
  double goodput_per_s = 0, attainment = 0;  ///< 1 without an objective
  double utilisation = 0, mean_running = 0, mean_waiting = 0, cache_occupancy = 0;
  double mean_decode_batch = 0;  ///< over decode steps
  double prefix_hit_rate = 0;    ///< prompt tokens found stored / prompt tokens of admissions
  std::int64_t preemptions = 0;
  std::optional<double> little_error;
  bool conserved = false;  ///< every request finished once with its tokens, or was refused
};

RequestMetrics request_metrics(const ServedRequests& served, std::span<const Request> requests,
                               const Objective& objective);

/// Share of requests that meet the objective; refused ones do not.
double attainment(const ServedRequests& served, const Objective& objective);

}  // namespace isoflop::sim
