#include "isoflop/sim/serving/pipeline.h"

#include <algorithm>
#include <functional>

namespace isoflop::sim {
namespace {

void add_to(Estimate& sum, double times, const Estimate& part) {
  sum.low += times * part.low;
  sum.central += times * part.central;
  sum.high += times * part.high;
}

/// The slowest stage of a pass and the host's share in it.
Estimate slowest_stage(const StepTime& pass) {
  Estimate most{0, 0, 0, {}};
  for (const Estimate& s : pass.stage_s)
    most = {std::max(most.low, s.low), std::max(most.central, s.central), std::max(most.high, s.high), {}};
  return {most.low + host_per_step_low_s, most.central + host_per_step_s, most.high + host_per_step_high_s, {}};
}

double stage_seconds(const StepTime& pass) {
  double sum = 0;
  for (const Estimate& s : pass.stage_s) sum += s.central;
  return sum;
}

Round round_of(const StepPricer& pricer, const ServingLoad& load, bool prompts,
               const std::function<Step(std::int64_t sequences)>& step) {
  Round round;
  const std::int64_t p = load.pipeline_parallel;
  round.parts = std::min(p, load.batch);
  const std::int64_t least = load.batch / round.parts, larger = load.batch % round.parts;
  round.pass = pricer.time(load, step(larger > 0 ? least + 1 : least));
  const StepTime& first = round.pass;
  if (p == 1) {
    round.seconds = first.seconds;
    round.floor_s = first.floor_s;
    round.weight_bytes = first.weight_bytes;
    round.kv_bytes = first.kv_bytes;
    round.matmul_flop = first.matmul_flop;
    return round;
  }
  const StepTime other = larger > 0 ? pricer.time(load, step(least)) : first;
  const double many = static_cast<double>(larger > 0 ? larger : round.parts),
               rest = static_cast<double>(round.parts) - many;
  Estimate stages{0, 0, 0, {}};
  add_to(stages, many, slowest_stage(first));
  add_to(stages, rest, slowest_stage(other));
  if (prompts) {
    round.seconds = first.seconds;
    add_to(round.seconds, 1, stages);
    add_to(round.seconds, -1, slowest_stage(first));
  } else {
    const Estimate& alone = first.seconds;
    round.seconds = {std::max(alone.low, stages.low), std::max(alone.central, stages.central),
                     std::max(alone.high, stages.high), {}};
  }
  round.weight_bytes = many * first.weight_bytes + rest * other.weight_bytes;
  round.kv_bytes = many * first.kv_bytes + rest * other.kv_bytes;
  round.matmul_flop = many * first.matmul_flop + rest * other.matmul_flop;
  const double devices = static_cast<double>(load.devices());
  const Accelerator& device = pricer.accelerator();
  round.floor_s = std::max({first.floor_s,
                            (round.weight_bytes + round.kv_bytes) / (devices * device.bandwidth_bytes_per_s),
                            round.matmul_flop / (devices * matmul_peak_flop_per_s(device, load))});
  const double busy = many * stage_seconds(first) + rest * stage_seconds(other);
  round.idle_share = std::max(0.0, 1 - busy / (static_cast<double>(p) * round.seconds.central));
  return round;
}

}  // namespace

Round decode_round(const StepPricer& pricer, const ServingLoad& load, std::int64_t context) {
  return round_of(pricer, load, false, [&](std::int64_t sequences) { return Step::decode(sequences, context); });
}

Round prefill_round(const StepPricer& pricer, const ServingLoad& load) {
  return round_of(pricer, load, true, [&](std::int64_t sequences) { return Step::prefill(sequences, load.prompt); });
}

}  // namespace isoflop::sim
