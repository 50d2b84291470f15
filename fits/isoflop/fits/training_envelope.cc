#include "isoflop/fits/training_envelope.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "isoflop/error.h"
#include "isoflop/statistics.h"

namespace isoflop::fits {
namespace {

// Loss at D tokens, linear in ln D between the measured points.
std::optional<double> loss_at(const TrainingCurve& curve, double tokens) {
  if (curve.tokens.empty() || tokens < curve.tokens.front() || tokens > curve.tokens.back()) return {};
  const auto above = std::lower_bound(curve.tokens.begin(), curve.tokens.end(), tokens);
  const auto i = static_cast<std::size_t>(above - curve.tokens.begin());
  if (i == 0) return curve.loss.front();
  const double share = std::log(tokens / curve.tokens[i - 1]) / std::log(curve.tokens[i] / curve.tokens[i - 1]);
  return curve.loss[i - 1] + share * (curve.loss[i] - curve.loss[i - 1]);
}

EnvelopeFit envelope(const std::vector<const TrainingCurve*>& curves, std::size_t budgets) {
  EnvelopeFit fit;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  fit.exponent_a = fit.exponent_a_se = fit.log_factor = nan;
  double low = std::numeric_limits<double>::infinity(), high = 0;
  for (const auto* curve : curves) {
    low = std::min(low, 6 * curve->params * curve->tokens.front());
    high = std::max(high, 6 * curve->params * curve->tokens.back());
  }
  std::vector<double> x, y;
  for (std::size_t k = 0; k < budgets && high > low; ++k) {
    const double compute = low * std::pow(high / low, static_cast<double>(k) / static_cast<double>(budgets - 1));
    EnvelopePoint best{compute, 0, std::numeric_limits<double>::infinity()};
    double smallest = std::numeric_limits<double>::infinity(), largest = 0;
    for (const auto* curve : curves) {
      const auto loss = loss_at(*curve, compute / (6 * curve->params));
      if (!loss) continue;
      smallest = std::min(smallest, curve->params);
      largest = std::max(largest, curve->params);
      if (*loss < best.loss) best.params = curve->params, best.loss = *loss;
    }
    if (best.params == 0) continue;
    if (best.params == smallest || best.params == largest) {
      ++fit.at_edge;
      continue;
    }
    fit.points.push_back(best);
    x.push_back(std::log(compute));
    y.push_back(std::log(best.params));
  }
  std::set<double> sizes;
  for (const auto& point : fit.points) sizes.insert(point.params);
  if (sizes.size() < 2) {
    fit.reason = "fewer than two sizes lie on the envelope with a smaller and a larger one beside them";
    return fit;
  }
  const double mx = mean(x), my = mean(y);
  double sxx = 0, sxy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sxx += (x[i] - mx) * (x[i] - mx), sxy += (x[i] - mx) * (y[i] - my);
  fit.exponent_a = sxy / sxx;
  fit.log_factor = my - fit.exponent_a * mx;
  return fit;
}

// sqrt((n - 1)/n sum of squares); NaN for fewer than three.
double jackknife_se(const std::vector<double>& values) {
  if (values.size() < 3) return std::numeric_limits<double>::quiet_NaN();
  const double centre = mean(values), n = static_cast<double>(values.size());
  double sum = 0;
  for (double v : values) sum += (v - centre) * (v - centre);
  return std::sqrt(sum * (n - 1) / n);
}

}  // namespace

double EnvelopeFit::log_params_se(double compute_flop) const {
  std::vector<double> values;
  for (const auto& line : without_a_size) values.push_back(line.log_factor + line.exponent_a * std::log(compute_flop));
  return jackknife_se(values);
}

double EnvelopeFit::params(double compute_flop) const {
  return std::exp(log_factor + exponent_a * std::log(compute_flop));
}

std::vector<TrainingCurve> read_training_curves(const CsvTable& table) {
  const auto name = table.find_any({"run", "name", "run_id"});
  const std::size_t run_column = name ? *name : table.column("run");
  const auto size = table.find_any({"params", "N", "model size", "parameters"});
  const std::size_t params_column = size ? *size : table.column("params");
  const auto loss_found = table.find_any({"loss", "validation_loss", "val_loss"});
  const std::size_t loss_column = loss_found ? *loss_found : table.column("loss");
  const auto tokens_column = table.find_any({"tokens", "D", "training_tokens"});
  const auto step_column = table.find_any({"step", "steps"});
  const auto per_step_column = table.find_any({"tokens_per_step", "batch_tokens"});
  if (!tokens_column && !(step_column && per_step_column))
    throw Error(Fault::BadInput,
                table.name() + ":1:1: training curves need a column tokens, or step with tokens_per_step");
  std::map<std::string, TrainingCurve> by_run;
  std::map<std::string, std::vector<std::pair<double, double>>> points;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto loss = table.number(row, loss_column);
    if (!loss) continue;
    if (!(*loss > 0)) table.reject(row, loss_column, "must be positive");
    const std::string run(table.text(row, run_column));
    const double params = table.required_number(row, params_column);
    if (!(params > 0)) table.reject(row, params_column, "must be positive");
    const double tokens = tokens_column
                              ? table.required_number(row, *tokens_column)
                              : table.required_number(row, *step_column) * table.required_number(row, *per_step_column);
    if (!(tokens > 0)) continue;  // step 0 has no compute to be compared at
    auto [entry, is_new] = by_run.try_emplace(run, TrainingCurve{run, params, {}, {}});
    if (!is_new && entry->second.params != params)
      table.reject(row, params_column, "run \"" + run + "\" had another size before");
    points[run].emplace_back(tokens, *loss);
  }
  std::vector<TrainingCurve> curves;
  for (auto& [run, curve] : by_run) {
    auto& list = points[run];
    std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [tokens, loss] : list) {
      if (!curve.tokens.empty() && tokens == curve.tokens.back()) curve.loss.back() = loss;
      else curve.tokens.push_back(tokens), curve.loss.push_back(loss);
    }
    if (!curve.tokens.empty()) curves.push_back(std::move(curve));
  }
  return curves;
}

EnvelopeFit fit_envelope(const std::vector<TrainingCurve>& curves, std::size_t budgets) {
  std::vector<const TrainingCurve*> all;
  std::set<double> sizes;
  for (const auto& curve : curves)
    if (!curve.tokens.empty()) all.push_back(&curve), sizes.insert(curve.params);
  if (budgets < 2) throw Error(Fault::Usage, "an envelope needs at least two budgets");
  EnvelopeFit fit = envelope(all, budgets);
  if (!fit.usable()) return fit;
  // Points of the envelope share runs, so that least squares would claim far too much; leaving out sizes does not.
  for (double size : sizes) {
    std::vector<const TrainingCurve*> rest;
    for (const auto* curve : all)
      if (curve->params != size) rest.push_back(curve);
    if (const auto reduced = envelope(rest, budgets); reduced.usable())
      fit.without_a_size.push_back({reduced.exponent_a, reduced.log_factor});
  }
  std::vector<double> exponents;
  for (const auto& line : fit.without_a_size) exponents.push_back(line.exponent_a);
  fit.exponent_a_se = jackknife_se(exponents);
  return fit;
}

}  // namespace isoflop::fits
