// How far predictions are from measurements: the five figures every table of the program prints.
// Errors are |predicted / measured - 1| in percent; the bias is the geometric mean of predicted / measured, so that
// twice too fast and twice too slow weigh the same; coverage counts measurements inside the 90 % interval.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "isoflop/report/value.h"

namespace isoflop::sim {

/// One measurement with what was predicted for it; low and high are NaN where no interval exists.
struct PredictedRow {
  std::string row_id, group, metric;
  std::string category;  ///< what people want error by beside the metric: chip and format, source, engine
  double measured = 0, predicted = 0;
  double low = 0, high = 0;
};

/// `coverage` is empty when no row has an interval; n = 0 leaves the other figures at zero.
struct Accuracy {
  std::size_t n = 0;
  double mape = 0;    ///< mean absolute percentage error, percent
  double median = 0;  ///< percent
  double p90 = 0;     ///< percent
  double bias = 0;    ///< geometric mean of predicted / measured
  std::optional<double> coverage;  ///< fraction, 0 to 1
};

/// Measured and predicted values must be positive.
Accuracy accuracy_of(std::span<const PredictedRow> rows);
/// Without intervals.
Accuracy accuracy_of(std::span<const double> measured, std::span<const double> predicted);

/// {"n","mape","median","p90","bias","coverage"}; figures are null when n = 0.
Value to_value(const Accuracy& accuracy);

}  // namespace isoflop::sim
