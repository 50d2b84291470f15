#include "isoflop/sim/requests/vllm_json.h"

namespace isoflop::sim {
namespace {

void put(Value& json, const std::string& name, const LatencySummary& s) {
  json["mean_" + name + "_ms"] = 1e3 * s.mean_s;
  json["median_" + name + "_ms"] = 1e3 * s.p50_s;
  json["std_" + name + "_ms"] = 1e3 * s.deviation_s;
  json["p50_" + name + "_ms"] = 1e3 * s.p50_s;
  json["p90_" + name + "_ms"] = 1e3 * s.p90_s;
  json["p95_" + name + "_ms"] = 1e3 * s.p95_s;
  json["p99_" + name + "_ms"] = 1e3 * s.p99_s;
}

}  // namespace

Value vllm_benchmark_json(const RequestMetrics& metrics, const ServedRequests& served,
                          std::span<const Request> requests, const BenchmarkFacts& facts) {
  Value json = Value::object();
  json["date"] = Value();
  json["endpoint_type"] = "isoflop";
  json["backend"] = "isoflop";
  json["label"] = "simulated";
  json["model_id"] = facts.model;
  json["tokenizer_id"] = facts.model;
  json["num_prompts"] = metrics.requests;
  json["request_rate"] = facts.request_rate ? Value(*facts.request_rate) : Value("inf");
  json["burstiness"] = facts.burstiness;
  json["max_concurrency"] = Value(facts.max_concurrency);
  json["duration"] = metrics.seconds;
  json["completed"] = metrics.finished;
  json["failed"] = metrics.refused;
  json["total_input_tokens"] = metrics.prompt_tokens;
  json["total_output_tokens"] = metrics.output_tokens;
  json["request_throughput"] = metrics.requests_per_s;
  json["request_goodput"] = facts.goodput_asked ? Value(metrics.goodput_per_s) : Value();
  json["output_throughput"] = metrics.output_tokens_per_s;
  json["total_token_throughput"] = metrics.total_tokens_per_s;
  Value inputs = Value::array(), outputs = Value::array(), firsts = Value::array(), errors = Value::array();
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Outcome& o = served.outcomes[i];
    inputs.push_back(requests[i].prompt);
    outputs.push_back(o.tokens);
    firsts.push_back(o.refused ? 0.0 : o.ttft_s());
    errors.push_back(o.refused ? "cache of the request exceeds the memory of a replica" : "");
  }
  json["input_lens"] = inputs;
  json["output_lens"] = outputs;
  json["ttfts"] = firsts;
  json["errors"] = errors;
  put(json, "ttft", metrics.ttft);
  put(json, "tpot", metrics.tpot);
  put(json, "itl", metrics.itl);
  put(json, "e2el", metrics.e2e);
  return json;
}

}  // namespace isoflop::sim
