// Error on rows that were not fitted: k-fold cross-validation in which whole groups are left out together, and
// prediction intervals from the residuals so obtained.
//
// Intervals are split-conformal on ln(measured / predicted) of out-of-fold rows (Lei et al. 2018,
// doi:10.1080/01621459.2017.1307116). Rows of one group are not independent draws, so the quantile level is the
// least wide one whose interval, made without a part of the groups, covers 90 % of the rows of that part.
// Assumption: a new group is drawn as the known ones were; a new chip or engine is not.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "isoflop/sim/calibrate/calibration.h"

namespace isoflop::sim {

/// Fold of each row in [0, folds): all rows of a group in one fold, folds of about equal row counts. Fewer folds
/// when there are fewer groups. Depends on the groups' names and the seed, not on the order of the rows.
std::vector<int> folds_by_group(std::span<const std::string> groups, int folds, std::uint64_t seed);

struct CrossValidation {
  std::string scheme;              ///< "10-fold by group"
  std::vector<double> predicted;   ///< per row, from the fit that did not see its group; NaN with fewer than two groups
  std::vector<int> fold;
  Accuracy accuracy;
};

/// Refits without each fold, started from `full`. Runs on up to `threads` threads; the result does not depend on it.
CrossValidation cross_validate(const CalibrationProblem& problem, const Calibration& full, int folds,
                               const CalibrationOptions& options = {}, int threads = 0);

/// A measured value lies in [low, high] x predicted with the stated coverage.
struct RatioInterval {
  double low = 0, high = 0;
};

/// From out-of-group ratios measured / predicted. With fewer than two ratios the interval is [0, infinity).
RatioInterval conformal_interval(std::span<const double> measured_over_predicted, std::span<const std::string> groups,
                                 double coverage = 0.9);

/// Share of rows inside an interval that was made without their fold: an honest estimate of the coverage.
double cross_coverage(std::span<const double> measured_over_predicted, std::span<const std::string> groups,
                      std::span<const int> fold, double coverage = 0.9);

}  // namespace isoflop::sim
