// How long one pass of a served model takes on the devices of its layout, operation by operation.
//
//   t = t_host + sum over operations of max( floor, op-time model ) + messages
//   floor of an operation = max( (weight + KV bytes) / (devices bandwidth), matrix FLOP / (devices peak) )
//   messages  tensor parallel: an all-reduce of T d b per sum of partial results (2 a layer), a gather of the logits
//             attention dp: all-reduces within a replica, and 2 all-to-alls a layer, times the imbalance of the
//             busiest group of experts. On one node T k d b per replica, of which (x-1)/x leaves a device. Over several
//             nodes a token goes to each other node that holds one of its experts once, and there to the devices. The
//             interval reaches down to fp8 on the way to the experts and up to one copy per expert over the network
//             pipeline: T d b from every device of a stage to its peer in the next, over the network where the peer is
//             on another node; not overlapped
//
// so a pass is never faster than its bytes over the bandwidth or its FLOP over the peak. T counts the tokens of one
// replica of the attention, the one with most sequences. A pass crosses the pipeline stages one after the other; what
// several batches in flight make of that is in pipeline.h. Weight-only formats' interval reaches 1.5 times higher
// (assumed: unpacking was not measured).
// Intervals add up end to end, as if all operations of a pass erred in the same direction; that is wide on purpose.
// Kernels and all-reduces that engines share between operations: fused_kernels.h. Not modelled: overlap of
// communication with computation.
#pragma once
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "isoflop/estimate.h"
#include "isoflop/hardware/accelerator.h"
#include "isoflop/sim/op/op_profile.h"
#include "isoflop/sim/serving/serving_load.h"

namespace isoflop::sim {

/// Engine's scheduling, sampling and launching that a step waits for. Assumed: engines with captured graphs hide most.
inline constexpr double host_per_step_low_s = 0, host_per_step_s = 0.5e-3, host_per_step_high_s = 4e-3;
/// How much slower than their bytes say weight-only kernels may be. Assumed.
inline constexpr double unpacking_high = 1.5;

struct OpClass {  ///< Operations of a pass that belong together.
  std::string name;      ///< "attention projections", "MLP", "all-reduce", ...
  Estimate seconds{0, 0, 0, {}};
  double bytes = 0;      ///< weights and cache, all devices
  double flop = 0;       ///< matrix products, all devices
  double floor_s = 0;
  double calls = 0;
  std::array<double, 4> bound_s{};  ///< seconds by Bound
  Basis basis = Basis::Measured;    ///< the weakest of its calls
  std::string origin;               ///< of the weakest
};

struct StepTime {
  Estimate seconds{0, 0, 0, {}};
  std::vector<OpClass> classes;
  double weight_bytes = 0, kv_bytes = 0;  ///< read or written, all devices
  double matmul_flop = 0;
  double floor_s = 0;                     ///< max(bytes / bandwidth, FLOP / peak), one stage at a time
  Bound bound = Bound::Bandwidth;         ///< of most of the time
  Basis basis = Basis::Measured;
  std::vector<Estimate> stage_s;          ///< of each pipeline stage, its message included, host not; empty for one
};

/// One model on one kind of device. Keep it for many steps: constants are looked up once.
class StepPricer {
 public:
  /// Throws Error (Usage) when the device lacks a figure that is needed, naming it.
  StepPricer(const Architecture& architecture, const Accelerator& accelerator, const OpProfile& profile);
  ~StepPricer();
  /// The load gives layout, formats and routing; `step` who is in the pass. Experts are routed by the load's skew.
  StepTime time(const ServingLoad& load, const Step& step) const;
  /// A pass of the model's prediction layer, one pipeline stage. Throws Error (Usage) when it has none.
  StepTime prediction_time(const ServingLoad& load, const Step& step) const;
  const Architecture& architecture() const;
  const Accelerator& accelerator() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Peak of the arithmetic of matrix products, one device. Throws Error (Usage) when the device states none.
double matmul_peak_flop_per_s(const Accelerator& accelerator, const ServingLoad& load);

}  // namespace isoflop::sim
