// What is known of this machine after calibration: limits, constants of every kind of work, and how well they predicted
// what they had not seen. Kept as JSON; predictions from it need no further measurement.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "isoflop/model/architecture.h"
#include "isoflop/report/value.h"
#include "isoflop/sim/machine/cpu_op_model.h"
#include "isoflop/sim/machine/op_work.h"

namespace isoflop::sim {

/// One measured whole against its prediction, made from constants that never saw it.
struct ProfileCheck {
  std::string what;      ///< "training step", "decode step", "prefill"
  std::string model, settings;
  int threads = 1;
  double measured_s = 0, predicted_s = 0, low_s = 0, high_s = 0;
  double disagreement = 0;  ///< of the repeats of the measurement
};

struct MachineProfile {
  std::string processor, instruction_set;
  int threads = 1;                      ///< of `all`
  LimitValues one, all;                 ///< of one thread alone; of one thread while all run
  double thread_start_s = 0;            ///< starting and joining the threads of one parallel loop
  std::map<std::string, CpuOpFit> ops;  ///< by kind of work
  std::vector<ProfileCheck> checks;
};

Value to_value(const MachineProfile& profile);  ///< The profile as JSON.
/// Throws Error (BadInput) for anything that is not a profile.
MachineProfile machine_profile_from(const Value& value);

struct PredictedTime {  ///< A predicted time and what it consists of.
  double seconds = 0, low_s = 0, high_s = 0;  ///< 90 %: errors common to a kind, independent between kinds
  std::map<std::string, double> by_kind;      ///< seconds
  std::vector<std::string> unknown;           ///< kinds without constants, priced at the speed of light
};

/// One optimiser step, as Trainer executes it: shards side by side, then the work on all weights.
PredictedTime predict_training_step(const MachineProfile& profile, const Architecture& architecture,
                                    std::int64_t sequences, std::int64_t length, Precision precision, int threads);
/// One token for each of `batch` sequences after `context` tokens each, one thread.
PredictedTime predict_decode_step(const MachineProfile& profile, const Architecture& architecture, std::int64_t batch,
                                  std::int64_t context, WeightFormat format);
PredictedTime predict_prefill(const MachineProfile& profile, const Architecture& architecture, std::int64_t batch,
                              std::int64_t prompt, Precision precision);

/// Works of a decode step; stored weights are read once a step, so all of them together are the working set.
std::vector<CpuWork> decode_works(const Program& program, WeightFormat format);

}  // namespace isoflop::sim
