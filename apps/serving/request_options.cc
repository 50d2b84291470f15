#include "apps/serving/request_simulation.h"
#include "isoflop/error.h"

namespace isoflop::app {

void RequestOptions::declare(OptionSet& options) {
  options.group("Request by request: the load");
  options.text("--trace", trace,
               "CSV of requests: TIMESTAMP,ContextTokens,GeneratedTokens[,prefix_hash,prefix_tokens]");
  options.number("--rate", rate, "open loop: requests per second; with --trace its lengths at this rate",
                 NumberRange::positive());
  options.whole("--concurrency", concurrency, "closed loop: clients, each waiting for its answer before it asks again",
                1, 1000000);
  options.whole("--requests", requests, "how many (1000, or the trace's)", 1, 100000000);
  options.choice("--arrivals", arrivals, sim::arrival_process_names, "gaps between requests; gamma takes --burstiness");
  options.number("--burstiness", burstiness, "shape of gamma gaps: 1 is Poisson, less is burstier",
                 NumberRange::positive());
  options.choice("--lengths", lengths, sim::length_shape_names, "lengths about --prompt and --generate");
  options.number("--spread", spread, "uniform: +- this part of the mean; lognormal: standard deviation / mean",
                 NumberRange::not_negative());
  options.number("--prefix-share", prefix_share, "part of the mean prompt that requests of a group share",
                 NumberRange::fraction());
  options.whole("--prefix-groups", prefix_groups, "groups of requests that share a prefix", 1, 1000000);
  options.group("Request by request: the servers");
  options.whole("--replicas", replicas, "copies of the model, each on --tp devices", 1, 10000);
  options.whole("--prefill-replicas", prefill_replicas, "copies that compute prompts only; --replicas then only decode",
                0, 10000);
  options.number("--kv-link", kv_link, "bytes/s from a prefill replica to a decoding one (50 GB/s per device)",
                 NumberRange::positive());
  options.choice("--routing", routing, sim::routing_names, "who gets the next request");
  options.whole("--max-sequences", max_sequences, "running at once on a replica", 1, 65536);
  options.whole("--step-tokens", step_tokens, "tokens of one pass; prompts are cut to fit", 1, 1000000);
  options.whole("--block", block, "tokens of a cache block", 1, 65536);
  options.flag("--prefill-first", prefill_first,
               "passes of whole prompts before any decoding, instead of mixing pieces in");
  options.flag("--no-prefix-cache", no_prefix_cache, "compute shared prefixes every time");
  options.group("Request by request: the questions");
  options.duration("--slo-ttft", slo_ttft, "limit of the time to first token, for goodput");
  options.duration("--slo-tpot", slo_tpot, "limit of the time per output token");
  options.duration("--slo-e2e", slo_e2e, "limit of the time to the last token");
  options.number("--attainment", attainment, "part of the requests that must meet the limits", NumberRange::fraction());
  options.flag("--max-rate", max_rate, "largest rate that meets the limits");
  options.flag("--min-replicas", min_replicas, "fewest replicas that meet the limits");
  options.flag("--sweep", sweep, "rates (or concurrencies) side by side, and their frontier");
  options.text("--vllm-json", vllm_json, "also write FILE with the keys of vLLM's serving benchmark");
}

bool RequestOptions::asked() const {
  const auto need = [](bool fine, const char* text) {
    if (!fine) throw Error(Fault::Usage, text);
  };
  const bool objective = slo_ttft || slo_tpot || slo_e2e;
  const bool load = !trace.empty() || rate || concurrency;
  need(!(rate && concurrency), "--rate is an open loop, --concurrency a closed one: choose one");
  need(!(max_rate && min_replicas), "--max-rate and --min-replicas: ask one at a time");
  need(!max_rate || (!rate && !concurrency), "--max-rate finds the rate itself: leave --rate and --concurrency out");
  need(!(max_rate || min_replicas) || objective, "capacity needs limits: --slo-ttft, --slo-tpot or --slo-e2e");
  need(!min_replicas || load, "--min-replicas needs a load: --rate, --concurrency or --trace");
  need(!(max_rate || min_replicas) || !sweep, "--sweep and a capacity search: ask one at a time");
  need(load || max_rate ||
           (!objective && !sweep && vllm_json.empty() && !requests && replicas == 1 && prefill_replicas == 0),
       "simulating requests needs a load: --rate, --concurrency or --trace");
  return load || max_rate;
}

}  // namespace isoflop::app
