#include "isoflop/sim/engines/engine_laws.h"

#include <algorithm>
#include <cmath>

#include "isoflop/error.h"

namespace isoflop::sim {
namespace {

constexpr double piece = 512,
                 pieces_in_flight = 4;  // llama.cpp's micro-batch and batch / micro-batch, its defaults of 2024

double quantised(double bits, double q8, double q4) { return bits > 12 ? 1 : bits > 7 ? q8 : q4; }

EngineLaw decode_law() {
  EngineLaw law;
  law.name = "decode";
  law.summary = "one token of one request";
  law.constants = {law_constant("e_weights", "of bandwidth", "reading 16-bit weights", 0.8, 0.05, 1),
                   law_constant("q8", "", "slowdown of 8-bit weights, per byte", 1.2, 0.7, 6),
                   law_constant("q4", "", "slowdown of 4- to 6-bit weights, per byte", 1.3, 0.7, 6),
                   law_constant("e_cache", "of bandwidth", "reading keys and values", 0.4, 0.01, 1),
                   law_constant("start", "s", "fixed time of a layer", 1e-5, 1e-7, 2e-3),
                   law_constant("sync", "s", "fixed time of a layer's two all-reduces", 1.5e-5, 1e-7, 1e-3),
                   law_constant("sync_log", "s", "more of it per doubling of devices", 4e-6, 1e-8, 1e-3),
                   law_constant("hop", "s", "handing a token to the next device", 1e-4, 1e-7, 1e-2)};
  law.spread = {0.25, 0.25, 0.25, 0.6, 0.7, 0.5, 0.5, 1};
  law.formula = [](std::span<const double> c, const EngineSample& s, double) {
    const double t = s.tensor_parallel;
    const double weights =
        (s.body_bytes / t + s.head_bytes) * quantised(s.weight_bits, c[1], c[2]) / (s.bandwidth * c[0]);
    const double cache = s.kv_bytes / (t * s.bandwidth * c[3]);
    const double sync = t > 1 ? c[5] + c[6] * std::log2(t) : 0;
    return weights + cache + s.layers * (c[4] + sync) + (s.layer_splits - 1) * c[7];
  };
  return law;
}

EngineLaw prefill_law() {
  EngineLaw law;
  law.name = "prefill";
  law.summary = "the prompt of one request";
  law.constants = {law_constant("e_compute", "of 16-bit peak", "products of 16-bit weights", 0.5, 0.02, 1),
                   law_constant("q", "", "slowdown of quantised weights", 1.3, 0.4, 8),
                   law_constant("e_attention", "of 16-bit peak", "scores and sums", 0.1, 0.002, 1),
                   law_constant("e_weights", "of bandwidth", "reading weights", 0.6, 0.05, 1),
                   law_constant("start", "s", "fixed time of a layer", 3e-5, 1e-7, 5e-3),
                   law_constant("overlap", "", "share of the pass that layer splits pipeline", 0.8, 0.05, 1)};
  law.spread = {0.35, 0.3, 0.4, 0.4, 0.5, 0.2};
  law.formula = [](std::span<const double> c, const EngineSample& s, double) {
    const double pieces = std::max(1.0, std::ceil(s.prompt / piece));
    const double q = s.weight_bits > 12 ? 1 : c[1];
    const double alone = s.prefill_flop * q / (s.peak * c[0]) + s.prefill_attention_flop / (s.peak * c[2]) +
                         pieces * (s.prefill_bytes / (s.bandwidth * c[3]) + s.layers * c[4]);
    const double flight = std::min(pieces, pieces_in_flight), devices = s.layer_splits;
    const double pipe = (flight + devices - 1) / (flight * devices);
    return alone * ((1 - c[5]) + c[5] * pipe);
  };
  return law;
}

EngineLaw latency_law() {
  EngineLaw law;
  law.name = "latency";
  law.summary = "prompt and generation of a batch";
  law.constants = {
      law_constant("e_weights", "of bandwidth", "reading weights", 0.75, 0.1, 1),
      law_constant("e_cache", "of bandwidth", "reading keys and values", 0.4, 0.01, 1),
      law_constant("e_decode", "of peak", "products of a decode step", 0.5, 0.02, 1),
      law_constant("e_prompt", "of peak", "products of the prompt", 0.5, 0.02, 1),
      law_constant("start", "s", "fixed time of a layer and step", 5e-5, 1e-7, 2e-3),
      law_constant("sync", "s", "fixed time of a layer's two all-reduces", 3e-5, 1e-7, 1e-3),
      law_constant("sync_log", "s", "more of it per doubling of devices", 5e-6, 1e-8, 1e-3),
      law_constant("far", "s", "more of it between nodes", 1e-5, 1e-8, 1e-3),
      law_constant("e_link", "of link", "all-reduced bytes inside a node", 0.5, 0.01, 1),
      law_constant("e_network", "of one card", "all-reduced bytes between nodes, which have eight cards", 2, 0.05, 8),
      law_constant("stage", "s", "a step's hand-over between pipeline stages", 1e-3, 1e-6, 1e-1),
      law_constant("element_passes", "", "16-bit copies of the residual stream moved per layer and prompt token", 30,
                   0.5, 500),
      law_constant("sample", "s", "choosing the next token of one sequence", 1e-5, 1e-8, 1e-3)};
  law.spread = {0.2, 0.4, 0.3, 0.3, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.5, 0.5, 0.5};
  law.formula = [](std::span<const double> c, const EngineSample& s, double) {
    const double t = s.tensor_parallel, stages = s.layer_splits;
    // Stages work side by side once the batch is cut into as many parts; a part per stage is kept full by prompts only.
    const double parts = std::min(stages, s.batch);
    const double memory = ((s.body_bytes + s.head_bytes) / c[0] + s.kv_bytes / c[1] / parts) / (t * s.bandwidth);
    const double step = std::max(memory, s.decode_flop / parts / (t * s.peak * c[2]));
    const double sync = t > 1 ? c[5] + c[6] * std::log2(t) + (s.nodes > stages ? c[7] : 0) : 0;
    const double fixed = s.layers * (c[4] + sync) + (stages - 1) * c[10] + s.batch * c[12];
    const double tokens = s.batch * s.prompt;
    const double moved = t > 1 ? 2 * s.layers * (tokens + s.batch * s.generate) * s.width * 2 * 2 * (t - 1) / t : 0;
    const double link = s.nodes > stages ? s.link * c[9] : s.link * c[8];
    const double prompt = (s.prefill_flop + s.prefill_attention_flop) / (t * s.peak * c[3]) +
                          c[11] * tokens * s.width * 2 * s.layers / s.bandwidth;
    const double filled = (parts + stages - 1) / (parts * stages);
    return s.generate * (step + fixed) + (prompt + moved / link) * filled;
  };
  return law;
}

EngineLaw memory_law() {
  EngineLaw law;
  law.name = "memory";
  law.summary = "device memory in use";
  law.constants = {
      law_constant("weights", "", "bytes held per byte of weights", 1, 0.9, 1.3),
      law_constant("cache", "", "bytes held per byte of keys and values", 1.1, 0.9, 3),
      law_constant("activations", "", "16-bit copies of the residual stream of all prompt tokens", 20, 0.1, 300),
      law_constant("base", "B", "context, libraries, workspace of a device", 1.5e9, 1e6, 8e9)};
  law.spread = {0.1, 0.3, 0.7, 1.5};
  law.formula = [](std::span<const double> c, const EngineSample& s, double) {
    return s.stored_bytes * c[0] + s.kv_stored_bytes * c[1] + c[2] * s.batch * s.prompt * s.width * 2 + c[3];
  };
  return law;
}

EngineLaw offline_law() {
  EngineLaw law;
  law.name = "offline";
  law.summary = "generated tokens at saturation";
  law.constants = {law_constant("e_compute", "of peak", "products of prompt and generation", 0.4, 0.01, 1),
                   law_constant("sparse", "", "slowdown of mixtures of experts", 1.5, 1, 10)};
  law.spread = {0.35, 0.2};
  law.formula = [](std::span<const double> c, const EngineSample& s, double) {
    return s.decode_flop / (s.peak * c[0]) * (s.mixture ? c[1] : 1);
  };
  return law;
}

}  // namespace

double EngineLaw::predict(std::span<const double> values, const EngineSample& sample, double tpot) const {
  return std::max(formula(values, sample, tpot), sample.floor);
}

std::vector<double> EngineLaw::generic() const {
  std::vector<double> values;
  for (const Constant& c : constants) values.push_back(c.start);
  return values;
}

const std::vector<EngineLaw>& inference_laws() {
  static const std::vector<EngineLaw> laws = {decode_law(), prefill_law(), latency_law(), memory_law(), offline_law()};
  return laws;
}

const EngineLaw& law_named(const std::vector<EngineLaw>& laws, const std::string& name) {
  for (const EngineLaw& law : laws)
    if (law.name == name) return law;
  throw Error(Fault::CannotRun, "no law \"" + name + "\"");
}

}  // namespace isoflop::sim
