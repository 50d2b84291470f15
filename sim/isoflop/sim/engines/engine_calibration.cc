#include "isoflop/sim/engines/engine_calibration.h"

namespace isoflop::sim {

// Runs with separate prefill say little of what served them: their cells may stray half as far (chosen by the error on
// groups left out: 64 instead of 72 % on the first token).
constexpr double spread_of_separate_prefill = 0.5;

using Values = std::map<std::string, std::vector<double>>;

std::vector<EngineFit> calibrate_engines(const std::vector<EngineLaw>& laws, const std::vector<EngineSample>& samples,
                                         const EngineCalibrationOptions& options) {
  std::vector<EngineFit> fits;
  std::vector<std::string> groups;
  const auto left_out_with = [](const EngineSample& s) { return s.fold_group.empty() ? s.group : s.fold_group; };
  for (const EngineSample& s : samples) groups.push_back(left_out_with(s));
  if (samples.empty()) return fits;
  const std::vector<int> folds = folds_by_group(groups, options.folds, options.seed);
  // Times per output token that the law of the first token rests on: [fold + 1][sample].
  std::vector<std::vector<double>> tpot;
  for (const EngineLaw& law : laws) {
    EngineFit fit;
    fit.law = &law;
    PooledProblem problem;
    problem.constants = law.constants;
    problem.spread = law.spread;
    problem.spread_scale = [](const std::string& cell) {
      return cell.starts_with("separate/") ? spread_of_separate_prefill : 1.0;
    };
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const EngineSample& s = samples[i];
      if (s.law != law.name || s.lower_bound) continue;
      fit.rows.push_back(i);
      problem.rows.push_back({s.row_id, left_out_with(s), s.cells, s.measured(), folds[i]});
    }
    if (fit.rows.size() < law.constants.size() + 2) continue;
    problem.predict = [&](std::span<const double> values, std::size_t row, int fold) {
      const std::size_t i = fit.rows[row];
      return law.predict(values, samples[i], tpot.empty() ? 0 : tpot[static_cast<std::size_t>(fold + 1)][i]);
    };
    PooledOptions pooled;
    pooled.folds = options.folds;
    pooled.seed = options.seed;
    pooled.threads = options.threads;
    pooled.leave_leaves_out = options.leave_chips_out;
    fit.fit = fit_pooled(problem, pooled);
    if (law.name == "tpot") {
      Values full;
      for (const auto& [name, cell] : fit.fit.cells) full[name] = cell.values;
      tpot.assign(fit.fit.fold_values.size() + 1, std::vector<double>(samples.size(), 0));
      for (std::size_t f = 0; f < tpot.size(); ++f)
        for (std::size_t i = 0; i < samples.size(); ++i)
          if (const auto& path = samples[i].tpot_cells; !path.empty())  // no floor: the sample's may be of its prompt
            tpot[f][i] = law.formula(resolve_values(f == 0 ? full : fit.fit.fold_values[f - 1], path), samples[i], 0);
    }
    fits.push_back(std::move(fit));
  }
  return fits;
}

}  // namespace isoflop::sim
