#include "isoflop/sim/op/validate_op.h"

#include <algorithm>
#include <map>

#include "isoflop/number_text.h"
#include "isoflop/sim/op/op_calibration.h"
#include "isoflop/sim/op/op_plots.h"

namespace isoflop::sim {
namespace {

struct Prediction {
  double seconds = 0;
  RatioInterval interval;
};

Prediction predict(const OpSample& sample, const ResolvedCell& cell) {
  return {op_cost(sample.shape, sample.limits, cell.values, benchmark_loop).seconds, cell.interval};
}

PredictedRow row_of(const OpSample& sample, const Prediction& prediction) {
  PredictedRow row;
  row.row_id = sample.row_id;
  row.group = sample.group;
  row.metric = "latency_us";
  row.category = sample.chip + " " + (sample.key.op == "gemm" ? "" : sample.key.op + " ") + sample.key.variant;
  row.measured = 1e6 * sample.measured_s;
  row.predicted = 1e6 * prediction.seconds;
  row.low = row.predicted * std::min(1.0, prediction.interval.low);
  row.high = row.predicted * std::max(1.0, prediction.interval.high);
  return row;
}

OpCalibrationOptions options_of(const ValidationRequest& request) {
  OpCalibrationOptions options;
  options.seed = request.seed;
  options.threads = request.threads;
  options.progress = request.progress;
  return options;
}

OpSamples read(const std::string& kind, const CsvTable& table, const DataFolder& data, ValidationResult& result) {
  OpSamples samples = read_op_table(kind, table, data);
  for (const auto& note : samples.notes) result.warnings.push_back(note);
  std::map<std::string, std::size_t> suspects;
  for (const auto& sample : samples.samples)
    if (!sample.suspect.empty()) ++suspects[sample.suspect];
  for (const auto& [why, count] : suspects)
    result.warnings.push_back(std::to_string(count) + " rows are " + why + ": predicted, but not fitted to");
  for (const auto& row : samples.refused) result.unsupported.push_back({row.row_id, row.reason});
  return samples;
}

void predict_all(const OpSamples& samples, const OpProfile& profile, const AcceleratorCatalogue& accelerators,
                 bool datasheet, std::vector<std::size_t> which, std::vector<Prediction>& predictions,
                 ValidationResult& result) {
  std::map<std::pair<std::string, OpKey>, ResolvedCell> cells;
  std::map<std::string, std::size_t> origins;
  for (std::size_t i : which) {
    const auto& sample = samples.samples[i];
    auto [cell, fresh] = cells.try_emplace({sample.chip, sample.key});
    if (fresh)
      cell->second = datasheet ? profile.datasheet(sample.key)
                               : profile.resolve(accelerators.require(sample.accelerator), sample.chip, sample.key);
    predictions[i] = predict(sample, cell->second);
    ++origins[cell->second.origin];
  }
  for (const auto& [origin, count] : origins)
    result.assumptions.push_back(
        {"basis of " + std::to_string(count) + " rows", Value(origin), "", "data/op_profiles.csv"});
}

}  // namespace

ValidationResult validate_op(const std::string& kind, const ValidationRequest& request) {
  ValidationResult result;
  result.category_heading = "chip and kernel";
  const auto accelerators = AcceleratorCatalogue::load(request.data);
  const OpSamples samples = read(kind, request.table, request.data, result);
  std::vector<Prediction> predictions(samples.samples.size());
  std::vector<std::size_t> all(samples.samples.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  if (request.uncalibrated) {
    result.method = "data-sheet limits with generic efficiencies; no constant was fitted to any of these rows";
    predict_all(samples, OpProfile::load(request.data), accelerators, true, all, predictions, result);
  } else if (request.calibration) {
    const OpSamples training = read_op_table(kind, *request.calibration, request.data);
    const auto fits = calibrate_ops(training.samples, options_of(request));
    const OpProfile profile = profile_of(fits, training.samples);
    std::size_t seen = 0;
    for (const auto& sample : samples.samples) seen += profile.rests_on_group(sample.group) ? 1 : 0;
    result.method =
        "constants fitted to " + std::to_string(training.samples.size()) + " rows of " + request.calibration->name();
    if (seen > 0)
      result.warnings.push_back(std::to_string(seen) + " of " + std::to_string(samples.samples.size()) +
                                " rows belong to groups that were fitted: their error is optimistic");
    predict_all(samples, profile, accelerators, false, all, predictions, result);
  } else {
    const OpProfile profile = OpProfile::load(request.data);
    std::vector<std::size_t> unseen;
    std::vector<bool> needs_refit(all.size(), false);
    for (std::size_t i : all) {
      needs_refit[i] = profile.rests_on_group(samples.samples[i].group);
      if (!needs_refit[i]) unseen.push_back(i);
    }
    if (!unseen.empty()) predict_all(samples, profile, accelerators, false, unseen, predictions, result);
    if (unseen.size() < all.size()) {
      std::vector<bool> done(all.size(), false);
      for (const auto& fit : calibrate_ops(samples.samples, options_of(request))) {
        for (std::size_t i = 0; i < fit.rows.size(); ++i) {
          if (!needs_refit[fit.rows[i]]) continue;
          predictions[fit.rows[i]] = {fit.cross.predicted[i],
                                      fit.fold_interval[static_cast<std::size_t>(fit.cross.fold[i])]};
          done[fit.rows[i]] = true;
        }
      }
      // Suspect rows were never fitted to. Of cells with too few rows to leave some out, generic efficiencies have seen
      // none.
      std::vector<std::size_t> suspect, left;
      for (std::size_t i : all)
        if (needs_refit[i] && !done[i]) (samples.samples[i].suspect.empty() ? left : suspect).push_back(i);
      if (!suspect.empty()) predict_all(samples, profile, accelerators, false, suspect, predictions, result);
      if (!left.empty()) predict_all(samples, profile, accelerators, true, left, predictions, result);
    }
    result.method = std::to_string(all.size() - unseen.size()) +
                    " rows predicted from the other groups of the file (10-fold by group), " +
                    std::to_string(unseen.size()) + " by the built-in constants, which rest on none of them";
  }
  for (std::size_t i : all) result.rows.push_back(row_of(samples.samples[i], predictions[i]));
  result.plots.push_back(predicted_against_measured(kind, "Kernel times, predicted against measured: " + kind,
                                                    "microseconds", result.rows));
  if (auto plot = roofline_plot(kind, samples.samples)) result.plots.push_back(std::move(*plot));
  std::vector<double> predicted_s;
  for (const auto& prediction : predictions) predicted_s.push_back(prediction.seconds);
  if (auto plot = utilisation_plot(samples.samples, predicted_s)) result.plots.push_back(std::move(*plot));
  return result;
}

}  // namespace isoflop::sim
