// Measured kernel calls to a profile: every chip and key fitted on its own, cross-validated by group, with intervals
// from the groups left out; then the means that unmeasured chips borrow.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "isoflop/sim/calibrate/cross_validation.h"
#include "isoflop/sim/op/op_profile.h"
#include "isoflop/sim/op/op_table.h"

namespace isoflop::sim {

/// As the calls of the tables were timed: one kernel repeated on the same operands, launched by a host.
inline constexpr CallConditions benchmark_loop{true, true};

struct OpCalibrationOptions {  ///< Cross-validation and threads.
  int folds = 10;
  int starts = 3;
  std::uint64_t seed = 42;
  int threads = 0;
  std::function<void(double, const std::string&)> progress = [](double, const std::string&) {};
};

struct OpFit {  ///< One chip and key after the fit, with errors on groups left out.
  std::string chip;
  OpKey key;
  std::vector<std::size_t> rows;  ///< positions in the samples
  Calibration fit;
  CrossValidation cross;
  RatioInterval interval;         ///< from all rows left out in turn
  std::vector<RatioInterval> fold_interval;  ///< for each fold, from the rows of the others
  double coverage = 0;            ///< of those intervals on their own fold
  std::string source;
};

/// Cells with fewer rows than constants + 2 or fewer than two groups are left out; `skipped` (if given) names them.
std::vector<OpFit> calibrate_ops(std::span<const OpSample> samples, const OpCalibrationOptions& options = {},
                                 std::vector<std::string>* skipped = nullptr);

/// Cells of the fits, the borrowed means and the data-sheet interval.
OpProfile profile_of(std::span<const OpFit> fits, std::span<const OpSample> samples);

}  // namespace isoflop::sim
