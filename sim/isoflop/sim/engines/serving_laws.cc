#include "isoflop/sim/engines/serving_laws.h"

#include <algorithm>
#include <cmath>

namespace isoflop::sim {
namespace {

double prompt_time(const EngineSample& s, double e_prompt, double x4, double e_link, double prompt_start) {
  const double rate = s.prefill_devices * s.peak * e_prompt * (s.weight_bits < 6 ? x4 : 1);
  return (s.prefill_flop + s.prefill_attention_flop) / rate + s.prefill_moved_bytes / (s.link * e_link) +
         s.layers * prompt_start;
}

EngineLaw tpot_law() {
  EngineLaw law;
  law.name = "tpot";
  law.summary = "time per output token in closed loop";
  law.constants = {
      law_constant("e_weights", "of bandwidth", "reading weights", 0.7, 0.05, 1),
      law_constant("q_experts", "", "slowdown of routed experts' weights", 1.3, 0.7, 8),
      law_constant("e_cache", "of bandwidth", "reading keys and values", 0.5, 0.02, 1),
      law_constant("e_decode", "of peak", "products of a decode step", 0.4, 0.01, 1),
      law_constant("e_prompt", "of peak", "products of prompts", 0.5, 0.02, 1),
      law_constant("x4", "", "efficiency of 4-bit weights' prompts against 8-bit ones'", 0.6, 0.1, 1),
      law_constant("start", "s", "fixed time of a layer", 1.5e-5, 1e-7, 1e-3),
      law_constant("sync", "s", "fixed time of a layer's two all-reduces", 1.5e-5, 1e-7, 1e-3),
      law_constant("sync_log", "s", "more of it per doubling of devices", 3e-6, 1e-8, 1e-3),
      law_constant("expert_start", "s", "more fixed time of a layer with experts", 1e-5, 1e-8, 1e-3),
      law_constant("host", "s", "engine's time between steps", 5e-4, 1e-6, 5e-2),
      law_constant("host_request", "s", "more of it per request", 1e-5, 1e-8, 1e-3),
      law_constant("e_link", "of link", "all-reduced bytes", 0.4, 0.01, 1),
      law_constant("prompt_start", "s", "fixed time of a prompt's layer", 1e-5, 1e-8, 1e-3),
      law_constant("per_worker", "", "requests per decoding group where their number is not stated", 200, 8, 1e5),
      law_constant("draft", "tokens", "more tokens a step where the model drafts them", 0.8, 0.01, 3),
      law_constant("draft_half", "", "requests at which checking drafts costs half of that", 200, 8, 1e4),
      law_constant("draft_share", "", "of that, in runs that do not say whether they drafted", 0.5, 0.01, 1)};
  law.spread = {0.2, 0.3, 0.4, 0.3, 0.3, 0.2, 0.4, 0.4, 0.4, 0.4, 0.5, 0.5, 0.4, 0.5, 0.7, 0.3, 0.5, 0.5};
  law.formula = [](std::span<const double> c, const EngineSample& s, double) {
    const double n = s.devices, bandwidth = n * s.bandwidth;
    // Share of the requests that one decoding group serves: more groups are set up where more requests come.
    const double share = s.workers_known ? 1 : 1 / (1 + s.concurrency / c[14]);
    const double running = share * s.running;
    const double dense = s.body_bytes - s.expert_bytes + s.head_bytes;
    const double memory =
        (dense + c[1] * s.expert_bytes) / (bandwidth * c[0]) + share * s.kv_bytes / (bandwidth * c[2]);
    const double compute = share * s.decode_flop / (n * s.peak * c[3]);
    const double sync = n > 1 ? c[7] + c[8] * std::log2(n) : 0;
    const double fixed = c[10] + running * c[11] + s.layers * (c[6] + sync) + s.expert_layers * c[9];
    const double peers = s.separate_prefill ? 0 : running * prompt_time(s, c[4], c[5], c[12], c[13]) / s.generate;
    using Drafting = EngineSample::Drafting;
    const double drafted = s.drafting == Drafting::No ? 0 : c[15] / (1 + running / c[16]);
    const double tokens = 1 + (s.drafting == Drafting::Unknown ? c[17] : 1) * drafted;
    return (fixed + std::max(memory, compute) + share * s.moved_bytes / (s.link * c[12])) / tokens + peers;
  };
  return law;
}

EngineLaw ttft_law() {
  EngineLaw law;
  law.name = "ttft";
  law.summary = "time to first token in closed loop";
  law.constants = {
      law_constant("own", "s", "request handling", 2e-2, 1e-4, 2),
      law_constant("e_prompt", "of peak", "products of the prompt", 0.4, 0.02, 1),
      law_constant("x4", "", "efficiency of 4-bit weights' prompts against 8-bit ones'", 0.6, 0.1, 1),
      law_constant("e_link", "of link", "all-reduced bytes", 0.4, 0.01, 1),
      law_constant("prompt_start", "s", "fixed time of a prompt's layer", 2e-4, 1e-8, 5e-3),
      law_constant("burst", "", "share of requests that come in one wave", 0.2, 1e-3, 3),
      law_constant("steps", "", "decode steps waited for", 1, 1e-2, 40),
      law_constant("stream", "", "steps between two answers where prompt and answer are equally long", 1, 1e-2, 40),
      law_constant("late", "", "further requests waiting for a whole answer, all in all", 1e-2, 1e-5, 5),
      law_constant("queue", "s", "handling of each other request", 1e-4, 1e-8, 5e-2)};
  law.spread = {0.5, 0.3, 0.2, 0.4, 0.6, 0.6, 0.7, 1, 1.5, 0.8};
  law.formula = [](std::span<const double> c, const EngineSample& s, double tpot) {
    const double t_p = prompt_time(s, c[1], c[2], c[3], c[4]);
    const double answer = s.generate * tpot;
    const double waiting = std::max(0.0, s.concurrency / s.slots - 1) * answer;
    const double stream = s.prompt == s.generate ? c[7] : 0;
    return c[0] + t_p * (1 + c[5] * (s.concurrency - 1) / 2) + (c[6] + stream) * tpot +
           c[8] * answer * (s.concurrency - 1) / (s.concurrency * s.concurrency) + s.concurrency * c[9] + waiting;
  };
  return law;
}

}  // namespace

const std::vector<EngineLaw>& serving_laws() {
  static const std::vector<EngineLaw> laws = {tpot_law(), ttft_law()};
  return laws;
}

}  // namespace isoflop::sim
