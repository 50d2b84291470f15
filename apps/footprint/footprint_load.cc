#include "apps/footprint/footprint_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoflop/catalogue/model_architecture.h"
#include "isoflop/error.h"
#include "isoflop/model/parameters.h"
#include "isoflop/number_text.h"

namespace isoflop::app {

using namespace isoflop::sim;

void ServingLoad::declare(OptionSet& options) {
  options.group("Serving load");
  options.number("--tokens-per-day", tokens_per_day, "output tokens a day", NumberRange::positive());
  options.text("--joules-per-token", joules_per_token,
               "accelerator energy per output token; from model and device when absent");
  options.number("--batch", batch, "sequences decoded together; unknown widens the interval", {1, 1e6});
  options.number("--gpus", gpus, "devices that hold one copy of the model", NumberRange::positive());
  options.number("--prompt", prompt, "prompt tokens of a request; 300 are assumed when absent",
                 NumberRange::not_negative());
  options.number("--generated", generated, "output tokens of a request", NumberRange::positive());
  options.number("--bytes-per-weight", bytes_per_weight, "2 for bf16, 1 for fp8, 0.53 for 4 bits",
                 NumberRange::positive());
}

void ServingLoad::apply(ActivityInputs& inputs, const ModelRecord* model, std::optional<double> params_active,
                        const Accelerator& device, const FootprintOptions& options) const {
  for (const auto& [name, given] : {std::pair{"--hours", !options.hours.empty()},
                                    {"--mfu", !options.mfu.empty()},
                                    {"--energy-kwh", !options.metered_kwh.empty()},
                                    {"--power", !options.power.empty()},
                                    {"--tokens", options.tokens.has_value()},
                                    {"--load", options.load.has_value()}})
    if (given)
      throw Error(Fault::Usage, std::string(name) + " describes a run; a serving load is --tokens-per-day, --days " +
                                    "and --joules-per-token or --batch");
  const double tokens = *tokens_per_day * options.days.value_or(1);
  if (!joules_per_token.empty()) {
    const auto joules = distribution_within(joules_per_token, "--joules-per-token", 1e-12);
    set_served_tokens(inputs, tokens, joules, "--joules-per-token");
  } else {
    const ServingPoint p = point(model, params_active, device);
    const auto joules = batch ? token_energy_distribution(p) : token_energy_distribution_any_batch(p);
    set_served_tokens(inputs, tokens, joules,
                      "traffic, arithmetic and waiting, " + InferenceConstants().source +
                          (batch ? "" : "; batch unknown: " + unknown_batch().text()));
  }
  if (options.busy) set_busy_share(inputs, *options.busy);
}

ServingPoint ServingLoad::point(const ModelRecord* model, std::optional<double> params_active,
                                const Accelerator& device) const {
  ServingPoint p;
  if (!params_active) throw Error(Fault::Usage, "--tokens-per-day needs a model, --params or --joules-per-token");
  p.params_active = p.params_total = *params_active;
  if (model) {
    if (const auto total = model->params_total())
      p.params_total = std::max(p.params_active, static_cast<double>(*total));
    if (model->layers) p.layers = static_cast<double>(*model->layers);
    if (!why_no_architecture(*model))
      p.kv_bytes_per_token = 2 * static_cast<double>(kv_elements_per_token(architecture_of(*model)));
  }
  p.device = &device;
  p.bytes_per_weight = bytes_per_weight;
  // Enough devices to hold the weights with a fifth to spare, in powers of two.
  const double needed = 1.2 * p.params_total * p.bytes_per_weight / device.memory_bytes;
  p.device_count = gpus.value_or(std::exp2(std::ceil(std::log2(std::max(1.0, needed)))));
  p.batch = batch.value_or(unknown_batch().median());
  p.prompt_tokens = prompt.value_or(assumed_prompt_tokens);
  p.output_tokens = generated;
  return p;
}

std::string ServingLoad::prompt_warning(const ServingPoint& assumed) const {
  if (prompt || !joules_per_token.empty()) return "";
  ServingPoint longer = assumed;
  longer.prompt_tokens = 10 * assumed.prompt_tokens;
  return fmt::format(
      "prompts of {} tokens for {} generated ones are assumed, and the interval does not hold that: with {} tokens a "
      "token costs {} times as much; give --prompt and --generated",
      format_number(assumed.prompt_tokens), format_number(assumed.output_tokens), format_count(longer.prompt_tokens),
      format_number(token_energy(longer).total_j() / token_energy(assumed).total_j(), 2));
}

void ServingLoad::explain(Report& report, const ServingPoint& p) {
  const TokenEnergy e = token_energy(p);
  ReportTable t;
  t.title = fmt::format("Accelerator energy per output token at batch {} on {} device(s)", format_number(p.batch),
                        format_number(p.device_count));
  t.columns = {{"part", "part", Align::Left}, {"J per token", "joules", Align::Right, 3}};
  t.rows = {{"weights read", e.weights_j},
            {"KV cache read", e.cache_j},
            {"prompt (prefill)", e.prefill_j},
            {"arithmetic of decoding", e.arithmetic_j},
            {"waiting, layer by layer", e.layers_j},
            {"waiting, token by token", e.host_wait_j},
            {"total", e.total_j()}};
  t.note = InferenceConstants().source + "; host, idle and PUE come on top";
  report.explanation.push_back(std::move(t));
  report.result["joules_per_token_accelerator"] = Value::object({{"total", e.total_j()},
                                                                 {"weights", e.weights_j},
                                                                 {"kv_cache", e.cache_j},
                                                                 {"prefill", e.prefill_j},
                                                                 {"arithmetic", e.arithmetic_j},
                                                                 {"layer_waiting", e.layers_j},
                                                                 {"token_waiting", e.host_wait_j},
                                                                 {"batch", p.batch}});
}

}  // namespace isoflop::app
