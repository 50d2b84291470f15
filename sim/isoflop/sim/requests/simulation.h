// Requests served by a fleet of equal replicas: discrete events from the first arrival to the last token.
//
//   open loop    requests arrive when they say
//   closed loop  `concurrency` clients, each of which sends the next request of the list when its last one is done
//   disaggregated  prefill_replicas compute prompts and the first token; the cache then travels over the replica's one
//                link, in turn (transfer_fixed_s + transfer_s_per_token x prompt), to one of `replicas`, which decodes.
//                The prefill replica's blocks are free again when the prompt is done (assumed: sent from a buffer)
// A request whose cache alone exceeds a replica is refused and not served. Deterministic; one thread.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "isoflop/sim/requests/replica.h"

namespace isoflop::sim {

enum class RoutingPolicy { RoundRobin, LeastLoaded, Prefix };  ///< Who gets the next request.
inline const std::vector<std::string> routing_names = {"round-robin", "least-loaded", "prefix"};

struct FleetOptions {  ///< How many replicas, who gets what, and how caches travel.
  std::int64_t replicas = 1;          ///< all of them, or those that decode
  std::int64_t prefill_replicas = 0;  ///< 0 = not disaggregated
  RoutingPolicy routing =
      RoutingPolicy::LeastLoaded;  ///< Prefix: by prefix number where there is one, else least loaded
  double transfer_fixed_s = 0, transfer_s_per_token = 0;
};

struct ServedRequests {  ///< Everything that happened.
  std::vector<Outcome> outcomes;  ///< in the order of the requests
  ReplicaTotals totals;           ///< of all replicas
  std::vector<ReplicaTotals> by_replica;  ///< those that prefill come after the others
  Timeline timeline;              ///< amounts over all replicas
  GapHistogram gaps;              ///< between tokens of a request
  double start_s = 0, end_s = 0;  ///< first arrival, last token
  std::int64_t replicas = 1;      ///< in all
  std::int64_t blocks = 0;        ///< in all
  bool disaggregated = false;
  double seconds() const { return end_s - start_s; }
};

/// `concurrency` 0: open loop. Throws Error (Usage) for options that cannot be, (BadInput) for requests that cannot be
/// or exceed the limits of the table.
ServedRequests serve_requests(const PassTable& table, const EngineOptions& engine, const FleetOptions& fleet,
                              std::span<const Request> requests, std::int64_t concurrency = 0);

}  // namespace isoflop::sim
