#include "isoflop/sim/footprint/inference_energy.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "isoflop/error.h"
#include "isoflop/sim/calibrate/cross_validation.h"
#include "isoflop/statistics.h"

namespace isoflop::sim {
namespace {

struct Device {
  double tdp_w, bandwidth, peak;
};

Device device_of(const ServingPoint& p) {
  if (!p.device) throw Error(Fault::CannotRun, "serving needs a device");
  const auto peak = p.device->bf16_flop_per_s ? p.device->bf16_flop_per_s : p.device->fp16_flop_per_s;
  if (!p.device->tdp_w || !peak || !(p.device->bandwidth_bytes_per_s > 0))
    throw Error(Fault::CannotRun, p.device->id + " states no TDP, memory bandwidth or bf16 peak");
  return {*p.device->tdp_w, p.device->bandwidth_bytes_per_s, *peak};
}

/// Without constants: what each of them multiplies.
std::array<double, 4> loads(const ServingPoint& p) {
  const Device d = device_of(p);
  if (!(p.params_total > 0) || !(p.params_active > 0) || p.params_active > 1.001 * p.params_total)
    throw Error(Fault::BadInput, "serving needs 0 < active parameters <= total parameters");
  if (!(p.batch >= 1) || !(p.output_tokens > 0) || !(p.device_count > 0))
    throw Error(Fault::BadInput, "serving needs a batch of at least 1, output tokens and devices");
  const double layers = p.layers > 0 ? p.layers : 32 * std::pow(p.params_total / 8e9, 0.35);
  const double kv = p.kv_bytes_per_token > 0 ? p.kv_bytes_per_token : 4096 * layers;
  const double share = std::min(1.0, p.params_active / p.params_total);
  const double touched = share >= 1 ? 1 : 1 - std::pow(1 - share, p.batch);
  const double weights = p.params_total * p.bytes_per_weight * touched / p.batch;
  const double cache = kv * (p.prompt_tokens + p.output_tokens / 2);
  const double flop = 2 * p.params_active * (1 + p.prompt_tokens / p.output_tokens);
  return {d.tdp_w / d.bandwidth * (weights + cache), d.tdp_w / d.peak * flop,
          d.tdp_w * p.device_count * layers / p.batch, d.tdp_w * p.device_count};
}

CalibrationProblem problem_of(const std::vector<MeasuredServing>& rows) {
  const InferenceConstants start;
  CalibrationProblem problem;
  problem.constants = {{"bytes", "1", "share of TDP over share of bandwidth", start.bytes, 0.1, 5, 0.65, 0.5},
                       {"flop", "1", "share of TDP over share of bf16 peak", start.flop, 0.1, 10, 1.4, 0.5},
                       {"layer_s", "s", "waiting per layer and step, at TDP", start.layer_s, 1e-7, 1e-2, 50e-6, 1},
                       {"token_s", "s", "waiting per token, at TDP", start.token_s, 1e-7, 1e-2, 30e-6, 1}};
  for (const auto& row : rows) problem.rows.push_back({row.id, row.model, row.joules_per_token});
  problem.predict = [&rows](std::span<const double> c, std::size_t i) {
    const auto x = loads(rows[i].point);
    return c[0] * x[0] + c[1] * x[1] + c[2] * x[2] + c[3] * x[3];
  };
  return problem;
}

bool was_measured(const Accelerator& device) {
  return device.id.starts_with("h100-sxm") || device.id.starts_with("b200");
}

}  // namespace

TokenEnergy token_energy(const ServingPoint& p, const InferenceConstants& c) {
  const auto x = loads(p);
  ServingPoint no_cache = p;
  no_cache.prompt_tokens = 0;
  no_cache.output_tokens = 1e-9;
  TokenEnergy e;
  e.weights_j = c.bytes * loads(no_cache)[0];
  e.cache_j = c.bytes * x[0] - e.weights_j;
  e.arithmetic_j = c.flop * x[1] / (1 + p.prompt_tokens / p.output_tokens);
  e.prefill_j = c.flop * x[1] - e.arithmetic_j;
  e.layers_j = c.layer_s * x[2];
  e.host_wait_j = c.token_s * x[3];
  return e;
}

Distribution token_energy_distribution(const ServingPoint& p, const InferenceConstants& c) {
  double variance = c.sigma_ln * c.sigma_ln;
  if (p.params_active < 0.95 * p.params_total) variance += 0.4 * 0.4;  // no mixture of experts was measured
  if (!was_measured(*p.device)) variance += 0.25 * 0.25;
  return Distribution::lognormal(token_energy(p, c).total_j(), std::sqrt(variance));
}

Distribution unknown_batch() { return Distribution::lognormal(110, 1.9); }

Distribution token_energy_distribution_any_batch(ServingPoint p, const InferenceConstants& c) {
  const Distribution batches = unknown_batch();
  // Energy against batch is steep below and flat above, so the mixture is kept as a sample rather than a lognormal.
  std::vector<double> sample;
  for (int i = 1; i < 100; ++i) {
    p.batch = std::max(1.0, batches.quantile(i / 100.0));
    const Distribution at = token_energy_distribution(p, c);
    for (int k = 0; k < 9; ++k) sample.push_back(at.quantile((k + 0.5) / 9));
  }
  return Distribution::empirical(std::move(sample));
}

double with_idle_capacity_j(double joules, double busy, double idle_power_share) {
  if (!(busy > 0 && busy <= 1)) throw Error(Fault::BadInput, "a busy share lies in (0, 1]");
  return joules * (1 + (1 - busy) / busy * idle_power_share);
}

InferenceConstants fit_inference(const std::vector<MeasuredServing>& rows, std::uint64_t seed) {
  CalibrationOptions options;
  options.seed = seed;
  const CalibrationProblem problem = problem_of(rows);
  const Calibration fit = calibrate(problem, options);
  const auto v = fit.values();
  InferenceConstants c{
      v[0], v[1],
      v[2], v[3],
      0.16, "fitted to " + std::to_string(rows.size()) + " measured rows of " + std::to_string(fit.groups) + " models"};
  std::vector<std::string> models;
  for (const auto& row : rows)
    if (std::find(models.begin(), models.end(), row.model) == models.end()) models.push_back(row.model);
  if (models.size() < 3) return c;
  const auto cross = cross_validate(problem, fit, static_cast<int>(models.size()), options);
  double squares = 0;
  for (std::size_t i = 0; i < rows.size(); ++i)
    squares += std::pow(std::log(rows[i].joules_per_token / cross.predicted[i]), 2);
  c.sigma_ln = std::sqrt(squares / static_cast<double>(rows.size()));
  return c;
}

double ecologits_joules_per_token(double params_total, double params_active) {
  const double wh = 1.16653e-6 * std::exp(-0.0112059 * 64) * params_active / 1e9 + 4.05293e-5;
  const double needed = std::ceil(1.2 * params_total / 1e9 * 16 / 8 / 80);
  return wh * 3600 * std::exp2(std::ceil(std::log2(needed)));
}

}  // namespace isoflop::sim
