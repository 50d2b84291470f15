#include "apps/serving/serve_options.h"

namespace isoflop::app {

void ServeOptions::declare(OptionSet& options) {
  options.group("Hardware");
  options.text("--on", on, "accelerator (isoflop accelerators list)");
  options.whole("--tp", tensor_parallel, "devices that share every layer (tensor parallel)", 1, 4096);
  options.whole("--pp", pipeline_parallel,
                "stages of consecutive layers (pipeline parallel); the batch is cut to fill them", 1, 4096);
  options.whole("--ep", expert_parallel, "groups of devices that a mixture's experts are spread over", 1, 4096);
  options.choice("--attention", attention, sim::attention_split_names,
                 "with --ep: tp splits the attention over the --tp devices, dp repeats it on the --ep devices, each "
                 "for a part of the sequences");
  options.number("--routing-skew", routing_skew, "experts' popularity falls as rank^-skew",
                 NumberRange::not_negative());
  options.number("--price", price, "USD per device-hour instead of the catalogue's", NumberRange::positive());
  options.group("Load");
  options.whole("--batch", batch, "sequences decoded together", 1, 1000000);
  options.whole("--prompt", prompt, "tokens of each prompt", 1, 100000000);
  options.whole("--generate", generate, "tokens generated for each", 1, 100000000);
  options.group("Formats");
  options.choice("--weights", weights, sim::weight_format_names, "how weights are stored");
  options.whole("--group", group, "int4: weights that share a scale", 1, 65536);
  options.choice("--kv", kv, sim::cache_format_names, "how the key/value cache is stored");
  options.choice("--compute", compute, sim::arithmetic_names,
                 "arithmetic of matrix products; storing smaller does not change it");
}

sim::ServingLoad ServeOptions::load() const {
  sim::ServingLoad load;
  load.batch = batch;
  load.prompt = prompt;
  load.generate = generate;
  load.weights = sim::weight_format_named(weights);
  load.group = group;
  load.kv = sim::cache_format_named(kv);
  load.arithmetic = sim::arithmetic_named(compute);
  load.tensor_parallel = tensor_parallel;
  load.pipeline_parallel = pipeline_parallel;
  load.expert_parallel = expert_parallel;
  load.attention = sim::attention_split_named(attention);
  load.routing_skew = routing_skew;
  return load;
}

sim::ServingOptions ServeOptions::options() const {
  sim::ServingOptions serving;
  serving.usd_per_device_hour = price;
  return serving;
}

}  // namespace isoflop::app
