#include "isoflop/sim/serving/serving_energy.h"

#include <algorithm>
#include <cmath>

#include "isoflop/error.h"
#include "isoflop/model/parameters.h"
#include "isoflop/sim/footprint/inference_energy.h"

namespace isoflop::sim {
namespace {

/// Of ln joules, because no step that checks drafts was measured. Assumed.
constexpr double sigma_of_drafts = 0.2;
/// Distance of the ends of a 90 % interval from the middle of a normal distribution, in deviations.
constexpr double ninety_percent = 1.6448536269514722;

}  // namespace

std::optional<Estimate> token_joules(const StepPricer& pricer, const ServingMemory& memory, const ServingLoad& load,
                                     double weight_bytes) {
  const Architecture& architecture = pricer.architecture();
  const ParameterCount count = count_parameters(architecture);
  ServingPoint point;
  point.params_total = static_cast<double>(count.total);
  point.params_active = static_cast<double>(count.active_without_input_embedding);
  point.bytes_per_weight = memory.weights / point.params_total;
  point.layers = static_cast<double>(architecture.layers.size());
  // Without experts everything but the input embedding is read: no mixture, whose energy is known less well.
  if (count.active == count.total) point.params_total = point.params_active;
  // What the middle step reads per context token, so that windows count as they are.
  const double context = static_cast<double>(load.prompt) + static_cast<double>(load.generate) / 2;
  point.kv_bytes_per_token =
      static_cast<double>(kv_elements(architecture, static_cast<std::int64_t>(context))) * load.kv_bytes() / context;
  point.device = &pricer.accelerator();
  point.device_count = static_cast<double>(load.devices());
  point.batch = static_cast<double>(load.batch);
  point.prompt_tokens = static_cast<double>(load.prompt);
  point.output_tokens = static_cast<double>(load.generate);
  if (load.devices() > load.tensor_parallel) {
    // Parts in flight and replicas each read the weights for themselves, which the energy model does not know.
    const double share = std::min(1.0, point.params_active / point.params_total);
    const double touched = share >= 1 ? 1 : 1 - std::pow(1 - share, point.batch);
    point.bytes_per_weight = weight_bytes / (point.params_total * touched);
  }
  try {
    const Distribution joules = token_energy_distribution(point);
    return Estimate{joules.quantile(0.05), joules.median(), joules.quantile(0.95), {}};
  } catch (const Error& error) {
    if (error.fault() == Fault::CannotRun) return std::nullopt;
    throw;
  }
}

Estimate drafted_joules(const Estimate& plain, const StepPricer& pricer, const ServingLoad& load,
                        const Speculation& speculation, const DraftedPasses& passes) {
  const Accelerator& device = pricer.accelerator();
  const InferenceConstants c;
  const double peak = device.bf16_flop_per_s ? *device.bf16_flop_per_s : *device.fp16_flop_per_s;
  const auto batch = static_cast<double>(load.batch), devices = static_cast<double>(load.devices()),
             drafts = static_cast<double>(speculation.tokens);
  const auto layers = [](const StepPricer& of) { return static_cast<double>(of.architecture().layers.size()); };
  // In seconds at TDP, which all terms have in common.
  const double flop_s = c.flop / peak;
  const auto pass = [&](const StepTime& step, double layers_of_pass) {
    return c.bytes / device.bandwidth_bytes_per_s * (step.weight_bytes + step.kv_bytes) + flop_s * step.matmul_flop +
           devices * c.layer_s * layers_of_pass;
  };
  const double of_model = layers(pricer), of_draft = speculation.draft ? layers(*speculation.draft) : 1;
  const double answers = batch * static_cast<double>(load.generate);
  const double once = flop_s * passes.prefill_flop / answers + devices * c.token_s;
  const double step = pass(passes.verify, of_model) + (drafts > 0 ? drafts * pass(passes.draft, of_draft) : 0);
  const double ratio =
      (step / (batch * passes.tokens_per_step) + once + flop_s * passes.draft_prefill_flop / answers) /
      (pass(passes.plain, of_model) / batch + once);
  const auto wider = [](double of_middle) {
    const double deviation = std::log(of_middle) / ninety_percent;
    return std::exp(std::copysign(ninety_percent * std::hypot(deviation, sigma_of_drafts), deviation));
  };
  const double central = ratio * plain.central;
  if (drafts == 0) return {ratio * plain.low, central, ratio * plain.high, {}};
  return {central * wider(plain.low / plain.central), central, central * wider(plain.high / plain.central), {}};
}

}  // namespace isoflop::sim
