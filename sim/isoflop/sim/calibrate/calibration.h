// Constants of a cost model from measured rows, by robust least squares on log(predicted / measured).
//
// Every constant c is positive and is fitted as ln c inside [low, high]. Minimised is
//   sum_rows w rho(ln(predicted / measured)) + sum_priors d^2 (ln c - ln center)^2 / sd^2,
// rho(r) = 2 d^2 (sqrt(1 + r^2 / d^2) - 1) (soft L1, d = `robust_scale`): quadratic for small residuals, linear for
// outliers. Standard errors are the cluster-robust sandwich over groups (Liang & Zeger 1986,
// doi:10.1093/biomet/73.1.13) because rows of one sweep share their errors. A constant that the rows do not determine
// is named, not guessed: it keeps its value and `identified` is false.
//
// Use: fill a CalibrationProblem; `predict(values, row)` is the model. The engine knows nothing of what is modelled.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "isoflop/estimate.h"
#include "isoflop/sim/accuracy.h"

namespace isoflop::sim {

struct Constant {  ///< A positive constant to be fitted, its bounds and prior.
  std::string name;
  std::string unit;
  std::string meaning;
  double start = 1;
  double low = 1e-12, high = 1e12;  ///< bounds, both positive; equal = held fixed
  double prior_center = 0;          ///< with prior_log_sd > 0: normal prior on ln c
  double prior_log_sd = 0;
};

struct Observation {  ///< A measured row.
  std::string id;
  std::string group;     ///< rows that share their errors: one sweep, one configuration
  double measured = 0;   ///< positive, in the unit of the prediction
  double weight = 1;
};

struct CalibrationProblem {  ///< Constants, rows and the model that predicts them.
  std::vector<Constant> constants;
  std::vector<Observation> rows;
  /// Positive prediction of row `row` with these values, ordered as `constants`. Called from several threads.
  std::function<double(std::span<const double> values, std::size_t row)> predict;
};

struct CalibrationOptions {  ///< Loss and search.
  double robust_scale = 0.1;   ///< d above, in ln units
  int starts = 4;              ///< the stated start and starts - 1 random ones
  std::uint64_t seed = 42;
  int max_iterations = 100;
};

struct FittedConstant {  ///< A constant after the fit, or why the rows do not determine it.
  Constant constant;
  FittedValue value;      ///< 90 % interval; se, low, high are NaN when not identified
  bool identified = true;   ///< false too for a constant that was held fixed
  std::string reason;     ///< why not, when not identified
};

struct Calibration {
  std::vector<FittedConstant> constants;
  bool converged = false;
  double objective = 0;   ///< sum of rho over the rows plus priors
  int starts_tried = 0;
  int starts_agreeing = 0;  ///< starts that reached the best objective within 1 %
  std::vector<double> predicted;  ///< per row, in sample
  Accuracy in_sample;
  std::size_t groups = 0;

  std::vector<double> values() const;
};

/// Throws Error (BadInput) for rows or start values that are not positive, and when there are fewer rows than
/// constants.
Calibration calibrate(const CalibrationProblem& problem, const CalibrationOptions& options = {});

}  // namespace isoflop::sim
