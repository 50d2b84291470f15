// Joules per output token of a served language model: what moves, what is computed, and what waits, priced in energy.
//
//   E = TDP/BW   x c_bytes x (touched weights / batch + KV bytes read)     memory traffic of a decode step
//     + TDP/peak x c_flop  x 2 N_active (1 + prompt / output)              arithmetic of decode and prefill, bf16 peak
//     + TDP x devices x c_layer x layers / batch                           launches and exchanges, layer by layer
//     + TDP x devices x c_token                                            scheduling and sampling, token by token
//
// c_bytes and c_flop are a share of TDP over a share of the data-sheet peak (about 0.6 / 0.9 and 0.95 / 0.7); c_layer
// and c_token are seconds at TDP. An fp8 model halves the traffic, but its arithmetic costs what bf16 costs (measured
// engines quantise activations on the fly). A mixture of experts touches 1 - (1 - active/total)^batch of its weights.
// Accelerators only: host, idle and PUE come on top (footprint.h).
//
// Constants: fitted by our own code to 35 measured configurations of five dense models on H100 and B200
// (ML.ENERGY leaderboard v3 @0cd52da, Zeus; facts used, rows not shipped). Leaving one model out: median error 9 %, 90
// % of the ratios within +-25 %. The rows state no prompt length: 300 tokens are assumed. Mixtures of experts and other
// devices are extrapolation, and the interval is widened for them.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "isoflop/hardware/accelerator.h"
#include "isoflop/sim/calibrate/calibration.h"
#include "isoflop/sim/footprint/distribution.h"

namespace isoflop::sim {

inline constexpr double assumed_prompt_tokens = 300;
inline constexpr double assumed_output_tokens = 500;

struct ServingPoint {  ///< A model served on a device at a batch.
  double params_total = 0, params_active = 0;
  double bytes_per_weight = 2;
  double layers = 0;              ///< 0: from size, 32 (N / 8e9)^0.35
  double kv_bytes_per_token = 0;  ///< 0: grouped-query attention of 8 x 128, 4096 bytes per layer
  const Accelerator* device = nullptr;
  double device_count = 1;
  double batch = 1;  ///< sequences decoded together, on average
  double prompt_tokens = assumed_prompt_tokens, output_tokens = assumed_output_tokens;
};

struct InferenceConstants {  ///< The four constants above; `source` says where they come from.
  double bytes = 0.65;
  double flop = 1.43;
  double layer_s = 60e-6;
  double token_s = 35e-6;
  double sigma_ln = 0.15;  ///< of a measured value around the prediction, new model
  std::string source = "fitted to 35 configurations of 5 dense models on H100 and B200 (ML.ENERGY leaderboard v3)";
};

struct TokenEnergy {  ///< J per output token of the accelerators, by cause.
  double weights_j = 0, cache_j = 0, prefill_j = 0, arithmetic_j = 0, layers_j = 0, host_wait_j = 0;
  double total_j() const { return weights_j + cache_j + prefill_j + arithmetic_j + layers_j + host_wait_j; }
};

/// Per output token, accelerators only. Throws Error (CannotRun) when the device lacks TDP, bandwidth or peak, and
/// (BadInput) for a batch below 1 or no parameters.
TokenEnergy token_energy(const ServingPoint& point, const InferenceConstants& constants = {});

/// What is known of the true value: lognormal around the prediction, wider for mixtures and devices never measured.
Distribution token_energy_distribution(const ServingPoint& point, const InferenceConstants& constants = {});

/// The batch of a deployment nobody describes: lognormal, median 110, 90 % between 5 and 2500 (assumed: measured
/// configurations run from 8 to 1024).
Distribution unknown_batch();
/// The same with the batch unknown: the spread over batches dominates.
Distribution token_energy_distribution_any_batch(ServingPoint point, const InferenceConstants& constants = {});

/// A server that works `busy` of its time pays for the rest as well: E (1 + (1 - busy)/busy x idle power share).
/// OLMo-2-7B: 648 J per request saturated, 12.9 kJ at one request per second (arXiv:2503.05804).
double with_idle_capacity_j(double joules, double busy, double idle_power_share);

struct MeasuredServing {  ///< A measured configuration.
  std::string id, model;
  ServingPoint point;
  double joules_per_token = 0;
};

/// The four constants by robust least squares on ln(predicted / measured), groups = models, weak physical priors;
/// sigma_ln from leaving one model out.
InferenceConstants fit_inference(const std::vector<MeasuredServing>& rows, std::uint64_t seed = 42);

/// EcoLogits as shipped (5be90da): Wh per output token and GPU = 1.16653e-6 exp(-0.0112059 x 64) P_active[1e9] +
/// 4.05293e-5, GPUs = 2^ceil(log2(ceil(1.2 P_total 2 / 80 GB))). Accelerators only; the baseline to beat.
double ecologits_joules_per_token(double params_total, double params_active);

}  // namespace isoflop::sim
