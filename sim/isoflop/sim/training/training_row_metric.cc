#include "isoflop/model/conventions.h"
#include "isoflop/sim/training/training_row.h"

namespace isoflop::sim {
namespace {

double flops_per_token(const TrainingSample& sample, FlopConvention convention) {
  const auto value = training_flops_per_token(sample.run.architecture, sample.run.sequence_length, convention);
  if (!value) throw TableRefusal{"the source's FLOP formula does not hold for this model"};
  return *value;
}

FlopConvention convention_of_source(const TrainingSample& sample) {
  const std::string& s = sample.source;
  if (s == "llm-foundry-bench" || s == "maxtext-tpu" || s == "tpu-recipes") return FlopConvention::ExactFull;
  if (s.rfind("korthikanti", 0) == 0) return FlopConvention::MegatronModel;
  if (s.rfind("palm", 0) == 0) return FlopConvention::Palm;
  return FlopConvention::Exact;
}

// Korthikanti et al. 2022 add one forward pass of the attention core, counted twice: s/3d for s/6d.
double hardware_flops_per_token(const TrainingSample& sample) {
  const double model = flops_per_token(sample, FlopConvention::MegatronModel);
  const auto layers = static_cast<double>(sample.run.architecture.layers.size());
  const auto d = static_cast<double>(sample.run.architecture.width),
             s = static_cast<double>(sample.run.sequence_length);
  return model + 72 * layers * d * d * s / (6 * d);
}

}  // namespace

void set_conversion(TrainingSample& sample) {
  TrainingRun& run = sample.run;
  const std::string& m = sample.metric;
  const double devices = static_cast<double>(run.layout.devices());
  double peak = run.accelerator.bf16_flop_per_s.value_or(run.accelerator.fp16_flop_per_s.value_or(0));
  // llm-foundry divides by the peak of the format it computes in.
  if (sample.source == "llm-foundry-bench")
    peak = run.accelerator.peak_flop_per_s(compute_format(run.precision)).value_or(peak);
  if (m == "tokens_per_s_per_device") return;
  sample.inverse = m == "step_time" || m == "gpu_hours" || m == "train_days_300B_tokens";
  if (m == "step_time") {
    sample.factor = run.tokens_per_step() / devices;
  } else if (m == "gpu_hours") {
    sample.factor = run.tokens / 3600 / (1 - run.overhead_fraction);
  } else if (m == "train_days_300B_tokens") {
    sample.factor = 300e9 / devices / 86400;
  } else if (m == "mfu") {
    sample.factor = 100 * flops_per_token(sample, convention_of_source(sample)) / peak;
  } else if (m == "model_tflops_per_device") {
    sample.factor = flops_per_token(sample, convention_of_source(sample)) / 1e12;
  } else if (m == "hw_tflops_per_device") {
    sample.factor = flops_per_token(sample, FlopConvention::MegatronRecompute) / 1e12;
  } else if (m == "hfu") {
    sample.factor = 100 * hardware_flops_per_token(sample) / peak;
  } else {
    throw TableRefusal{"metric \"" + m + "\" is not supported"};
  }
}

}  // namespace isoflop::sim
