// From measured training speeds to a profile, cross-validated by group.
#pragma once
#include <functional>
#include <vector>

#include "isoflop/sim/calibrate/calibration.h"
#include "isoflop/sim/training/training_profile.h"
#include "isoflop/sim/training/training_table.h"

namespace isoflop::sim {

struct TrainingCalibrationOptions {  ///< Cross-validation and threads.
  int folds = 10;
  std::uint64_t seed = 42;
  int threads = 0;
  std::function<void(double, const std::string&)> progress = [](double, const std::string&) {};
};

struct TrainingCalibration {
  TrainingProfile profile;
  std::vector<std::size_t> rows;       ///< samples used: those with a speed, not whole runs
  std::vector<double> in_sample_rate;  ///< per used row, tokens per second and device
  std::vector<double> cross_rate;      ///< from the fit that did not see the row's group
  std::vector<RatioInterval> interval; ///< for each used row, from residuals of other folds
  Calibration overall;                 ///< the fit over all accelerators, for its report
};

/// Cells from the widest to the narrowest, each with its errors on groups left out.
TrainingCalibration calibrate_training(const std::vector<TrainingSample>& samples,
                                       const TrainingCalibrationOptions& options = {});

/// Tokens per second and device of a sample's run with these constants.
double predicted_rate(const TrainingSample& sample, const TrainingConstants& constants);

}  // namespace isoflop::sim
