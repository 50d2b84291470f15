// A training run, simulated: time, speed, utilisation, memory, device-hours, with what each rests on. A pure function
// of the run's description and the efficiencies; uncertainty comes from the residuals of those efficiencies.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "isoflop/estimate.h"
#include "isoflop/sim/training/training_memory.h"
#include "isoflop/sim/training/training_profile.h"
#include "isoflop/sim/training/training_time.h"

namespace isoflop::sim {

struct TrainingOutcome {  ///< Time, speed, memory and hours of a run.
  double params_total = 0, params_active = 0;
  double flops_per_token = 0;      ///< 3 x forward matrix products, causal pairs
  double flops_total = 0;          ///< of the run's tokens; of a step when the run states none
  Estimate step_s;                 ///< 90 %
  Estimate tokens_per_s;
  double mfu = 0;                  ///< model FLOP over peak of the run's precision, no recomputation
  double mfu_16bit = 0;            ///< over the 16-bit peak, as most publications divide
  double hfu = 0;                  ///< with recomputation
  Estimate device_hours;           ///< of the whole run, overhead included
  Estimate days;
  TrainingMemory memory;
  bool fits_in_memory = false;
  TrainingTime time;
  TrainingWork work;
  TrainingBasis basis = TrainingBasis::Datasheet;
  std::string origin;
};

/// Range from the residuals of `efficiencies`.
TrainingOutcome simulate_training(const TrainingRun& run, const ResolvedTraining& efficiencies,
                                  const FrameworkMemory& framework = {});

/// d ln(step time) / d ln(quantity), by central differences: -0.6 means that 1 % more of it saves 0.6 % of the time.
struct Sensitivity {
  std::string quantity;
  double elasticity = 0;
};
/// By central differences of 1 %; what moves less than 0.005 is left out.
std::vector<Sensitivity> training_sensitivities(const TrainingRun& run, const TrainingConstants& constants);

/// Sequences per step: about 4 million tokens, a power of two times the odd part of the device count (assumed).
double default_global_batch(std::int64_t devices, std::int64_t sequence_length);

}  // namespace isoflop::sim
