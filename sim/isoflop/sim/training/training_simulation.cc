#include "isoflop/sim/training/training_simulation.h"

#include <algorithm>
#include <cmath>

#include "isoflop/model/parameters.h"

namespace isoflop::sim {
namespace {

constexpr double default_batch_tokens = 4e6;

// `interval` bounds measured over predicted speed.
Estimate of_speed(double central, const RatioInterval& interval, const std::string& origin) {
  return {central * std::min(1.0, interval.low), central, central * std::max(1.0, interval.high), origin};
}
Estimate of_time(double central, const RatioInterval& interval, const std::string& origin) {
  return {central / std::max(1.0, interval.high), central, central / std::min(1.0, interval.low), origin};
}

}  // namespace

TrainingOutcome simulate_training(const TrainingRun& run, const ResolvedTraining& efficiencies,
                                  const FrameworkMemory& framework) {
  TrainingOutcome o;
  const ParameterCount count = count_parameters(run.architecture);
  o.params_total = static_cast<double>(count.total);
  o.params_active = static_cast<double>(count.active);
  o.work = training_work(run);
  const DevicePeaks peaks = peaks_of(run.accelerator, run.precision);
  o.time = training_time(o.work, peaks, efficiencies.constants);
  o.basis = efficiencies.basis;
  o.origin = efficiencies.origin;
  const double devices = static_cast<double>(run.layout.devices()), step = o.time.step_s;
  const double tokens = run.tokens > 0 ? run.tokens : o.work.tokens;
  o.flops_per_token = o.work.model_flops / o.work.tokens;
  o.flops_total = o.flops_per_token * tokens;
  o.step_s = of_time(step, efficiencies.interval, efficiencies.origin);
  o.tokens_per_s = of_speed(o.work.tokens / step, efficiencies.interval, efficiencies.origin);
  o.mfu = o.work.model_flops / (step * devices * peaks.quantised_flop_per_s);
  o.mfu_16bit = o.work.model_flops / (step * devices * peaks.flop_per_s);
  o.hfu = o.work.hardware_flops / (step * devices * peaks.quantised_flop_per_s);
  const double seconds = tokens / o.work.tokens * step / (1 - run.overhead_fraction);
  o.device_hours = of_time(seconds * devices / 3600, efficiencies.interval, efficiencies.origin);
  o.days = of_time(seconds / 86400, efficiencies.interval, efficiencies.origin);
  o.memory = training_memory(run, framework);
  // Whether it fits is a matter of what it needs, however the figure that is shown counts.
  o.fits_in_memory = training_memory(run).peak.total() <= run.accelerator.memory_bytes;
  return o;
}

std::vector<Sensitivity> training_sensitivities(const TrainingRun& run, const TrainingConstants& constants) {
  const TrainingWork work = training_work(run);
  const DevicePeaks peaks = peaks_of(run.accelerator, run.precision);
  constexpr double h = 0.01;
  std::vector<Sensitivity> result;
  const auto add = [&](const std::string& what, double up, double down) {
    const double elasticity = (std::log(up) - std::log(down)) / (2 * h);
    if (std::fabs(elasticity) >= 0.005) result.push_back({what, elasticity});
  };
  const auto step = [&](const TrainingWork& w, const DevicePeaks& p, const TrainingConstants& c) {
    return training_time(w, p, c).step_s;
  };
  const auto with_peaks = [&](const std::string& what, auto change) {
    DevicePeaks up = peaks, down = peaks;
    change(up, std::exp(h));
    change(down, std::exp(-h));
    add(what, step(work, up, constants), step(work, down, constants));
  };
  with_peaks("arithmetic peak of the device",
             [](DevicePeaks& p, double f) { p.flop_per_s *= f, p.quantised_flop_per_s *= f; });
  with_peaks("memory bandwidth", [](DevicePeaks& p, double f) { p.bandwidth_bytes_per_s *= f; });
  for (const bool network : {false, true}) {
    const auto scaled = [&](double f) {
      TrainingWork w = work;
      for (auto* list : {&w.per_micro_batch, &w.per_step})
        for (CommWork& comm : *list)
          if (comm.crosses_nodes == network) comm.bandwidth_bytes_per_s *= f;
      return w;
    };
    add(network ? "network between nodes" : "link inside a node", step(scaled(std::exp(h)), peaks, constants),
        step(scaled(std::exp(-h)), peaks, constants));
  }
  for (const TrainingConstantInfo& info : training_constant_list()) {
    TrainingConstants up = constants, down = constants;
    up.*info.member *= std::exp(h);
    down.*info.member *= std::exp(-h);
    add(std::string("constant ") + info.name + " (" + info.meaning + ")", step(work, peaks, up),
        step(work, peaks, down));
  }
  std::stable_sort(result.begin(), result.end(), [](const Sensitivity& a, const Sensitivity& b) {
    return std::fabs(a.elasticity) > std::fabs(b.elasticity);
  });
  return result;
}

double default_global_batch(std::int64_t devices, std::int64_t sequence_length) {
  std::int64_t odd = std::max<std::int64_t>(1, devices);
  while (odd % 2 == 0) odd /= 2;
  const double wanted = default_batch_tokens / static_cast<double>(sequence_length) / static_cast<double>(odd);
  return static_cast<double>(odd) * std::exp2(std::max(0.0, std::round(std::log2(std::max(1.0, wanted)))));
}

}  // namespace isoflop::sim
