// A run of requests under the keys of vLLM's serving benchmark (`vllm bench serve --save-result`), so that whatever
// reads those files reads ours. Milliseconds where the key says so. "date" is null: a simulation has none. Gaps of
// single requests ("itls") are not kept.
#pragma once
#include <optional>
#include <span>
#include <string>

#include "isoflop/report/value.h"
#include "isoflop/sim/requests/request_metrics.h"

namespace isoflop::sim {

struct BenchmarkFacts {  ///< What the simulation itself does not know.
  std::string model;
  std::optional<double> request_rate;  ///< nothing: all at once, which vLLM writes as "inf"
  double burstiness = 1;
  std::optional<std::int64_t> max_concurrency;
  bool goodput_asked = false;
};

/// One object, as the benchmark saves it.
Value vllm_benchmark_json(const RequestMetrics& metrics, const ServedRequests& served,
                          std::span<const Request> requests, const BenchmarkFacts& facts);

}  // namespace isoflop::sim
