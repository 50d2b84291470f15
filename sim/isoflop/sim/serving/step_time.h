// How long one pass of a served model takes on a tensor-parallel group, operation by operation.
//
//   t = t_host + sum over operations of max( floor, op-time model ) + all-reduces (2 per layer) + gather of the logits
//   floor of an operation = max( (weight + KV bytes) / (devices bandwidth), matrix FLOP / (devices peak) )
//
// so a pass is never faster than its bytes over the bandwidth or its FLOP over the peak. Weight-only formats keep the
// 16-bit kernel's constants and arithmetic and read fewer bytes: t = t0 + (rest^2 + memory^2)^(1/2), rest from the
// 16-bit time. Their interval reaches 1.5 times higher (assumed: unpacking was not measured).
// Intervals add up end to end, as if all operations of a pass erred in the same direction; that is wide on purpose.
// Not modelled: kernels fused across operations, overlap of communication with computation.
#pragma once
#include <array>
#include <map>
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

struct OpClass {
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
  double floor_s = 0;                     ///< max(bytes / bandwidth, FLOP / peak) of the whole pass
  Bound bound = Bound::Bandwidth;         ///< of most of the time
  Basis basis = Basis::Measured;
};

/// One model on one kind of device. Keep it for many steps: constants are looked up once.
class StepPricer {
 public:
  /// Throws Error (Usage) when the device lacks a figure that is needed, naming it.
  StepPricer(const Architecture& architecture, const Accelerator& accelerator, const OpProfile& profile);
  ~StepPricer();
  StepTime time(const ServingLoad& load, const Step& step) const;
  const Architecture& architecture() const;
  const Accelerator& accelerator() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Peak of the arithmetic of matrix products, one device. Throws Error (Usage) when the device states none.
double matmul_peak_flop_per_s(const Accelerator& accelerator, const ServingLoad& load);

}  // namespace isoflop::sim
