#include "isoflop/sim/engines/engine_serving.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "isoflop/error.h"
#include "isoflop/sim/engines/engine_chip.h"
#include "isoflop/sim/engines/inference_table.h"
#include "isoflop/sim/engines/served_model.h"
#include "isoflop/sim/engines/serving_table.h"

namespace isoflop::sim {
namespace {

bool is_server(const std::string& engine) { return engine == "trtllm" || engine == "vllm" || engine == "sglang"; }

// Servers were measured with these models (and others of the same shapes that the catalogue does not name).
constexpr std::array<std::string_view, 10> served_in_tables = {
    "llama-3-70b", "llama-3.1-70b", "llama-3.3-70b-instruct", "llama-3-8b",      "llama-3.1-8b",
    "qwen3-32b",   "deepseek-v3",   "gpt-oss-120b",           "qwen3-235b-a22b", "kimi-k2"};
// Measured over predicted, 90 % of 2,355 TPOT and 2,358 TTFT whose models were left out whole
// (docs/serving_accuracy.md).
constexpr RatioInterval unserved_tpot{0.58, 1.65}, unserved_ttft{0.36, 4.3};

EnginePrediction widened(EnginePrediction p, const RatioInterval& least) {
  p.interval = {std::min(p.interval.low, least.low), std::max(p.interval.high, least.high)};
  return p;
}

Estimate estimate_of(const EnginePrediction& p, double floor) {
  return {std::max(floor, p.base * std::min(1.0, p.interval.low)), p.base, p.base * std::max(1.0, p.interval.high), {}};
}

EnginePrediction require(const EngineProfile& profile, const EngineSample& s, const std::string& engine) {
  const auto p = profile.predict(s);
  if (!p)
    throw Error(Fault::CannotRun,
                "the profile has no constants for the law \"" + s.law + "\" that " + engine + " needs");
  return *p;
}

std::string basis_of(const EnginePrediction& p, const std::string& engine, const std::string& chip) {
  if (p.own_rows)
    return fmt::format("fitted to {} rows in {} groups of {} on {}", p.cell->rows, p.cell->groups, engine, chip);
  return fmt::format("borrowed: no row of {} on {} of this kind; cell \"{}\" of {} rows in {} groups", engine, chip,
                     p.cell->name, p.cell->rows, p.cell->groups);
}

}  // namespace

EngineAnswer engine_answer(const EngineProfile& profile, const std::string& engine, const Architecture& architecture,
                           const Accelerator& accelerator, const ServingLoad& load) {
  if (std::find(engine_names.begin(), engine_names.end(), engine) == engine_names.end())
    throw unknown_name("engine", engine, engine_names);
  const ServedModel model = served_model(architecture);
  const EngineChip chip = engine_chip(accelerator);
  const bool server = is_server(engine), batches = server || engine == "fastertransformer";
  if (!batches && load.batch > 1) throw Error(Fault::Usage, engine + " serves one request at a time here: --batch 1");
  if ((engine == "llama.cpp" || engine == "mlx") && load.tensor_parallel > 1)
    throw Error(Fault::Usage, engine + " has no tensor parallelism here: --tp 1");
  if (load.arithmetic == Arithmetic::Fp4)
    throw Error(Fault::Usage, "no published run of " + engine + " computes in fp4: --compute fp4 without --engine");
  EngineAnswer answer;
  EngineSample s;
  s.batch = static_cast<double>(load.batch);
  s.prompt = static_cast<double>(load.prompt);
  s.generate = static_cast<double>(load.generate);
  s.tensor_parallel = s.devices = s.prefill_devices = static_cast<double>(load.tensor_parallel);
  const double bits = 8 * load.weight_bytes(), arithmetic = load.arithmetic == Arithmetic::Bf16 ? 16 : 8;
  if (server) {
    answer.closed_loop = true;
    s.concurrency = s.batch;
    ServedFormats formats{bits, bits, 8 * load.kv_bytes(), arithmetic};
    fill_closed_loop(s, model, chip, formats, engine, false);
    s.law = "tpot";
    s.cells = s.tpot_cells = closed_loop_cells(s, "tpot", engine, chip.id);
    set_closed_loop_floor(s, model, formats);
    const bool served =
        std::find(served_in_tables.begin(), served_in_tables.end(), architecture.name) != served_in_tables.end();
    EnginePrediction tpot = require(profile, s, engine);
    if (!served) tpot = widened(tpot, unserved_tpot);
    answer.tpot_s = estimate_of(tpot, s.floor);
    s.law = "ttft";
    s.cells = closed_loop_cells(s, "ttft", engine, chip.id);
    set_closed_loop_floor(s, model, formats);
    EnginePrediction ttft = require(profile, s, engine);
    if (!served) {
      ttft = widened(ttft, unserved_ttft);
      answer.warnings.push_back(
          "no run of this model is in the tables: ranges are those found by leaving whole models out");
    }
    answer.ttft_s = estimate_of(ttft, s.floor);
    answer.basis = basis_of(tpot, engine, accelerator.id);
    if (s.running < s.concurrency)
      answer.warnings.push_back(fmt::format("the cache holds {:.0f} of {} requests at a time; the others wait for room",
                                            s.running, load.batch));
    return answer;
  }
  s.weight_bits = bits;
  fill_request(s, model, chip);
  s.cells = {"any", engine, engine + "/" + chip.vendor, engine + "/" + chip.id};
  if (engine == "fastertransformer") {
    s.law = "latency";
    set_request_floor(s);
    const EnginePrediction whole = require(profile, s, engine);
    EngineSample first = s;
    first.generate = 1;
    fill_request(first, model, chip);
    set_request_floor(first);
    const EnginePrediction one = require(profile, first, engine);
    answer.ttft_s = estimate_of(one, first.floor);
    const double steps = std::max(1.0, s.generate - 1),
                 floor = std::max((s.body_bytes + s.head_bytes) / (s.tensor_parallel * s.bandwidth),
                                  s.decode_flop / (s.tensor_parallel * s.peak));
    const double rest = std::max(floor, (whole.base - one.base) / steps);
    answer.tpot_s = {
        std::max(floor, rest * std::min(1.0, whole.interval.low)), rest, rest * std::max(1.0, whole.interval.high), {}};
    answer.basis = basis_of(whole, engine, accelerator.id);
    return answer;
  }
  s.law = "decode";
  set_request_floor(s);
  const EnginePrediction decode = require(profile, s, engine);
  answer.tpot_s = estimate_of(decode, s.floor);
  s.law = "prefill";
  set_request_floor(s);
  const EnginePrediction prefill = require(profile, s, engine);
  answer.ttft_s = estimate_of(prefill, s.floor);
  answer.basis = basis_of(decode, engine, accelerator.id);
  if (!prefill.own_rows) answer.warnings.push_back("time to first token: " + basis_of(prefill, engine, accelerator.id));
  return answer;
}

}  // namespace isoflop::sim
