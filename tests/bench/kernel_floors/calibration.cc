// Step times of models that the calibration has not seen.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "floors.h"

namespace isoflop::sim {

void judge_calibration() {
  CalibrationRun run;
  run.quick = true;
  run.threads = 2;
  const MachineCalibration result = calibrate_machine(run);
  double sum = 0, n = 0, worst = 0;
  for (const auto& c : result.profile.checks)
    if (c.what == "training step" && c.threads == 1) {
      const double error = std::abs(c.predicted_s / c.measured_s - 1);
      sum += error;
      ++n;
      worst = std::max(worst, error);
    }
  const bool still = result.peak.conclusive && result.bandwidth.conclusive && result.median_foreign < 0.2;
  const std::string verdict = !still ? "INCONCLUSIVE" : worst <= 0.15 ? "PASS" : "MISS";
  count(verdict);
  line("predicted step time of unseen models: worst error", fmt::format("{:.3f}", worst), "<= 0.15", verdict,
       fmt::format("mean {:.3f} of {:.0f} steps, 1 thread; aim 0.08", sum / n, n));
}

}  // namespace isoflop::sim
