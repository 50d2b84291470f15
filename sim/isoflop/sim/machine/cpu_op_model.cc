#include "isoflop/sim/machine/cpu_op_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "isoflop/sim/accuracy.h"

namespace isoflop::sim {
namespace {

struct Term {
  const char* name;
  const char* unit;
  const char* meaning;
  double CpuConstants::*constant;
  double start, low, high;
};

// Starts and ranges are assumed: from what instructions of the last ten years can do.
constexpr Term terms[] = {
    {"e_f", "1", "share of the multiply-add peak inside tiles", &CpuConstants::e_f, 0.9, 0.02, 1},
    {"t_item", "s", "per element beside the arithmetic", &CpuConstants::t_item, 2e-10, 1e-13, 1e-7},
    {"e_b", "1", "share of the read bandwidth of the working set", &CpuConstants::e_b, 0.7, 0.05, 4},
    {"t_pack", "s", "per element copied into panels", &CpuConstants::t_pack, 3e-10, 1e-13, 1e-7},
    {"t_row", "s", "per row of elements, or tile of outputs", &CpuConstants::t_row, 1e-8, 1e-12, 1e-4},
    {"t_call", "s", "per call", &CpuConstants::t_call, 3e-7, 1e-10, 1e-3}};
constexpr std::size_t term_count = std::size(terms);

// Whether any work of the kind has the term, and whether it can be told from the others.
bool has_term(std::size_t term, std::span<const MeasuredWork* const> works) {
  const auto any = [&](double CpuWork::*member) {
    return std::any_of(works.begin(), works.end(), [&](const MeasuredWork* m) { return m->work.*member > 0; });
  };
  // Elements of arithmetic that is not multiply-adds are priced by t_item alone.
  const bool products = any(&CpuWork::packed) && std::any_of(works.begin(), works.end(), [](const MeasuredWork* m) {
                          return m->work.flop > 2 * m->work.items;
                        });
  switch (term) {
    case 0: return products;
    case 1: return any(&CpuWork::items);
    case 2: return any(&CpuWork::bytes);
    case 3: return any(&CpuWork::packed);
    case 4: return any(&CpuWork::rows);
    default: return true;
  }
}

CpuConstants constants_from(std::span<const double> values, std::span<const std::size_t> used) {
  CpuConstants c;
  c.e_f = 0;  // no arithmetic term
  for (std::size_t i = 0; i < used.size(); ++i) c.*(terms[used[i]].constant) = values[i];
  return c;
}

double model_seconds(const CpuWork& w, const LimitValues& limits, const CpuConstants& c) {
  double busy = w.items * c.t_item + w.packed * c.t_pack;
  if (c.e_f > 0) busy += w.tile_flop / (limits.peak(w.arithmetic) * c.e_f);
  const double memory = w.bytes > 0 ? w.bytes / (limits.bandwidth(w.working_set) * c.e_b) : 0;
  return w.calls * c.t_call + w.rows * c.t_row + std::hypot(busy, memory);
}

CpuOpFit fit_kind(std::span<const MeasuredWork* const> works, const LimitValues& limits, std::uint64_t seed,
                  int threads) {
  std::vector<std::size_t> used;
  const std::size_t most = std::max<std::size_t>(1, works.size() / 2);
  for (std::size_t t = 0; t < term_count && used.size() < most; ++t)
    if (has_term(t, works)) used.push_back(t);
  CalibrationProblem problem;
  for (const std::size_t t : used) {
    Constant constant{terms[t].name, terms[t].unit, terms[t].meaning, terms[t].start, terms[t].low, terms[t].high};
    // Weak priors of a factor of about e either way keep terms in place that few rows determine.
    constant.prior_center = terms[t].start;
    constant.prior_log_sd = terms[t].unit[0] == 's' ? 2 : 0.5;
    problem.constants.push_back(constant);
  }
  for (const auto* m : works) problem.rows.push_back({m->work.kind, m->group, m->seconds, 1});
  problem.predict = [&](std::span<const double> values, std::size_t row) {
    return std::max(1e-12, model_seconds(works[row]->work, limits, constants_from(values, used)));
  };
  CalibrationOptions options;
  options.seed = seed;
  options.starts = 3;
  const Calibration fit = calibrate(problem, options);
  CpuOpFit result;
  result.constants = constants_from(fit.values(), used);
  result.fitted = fit.constants;
  result.in_sample_mape = fit.in_sample.mape;
  result.rows = works.size();
  result.groups = fit.groups;
  std::vector<double> ratios;
  std::vector<std::string> groups;
  std::map<std::string, std::size_t> sizes;
  for (const auto* m : works) ++sizes[m->group];
  std::size_t largest = 0;
  for (const auto& [group, size] : sizes) largest = std::max(largest, size);
  // A fold holds at least one whole group; what is left must still determine the constants.
  const std::size_t in_fold = std::max(largest, (works.size() + 9) / 10 + largest - 1);
  if (fit.groups >= 2 && works.size() >= in_fold + used.size()) {
    const auto cross = cross_validate(problem, fit, 10, options, threads);
    result.cross_validated_mape = cross.accuracy.mape;
    for (std::size_t i = 0; i < works.size(); ++i) {
      ratios.push_back(works[i]->seconds / cross.predicted[i]);
      groups.push_back(works[i]->group);
    }
  }
  result.interval = conformal_interval(ratios, groups);
  return result;
}

}  // namespace

double cpu_seconds(const CpuWork& work, const LimitValues& limits, const CpuConstants& constants) {
  return std::max(model_seconds(work, limits, constants),
                  work.flop > 2 * work.items ? light_seconds(work, limits) : 0.0);
}

std::map<std::string, CpuOpFit> fit_cpu_ops(std::span<const MeasuredWork> measured, const LimitValues& limits,
                                            std::uint64_t seed, int threads) {
  std::map<std::string, std::vector<const MeasuredWork*>> kinds;
  for (const auto& m : measured)
    if (m.seconds > 0) kinds[m.work.kind].push_back(&m);
  std::map<std::string, CpuOpFit> fits;
  for (const auto& [kind, works] : kinds) fits[kind] = fit_kind(works, limits, seed, threads);
  return fits;
}

}  // namespace isoflop::sim
