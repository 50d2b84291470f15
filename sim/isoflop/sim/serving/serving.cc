#include "isoflop/sim/serving/serving.h"

#include <algorithm>
#include <cmath>

#include "isoflop/error.h"
#include "isoflop/model/op_cost.h"
#include "isoflop/sim/serving/serving_energy.h"

namespace isoflop::sim {
namespace {

/// quantity / time: fast is high.
Estimate rate(double quantity, const Estimate& seconds) {
  return {quantity / seconds.high, quantity / seconds.central, quantity / seconds.low, {}};
}

Estimate weighted(double a, const Estimate& x, double b, const Estimate& y) {
  return {a * x.low + b * y.low, a * x.central + b * y.central, a * x.high + b * y.high, {}};
}

Estimate times(double factor, const Estimate& x) { return weighted(factor, x, 0, x); }

}  // namespace

ServingAnswer serve(const StepPricer& pricer, const MemoryModel& memory, const ServingLoad& load,
                    const ServingOptions& options) {
  check(load, pricer.architecture());
  if (options.speculation && load.pipeline_parallel > 1)
    throw Error(Fault::Usage, "speculative decoding over pipeline stages is not modelled: leave --pp or --draft out");
  const Accelerator& device = pricer.accelerator();
  const auto batch = static_cast<double>(load.batch), prompt = static_cast<double>(load.prompt),
             generate = static_cast<double>(load.generate), devices = static_cast<double>(load.devices());
  const double bandwidth = devices * device.bandwidth_bytes_per_s;
  ServingAnswer answer;
  Round prompts = prefill_round(pricer, load);
  answer.ttft_s = prompts.seconds;
  answer.ttft_floor_s = prompts.floor_s;
  answer.prefill_flop = prompts.matmul_flop;
  answer.parts = prompts.parts;
  answer.idle_prefill = prompts.idle_share;
  answer.prefill = std::move(prompts.pass);
  answer.ttft_alone_s = load.batch == 1 ? answer.ttft_s : pricer.time(load, Step::prefill(1, load.prompt)).seconds;

  // Equal strata of the decode steps, each priced in its middle.
  const std::int64_t steps = std::max<std::int64_t>(1, load.generate - 1);
  const auto points = std::min<std::int64_t>(std::max(1, options.decode_points), steps);
  double bytes = 0, weight_bytes = 0, draft_prefill_flop = 0;
  StepTime replaced;  // where tokens are drafted: the pass that it replaces
  SpeculationOutcome outcome;
  const Speculation* speculation = options.speculation;
  if (speculation) outcome.tokens_per_step = tokens_per_step(speculation->tokens, speculation->acceptance);
  for (std::int64_t i = 0; i < points; ++i) {
    const std::int64_t context = load.prompt + ((2 * i + 1) * steps) / (2 * points);
    const double share = 1 / static_cast<double>(points);
    Round step = decode_round(pricer, load, context);
    if (speculation) {
      outcome.plain_tpot_s = weighted(1, outcome.plain_tpot_s, share, step.seconds);
      SpeculativeStep several = speculative_step(pricer, load, *speculation, context);
      const double gain = 1 / outcome.tokens_per_step;
      outcome.step_s = weighted(1, outcome.step_s, share, several.seconds);
      outcome.verify_s = weighted(1, outcome.verify_s, share, several.verify.seconds);
      outcome.draft_s = weighted(1, outcome.draft_s, share, several.draft.seconds);
      step.seconds = times(gain, several.seconds);
      step.floor_s = gain * several.floor_s;
      step.weight_bytes = gain * several.weight_bytes;
      step.kv_bytes = gain * several.kv_bytes;
      if (i == points / 2) replaced = std::move(step.pass);
      step.pass = std::move(several.verify);
      if (i == points / 2) answer.draft = std::move(several.draft);
    }
    answer.tpot_s = weighted(1, answer.tpot_s, share, step.seconds);
    answer.tpot_floor_s += share * step.floor_s;
    bytes += share * (step.weight_bytes + step.kv_bytes);
    if (i != points / 2) continue;
    weight_bytes = step.weight_bytes;
    answer.idle_decode = step.idle_share;
    answer.decode = std::move(step.pass);
  }
  if (speculation) {
    const Estimate &plain = outcome.plain_tpot_s, &now = answer.tpot_s;
    const double a = plain.low / now.low, b = plain.central / now.central, c = plain.high / now.high;
    outcome.speedup = {std::min({a, b, c}), b, std::max({a, b, c}), {}};
    outcome.break_even_acceptance =
        break_even_acceptance(speculation->tokens, outcome.step_s.central / plain.central);
    answer.speculation = outcome;
    if (speculation->tokens > 0) {
      const StepTime prompts_of_draft = draft_prefill(pricer, load, *speculation);
      answer.ttft_s = weighted(1, answer.ttft_s, 1, prompts_of_draft.seconds);
      answer.ttft_floor_s += prompts_of_draft.floor_s;
      draft_prefill_flop = prompts_of_draft.matmul_flop;
      answer.prefill_flop += draft_prefill_flop;
      ServingLoad one = load;
      one.batch = 1;
      answer.ttft_alone_s =
          weighted(1, answer.ttft_alone_s, 1, draft_prefill(pricer, one, *speculation).seconds);
    }
  }
  // Waiting is no work: the rate of a pass over prompts stays that of the pass.
  answer.closed_loop = options.closed_loop;
  const Estimate pass = options.ttft_s && !options.closed_loop ? *options.ttft_s : answer.ttft_s;
  if (options.ttft_s) answer.ttft_s = *options.ttft_s;
  if (options.tpot_s) answer.tpot_s = *options.tpot_s;
  if (options.ttft_floor_s) answer.ttft_floor_s = *options.ttft_floor_s;
  if (options.tpot_floor_s) answer.tpot_floor_s = *options.tpot_floor_s;
  answer.decode_tokens_per_s = rate(batch, answer.tpot_s);
  answer.output_tokens_per_s = rate(batch * generate, weighted(1, answer.ttft_s, generate - 1, answer.tpot_s));
  answer.prefill_tokens_per_s = rate(batch * prompt, pass);
  answer.mbu = rate(bytes / bandwidth, answer.tpot_s);
  answer.mfu_prefill = rate(answer.prefill_flop / (devices * matmul_peak_flop_per_s(device, load)), pass);
  const auto price = options.usd_per_device_hour ? options.usd_per_device_hour : device.price_usd_per_hour;
  if (price) {
    const Estimate seconds_per_token = rate(1, answer.output_tokens_per_s);
    answer.usd_per_million_tokens = times(devices * *price / 3600 * 1e6, seconds_per_token);
  }
  answer.memory = memory.memory(load);
  answer.fits = memory.fits(load);
  answer.max_batch = memory.max_batch(load);
  answer.max_context = memory.max_context(load);
  answer.joules_per_token =
      token_joules(pricer, answer.memory, load, speculation ? replaced.weight_bytes : weight_bytes);
  if (speculation && answer.joules_per_token)
    answer.joules_per_token =
        drafted_joules(*answer.joules_per_token, pricer, load, *speculation,
                       {replaced, answer.decode, answer.draft, outcome.tokens_per_step,
                        answer.prefill_flop - draft_prefill_flop, draft_prefill_flop});
  return answer;
}

DecodeFloor decode_floor(const Architecture& architecture, const Accelerator& accelerator, const ServingLoad& load,
                         std::int64_t context) {
  Step step = Step::decode(load.batch, context);
  step.routing.skew = load.routing_skew;
  const Program program = forward(architecture, step, LayerListing::Distinct);
  DecodeFloor floor;
  double flop = 0;
  for (const Op& op : program.ops) {
    const PassCost cost = isoflop::cost(op, Pass::Forward);
    const auto times = static_cast<double>(op.times);
    const double element =
        op.weights.empty() ? 2 : bytes_per_weight(program.tensors[static_cast<std::size_t>(op.weights[0])], load);
    floor.weight_bytes += times * element * cost.traffic.weights;
    floor.kv_bytes += times * load.kv_bytes() * cost.traffic.kv;
    flop += times * cost.matmul_flops;
  }
  const auto devices = static_cast<double>(load.stage_devices());
  floor.seconds = std::max((floor.weight_bytes + floor.kv_bytes) / (devices * accelerator.bandwidth_bytes_per_s),
                           flop / (devices * matmul_peak_flop_per_s(accelerator, load)));
  return floor;
}

}  // namespace isoflop::sim
