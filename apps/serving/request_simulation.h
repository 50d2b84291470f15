// `serve` request by request: its options, and what it answers with them.
#pragma once
#include <optional>
#include <string>

#include "apps/command.h"
#include "apps/serving/serve_options.h"
#include "isoflop/model/architecture.h"
#include "isoflop/sim/requests/capacity.h"
#include "isoflop/sim/requests/simulation.h"
#include "isoflop/sim/requests/workload.h"

namespace isoflop::app {

struct RequestOptions {
  std::string trace, vllm_json;
  std::optional<double> rate;
  std::optional<long> concurrency, requests;
  std::string arrivals = "poisson", lengths = "fixed", routing = "least-loaded";
  double burstiness = 1, spread = 0.5, prefix_share = 0;
  long prefix_groups = 1;
  long replicas = 1, prefill_replicas = 0, max_sequences = 256, step_tokens = 2048, block = 16;
  std::optional<double> kv_link;
  bool prefill_first = false, no_prefix_cache = false, max_rate = false, min_replicas = false, sweep = false;
  std::optional<double> slo_ttft, slo_tpot, slo_e2e;
  double attainment = 0.9;

  void declare(OptionSet& options);
  /// Requests are to be simulated. Throws Error (Usage) where an option needs one that is missing.
  bool asked() const;
};

/// Adds the answer to `report`. `serve` has checked formats and tensor-parallel size.
void answer_requests(const Architecture& architecture, const Accelerator& device, const ServeOptions& serving,
                     const RequestOptions& options, const Settings& settings, Report& report);

}  // namespace isoflop::app
