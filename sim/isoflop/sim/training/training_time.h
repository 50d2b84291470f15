// Seconds of a training step from its work and a handful of efficiencies per device.
//
//   micro   = gemm + attention + elements + starts + exposed messages
//   gemm    = F / (P e_g u), u = X / (X + X_half), or bytes / (B e_e) when that is longer; quantised products at their
//   own
//             peak times e_q, experts at e_g e_x
//   attention = F / (P e_a),  elements = bytes / (B e_e),  starts = operations t_0
//   ZeRO-3: micro and the gathering of weights overlap, (micro^4 + comm^4)^(1/4)
//   step    = [micro (m + (p - 1)/v) + max(0, gradients - 2/3 micro) + optimiser] (1 + s log2 nodes)
//
// X is rows times the smaller width of a product: what there is to fill the device with. s is what stragglers and
// jitter cost per doubling of nodes. Experts' messages hide behind the dense branch where there is one (Arctic).
#pragma once
#include <span>
#include <string>
#include <vector>

#include "isoflop/sim/training/training_work.h"

namespace isoflop::sim {

/// The efficiencies that a calibration fits, all in (0, 1] unless a unit is given.
struct TrainingConstants {
  double gemm = 0.65;            ///< e_g, of the dense 16-bit peak
  double half_breadth = 6e6;     ///< X_half, elements
  double quantised = 0.8;        ///< e_q, fp8 and fp4 products relative to e_g of their own peak
  double experts = 0.5;          ///< e_x, grouped products relative to dense ones
  double attention = 0.3;       ///< e_a, of the 16-bit peak
  double elements = 0.4;         ///< e_e, of memory bandwidth
  double start_s = 1e-6;         ///< t_0, seconds per operation and micro-batch
  double expert_start_s = 1e-5;  ///< the same per expert of a grouped product
  double link = 0.7;             ///< inside a node
  double network = 0.7;          ///< between nodes
  double tensor_exposed = 0.4;   ///< share of tensor-parallel messages that no computation hides
  double expert_exposed = 0.3;   ///< share of experts' messages that no computation hides
  double optimizer = 0.8;        ///< of memory bandwidth
  double straggling = 0.02;      ///< s, per doubling of nodes
  double host_bytes_per_s = 2e9;  ///< optimiser on the host, per device
};

/// Names, units and meanings in the order of the members; `value` reads and writes one.
struct TrainingConstantInfo {
  const char* name;
  const char* unit;
  const char* meaning;
  double TrainingConstants::*member;
  double low, high;  ///< plausible range
};
std::span<const TrainingConstantInfo> training_constant_list();

enum class TrainingPart {  ///< What a step's time is split into.
  Gemm,
  Experts,
  Attention,
  Elements,
  Starts,
  Tensor,
  Expert,
  Context,
  Pipeline,
  Weights,
  Bubble,
  Gradients,
  Optimizer,
  Straggling
};
std::string_view name_of(TrainingPart part);  ///< Name for tables.

struct TrainingTime {
  double step_s = 0;
  std::vector<std::pair<TrainingPart, double>> parts;  ///< seconds of a step, exposed; they sum to step_s
};

struct DevicePeaks {  ///< Data-sheet limits of a device.
  double flop_per_s = 0;            ///< 16-bit
  double quantised_flop_per_s = 0;  ///< of the run's precision
  double bandwidth_bytes_per_s = 0;
};
/// Throws Error (Usage) when the accelerator states no peak for the precision.
DevicePeaks peaks_of(const Accelerator& accelerator, TrainingPrecision precision);

TrainingTime training_time(const TrainingWork& work, const DevicePeaks& peaks, const TrainingConstants& constants);

/// Seconds of one matrix product of the work, all its passes.
double gemm_seconds(const GemmWork& gemm, const DevicePeaks& peaks, const TrainingConstants& constants);

}  // namespace isoflop::sim
