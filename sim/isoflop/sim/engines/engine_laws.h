// Laws of what inference engines do, each with a handful of constants that pooled_fit() determines.
//
//   decode     one token of one request
//              t = (body/t + head) q / (bw e_weights) + kv / (t bw e_cache) + L (start + [t > 1] (sync + sync_log lg
//              t)) + (s - 1) hop
//   prefill    a prompt in pieces of `piece` tokens over s devices that layers are dealt to
//              t = (F q / (P e_compute) + A / (P e_attention) + n (W / (bw e_weights) + L start)) ((1 - overlap) +
//              overlap pipe(n, s))
//   latency    prompt and generation of a batch of B over p pipeline stages of t devices
//              T = n step + prompt (parts + p - 1)/(parts p),  parts = min(p, B)
//              step   = max(W/(t bw e_weights) + kv/(t bw e_cache parts), F/(t P e_decode parts)) + L (start + [t > 1]
//              (sync + sync_log lg t
//                       + [a group spans nodes] far)) + (p - 1) stage + B sample
//              prompt = F_prompt/(t P e_prompt) + element_passes 2 B S d L/bw + X/(link e_link, or network e_network)
//   memory     bytes = weights w + cache c + activations a + base per device
//   offline    device-seconds per generated token at saturation, F/(P e_compute) x (sparse for mixtures)
//
// t tensor-parallel devices, s layer splits, L layers, W weight bytes, F FLOP, A attention FLOP, bw bandwidth, P peak.
// Predictions are never below the sample's floor: bytes / bandwidth, FLOP / peak, or bytes stored.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "isoflop/sim/calibrate/calibration.h"
#include "isoflop/sim/engines/engine_sample.h"

namespace isoflop::sim {

/// A constant of a law: generic start value (assumed: rounded, typical) and the range that is physically conceivable.
inline Constant law_constant(const char* name, const char* unit, const char* meaning, double start, double low,
                             double high) {
  return {name, unit, meaning, start, low, high, 0, 0};
}

struct EngineLaw {  ///< A law: constants, priors and formula.
  std::string name;     ///< "decode"
  std::string summary;
  std::vector<Constant> constants;  ///< start values are the generic ones (assumed)
  std::vector<double> spread;       ///< prior sd of ln c from one cell to the next narrower
  std::function<double(std::span<const double>, const EngineSample&, double tpot)>
      formula;  ///< `tpot`: only the law "ttft" looks at it

  /// The formula, not below the floor.
  double predict(std::span<const double> values, const EngineSample& sample, double tpot = 0) const;
  std::vector<double> generic() const;
};

/// Of single requests and fixed batches.
const std::vector<EngineLaw>& inference_laws();

/// Throws Error (CannotRun) for an unknown name.
const EngineLaw& law_named(const std::vector<EngineLaw>& laws, const std::string& name);

}  // namespace isoflop::sim
