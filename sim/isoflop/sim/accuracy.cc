#include "isoflop/sim/accuracy.h"

#include <cmath>

#include "isoflop/statistics.h"

namespace isoflop::sim {

Accuracy accuracy_of(std::span<const double> measured, std::span<const double> predicted) {
  Accuracy result;
  result.n = measured.size();
  if (measured.empty()) return result;
  std::vector<double> errors;
  double sum_log = 0;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    errors.push_back(100 * std::fabs(predicted[i] / measured[i] - 1));
    sum_log += std::log(predicted[i] / measured[i]);
  }
  result.mape = mean(errors);
  result.median = median(errors);
  result.p90 = quantile(errors, 0.9);
  result.bias = std::exp(sum_log / static_cast<double>(errors.size()));
  return result;
}

Accuracy accuracy_of(std::span<const PredictedRow> rows) {
  std::vector<double> measured, predicted;
  std::size_t with_interval = 0, inside = 0;
  for (const auto& row : rows) {
    measured.push_back(row.measured);
    predicted.push_back(row.predicted);
    if (std::isnan(row.low) || std::isnan(row.high)) continue;
    ++with_interval;
    if (row.low <= row.measured && row.measured <= row.high) ++inside;
  }
  Accuracy result = accuracy_of(measured, predicted);
  if (with_interval > 0) result.coverage = static_cast<double>(inside) / static_cast<double>(with_interval);
  return result;
}

Value to_value(const Accuracy& accuracy) {
  Value value = Value::object({{"n", accuracy.n}});
  const bool some = accuracy.n > 0;
  value["mape"] = some ? Value(accuracy.mape) : Value();
  value["median"] = some ? Value(accuracy.median) : Value();
  value["p90"] = some ? Value(accuracy.p90) : Value();
  value["bias"] = some ? Value(accuracy.bias) : Value();
  value["coverage"] = Value(accuracy.coverage);
  return value;
}

}  // namespace isoflop::sim
