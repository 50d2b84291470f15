#include "isoflop/sim/serving/serving.h"

#include <algorithm>
#include <cmath>

#include "isoflop/error.h"
#include "isoflop/model/op_cost.h"
#include "isoflop/model/parameters.h"
#include "isoflop/sim/footprint/inference_energy.h"

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

std::optional<Estimate> token_joules(const StepPricer& pricer, const ServingMemory& memory, const ServingLoad& load) {
  const Architecture& architecture = pricer.architecture();
  const ParameterCount count = count_parameters(architecture);
  ServingPoint point;
  point.params_total = static_cast<double>(count.total);
  point.params_active = static_cast<double>(count.active_without_input_embedding);
  point.bytes_per_weight = memory.weights / point.params_total;
  point.layers = static_cast<double>(architecture.layers.size());
  // What the middle step reads per context token, so that windows count as they are.
  const double context = static_cast<double>(load.prompt) + static_cast<double>(load.generate) / 2;
  point.kv_bytes_per_token =
      static_cast<double>(kv_elements(architecture, static_cast<std::int64_t>(context))) * load.kv_bytes() / context;
  point.device = &pricer.accelerator();
  point.device_count = static_cast<double>(load.tensor_parallel);
  point.batch = static_cast<double>(load.batch);
  point.prompt_tokens = static_cast<double>(load.prompt);
  point.output_tokens = static_cast<double>(load.generate);
  try {
    const Distribution joules = token_energy_distribution(point);
    return Estimate{joules.quantile(0.05), joules.median(), joules.quantile(0.95), {}};
  } catch (const Error& error) {
    if (error.fault() == Fault::CannotRun) return std::nullopt;
    throw;
  }
}

}  // namespace

ServingAnswer serve(const StepPricer& pricer, const MemoryModel& memory, const ServingLoad& load,
                    const ServingOptions& options) {
  check(load, pricer.architecture());
  const Accelerator& device = pricer.accelerator();
  const auto batch = static_cast<double>(load.batch), prompt = static_cast<double>(load.prompt),
             generate = static_cast<double>(load.generate), devices = static_cast<double>(load.tensor_parallel);
  const double bandwidth = devices * device.bandwidth_bytes_per_s;
  ServingAnswer answer;
  answer.prefill = pricer.time(load, Step::prefill(load.batch, load.prompt));
  answer.ttft_s = answer.prefill.seconds;
  answer.ttft_floor_s = answer.prefill.floor_s;
  answer.ttft_alone_s = load.batch == 1 ? answer.ttft_s : pricer.time(load, Step::prefill(1, load.prompt)).seconds;

  // Equal strata of the decode steps, each priced in its middle.
  const std::int64_t steps = std::max<std::int64_t>(1, load.generate - 1);
  const auto points = std::min<std::int64_t>(std::max(1, options.decode_points), steps);
  double bytes = 0;
  for (std::int64_t i = 0; i < points; ++i) {
    const std::int64_t context = load.prompt + ((2 * i + 1) * steps) / (2 * points);
    StepTime step = pricer.time(load, Step::decode(load.batch, context));
    const double share = 1 / static_cast<double>(points);
    answer.tpot_s = weighted(1, answer.tpot_s, share, step.seconds);
    answer.tpot_floor_s += share * step.floor_s;
    bytes += share * (step.weight_bytes + step.kv_bytes);
    if (i == points / 2) answer.decode = std::move(step);
  }
  // Waiting is no work: the rate of a pass over prompts stays that of the pass.
  answer.closed_loop = options.closed_loop;
  const Estimate pass = options.ttft_s && !options.closed_loop ? *options.ttft_s : answer.ttft_s;
  if (options.ttft_s) answer.ttft_s = *options.ttft_s;
  if (options.tpot_s) answer.tpot_s = *options.tpot_s;
  answer.decode_tokens_per_s = rate(batch, answer.tpot_s);
  answer.output_tokens_per_s = rate(batch * generate, weighted(1, answer.ttft_s, generate - 1, answer.tpot_s));
  answer.prefill_tokens_per_s = rate(batch * prompt, pass);
  answer.mbu = rate(bytes / bandwidth, answer.tpot_s);
  answer.mfu_prefill = rate(answer.prefill.matmul_flop / (devices * matmul_peak_flop_per_s(device, load)), pass);
  const auto price = options.usd_per_device_hour ? options.usd_per_device_hour : device.price_usd_per_hour;
  if (price) {
    const Estimate seconds_per_token = rate(1, answer.output_tokens_per_s);
    answer.usd_per_million_tokens = times(devices * *price / 3600 * 1e6, seconds_per_token);
  }
  answer.memory = memory.memory(load);
  answer.fits = memory.fits(load);
  answer.max_batch = memory.max_batch(load);
  answer.max_context = memory.max_context(load);
  answer.joules_per_token = token_joules(pricer, answer.memory, load);
  return answer;
}

DecodeFloor decode_floor(const Architecture& architecture, const Accelerator& accelerator, const ServingLoad& load,
                         std::int64_t context) {
  const Program program = forward(architecture, Step::decode(load.batch, context), LayerListing::Distinct);
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
  const auto devices = static_cast<double>(load.tensor_parallel);
  floor.seconds = std::max((floor.weight_bytes + floor.kv_bytes) / (devices * accelerator.bandwidth_bytes_per_s),
                           flop / (devices * matmul_peak_flop_per_s(accelerator, load)));
  return floor;
}

}  // namespace isoflop::sim
