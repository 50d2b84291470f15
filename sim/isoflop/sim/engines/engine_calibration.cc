#include "isoflop/sim/engines/engine_calibration.h"

namespace isoflop::sim {

std::vector<EngineFit> calibrate_engines(const std::vector<EngineLaw>& laws, const std::vector<EngineSample>& samples,
                                         const EngineCalibrationOptions& options) {
  std::vector<EngineFit> fits;
  for (const EngineLaw& law : laws) {
    EngineFit fit;
    fit.law = &law;
    PooledProblem problem;
    problem.constants = law.constants;
    problem.spread = law.spread;
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const EngineSample& s = samples[i];
      if (s.law != law.name || s.lower_bound) continue;
      fit.rows.push_back(i);
      problem.rows.push_back({s.row_id, s.group, s.cells, s.measured()});
    }
    if (fit.rows.size() < law.constants.size() + 2) continue;
    problem.predict = [&](std::span<const double> values, std::size_t row) { return law.predict(values, samples[fit.rows[row]]); };
    PooledOptions pooled;
    pooled.folds = options.folds;
    pooled.seed = options.seed;
    pooled.threads = options.threads;
    pooled.leave_leaves_out = options.leave_chips_out;
    fit.fit = fit_pooled(problem, pooled);
    fits.push_back(std::move(fit));
  }
  return fits;
}

}  // namespace isoflop::sim
