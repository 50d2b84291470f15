#include "isoflop/sim/training/validate_training.h"

#include <algorithm>
#include <map>
#include <set>

#include "isoflop/catalogue/models.h"
#include "isoflop/sim/training/memory_accuracy.h"
#include "isoflop/sim/training/training_calibration.h"
#include "isoflop/sim/training/whole_run.h"

namespace isoflop::sim {
namespace {

struct Prediction {
  double rate = 0;
  RatioInterval interval;
};

PredictedRow row_of(const TrainingSample& s, const Prediction& p) {
  PredictedRow row;
  row.row_id = s.row_id;
  row.group = s.group;
  row.metric = s.metric;
  row.category = s.source + " on " + s.accelerator;
  row.measured = s.measured;
  row.predicted = s.predicted(p.rate);
  const double low = s.predicted(p.rate * std::min(1.0, p.interval.low)),
               high = s.predicted(p.rate * std::max(1.0, p.interval.high));
  row.low = std::min(low, high);
  row.high = std::max(low, high);
  return row;
}

TrainingCalibrationOptions options_of(const ValidationRequest& request) {
  TrainingCalibrationOptions options;
  options.seed = request.seed;
  options.threads = request.threads;
  options.progress = request.progress;
  return options;
}

Prediction by(const TrainingProfile& profile, const TrainingSample& s) {
  const ResolvedTraining r = profile.resolve(s.accelerator, s.stack);
  return {predicted_rate(s, r.constants), r.interval};
}

/// Rows of whole runs, from the published runs of other families.
class WholeRuns {
 public:
  explicit WholeRuns(const DataFolder& data)
      : table_(PublishedTable::load(data)), devices_(AcceleratorCatalogue::load(data)),
        models_(ModelCatalogue::load(data)), prior_(observed_runs(table_.all(), devices_)) {}

  Prediction predict(const TrainingSample& s) const {
    const WholeRunHours h = whole_run_hours(s.run, prior_, published_families_of(s.model, table_), release_date(s));
    const double central = h.device_hours.central;
    return {s.factor / central, {central / h.device_hours.high, central / h.device_hours.low}};
  }

 private:
  std::string release_date(const TrainingSample& s) const {
    const ModelRecord* record = models_.find(s.model);
    return record ? record->release_date : "";
  }

  PublishedTable table_;
  AcceleratorCatalogue devices_;
  ModelCatalogue models_;
  MfuPrior prior_;
};

// Peaks of memory: no constant rests on measured rows; the interval does, on those of other sources than the row's.
void add_memory_rows(ValidationResult& result, const TrainingSamples& samples, const DataFolder& data,
                     std::map<std::string, std::size_t>& assumed) {
  if (samples.memory.empty()) return;
  const MemoryResiduals residuals = MemoryResiduals::load(data);
  std::map<std::string, RatioInterval> intervals;
  std::vector<PredictedRow> from_scratch, fine_tuning;  // in GB: rows are in the units of their sources
  for (const TrainingMemorySample& s : samples.memory) {
    const auto [interval, fresh] = intervals.try_emplace(s.source);
    if (fresh) interval->second = residuals.interval({s.source});
    PredictedRow row;
    row.row_id = s.row_id;
    row.group = s.group;
    row.metric = s.fine_tuning ? s.metric + "_fine_tuning" : s.metric;
    row.category = s.source + ", memory";
    row.measured = s.measured;
    row.predicted = predicted_peak_bytes(s) / s.unit_bytes;
    row.low = row.predicted * interval->second.low;
    row.high = row.predicted * interval->second.high;
    std::vector<PredictedRow>& plotted_with = s.fine_tuning ? fine_tuning : from_scratch;
    plotted_with.push_back(row);
    PredictedRow& plotted = plotted_with.back();
    plotted.category = s.source;
    for (double* value : {&plotted.measured, &plotted.predicted, &plotted.low, &plotted.high})
      *value *= s.unit_bytes / 1e9;
    result.rows.push_back(std::move(row));
    for (const std::string& what : s.assumed) ++assumed[what];
  }
  if (!from_scratch.empty())
    result.plots.push_back(predicted_against_measured(
        "training-memory", "Peak memory of training from scratch, predicted against measured", "GB", from_scratch));
  if (!fine_tuning.empty())
    result.plots.push_back(predicted_against_measured(
        "fine-tuning-memory", "Peak memory of fine-tuning scripts, predicted against measured", "GB", fine_tuning));
  if (!result.method.empty()) result.method += "; ";
  result.method += std::to_string(samples.memory.size()) +
                   " peaks of memory by counting, no constant fitted to such rows; their intervals from the published "
                   "peaks of other sources";
}

}  // namespace

ValidationResult validate_training(const ValidationRequest& request) {
  ValidationResult result;
  result.category_heading = "source and accelerator";
  const TrainingSamples samples = read_training_table(request.table, request.data);
  for (const auto& row : samples.refused) result.unsupported.push_back({row.row_id, row.reason});
  std::vector<Prediction> predictions(samples.samples.size());
  if (predictions.empty()) {
    result.method.clear();
  } else if (request.uncalibrated) {
    result.method = "data-sheet limits with generic efficiencies; no constant was fitted to any of these rows";
    for (std::size_t i = 0; i < predictions.size(); ++i) {
      const ResolvedTraining r = TrainingProfile::datasheet(samples.samples[i].run.accelerator);
      predictions[i] = {predicted_rate(samples.samples[i], r.constants), r.interval};
    }
  } else if (request.calibration) {
    const TrainingSamples training = read_training_table(*request.calibration, request.data);
    const TrainingProfile profile = calibrate_training(training.samples, options_of(request)).profile;
    std::size_t seen = 0;
    for (std::size_t i = 0; i < predictions.size(); ++i) {
      predictions[i] = by(profile, samples.samples[i]);
      seen += profile.rests_on_group(samples.samples[i].group) ? 1 : 0;
    }
    result.method = "constants fitted to " + request.calibration->name();
    if (seen > 0)
      result.warnings.push_back(std::to_string(seen) + " of " + std::to_string(predictions.size()) +
                                " rows belong to groups that were fitted: their error is optimistic");
  } else {
    const TrainingProfile profile = TrainingProfile::load(request.data);
    std::size_t built_in = 0;
    bool refit = false;
    for (std::size_t i = 0; i < predictions.size(); ++i) {
      const TrainingSample& s = samples.samples[i];
      if (!s.whole_run && profile.rests_on_group(s.group)) {
        refit = true;
        continue;
      }
      predictions[i] = by(profile, s);
      ++built_in;
    }
    if (refit) {
      const TrainingCalibration cross = calibrate_training(samples.samples, options_of(request));
      for (std::size_t k = 0; k < cross.rows.size(); ++k)
        if (profile.rests_on_group(samples.samples[cross.rows[k]].group))
          predictions[cross.rows[k]] = {cross.cross_rate[k], cross.interval[k]};
    }
    result.method = std::to_string(predictions.size() - built_in) +
                    " rows predicted from the other groups of the file (10-fold by group), " +
                    std::to_string(built_in) + " by the built-in constants, which rest on none of them";
  }
  if (!request.uncalibrated && !predictions.empty()) {
    const WholeRuns published(request.data);
    std::size_t whole = 0;
    for (std::size_t i = 0; i < predictions.size(); ++i)
      if (samples.samples[i].whole_run) predictions[i] = published.predict(samples.samples[i]), ++whole;
    if (whole > 0)
      result.method +=
          "; device-hours of " + std::to_string(whole) + " whole runs by the published runs of other families";
  }
  std::map<std::string, std::size_t> assumed;
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    result.rows.push_back(row_of(samples.samples[i], predictions[i]));
    for (const std::string& what : samples.samples[i].assumed) ++assumed[what];
  }
  if (!predictions.empty())
    result.plots.push_back(predicted_against_measured("training", "Training runs, predicted against measured",
                                                      "unit of the row", result.rows));
  add_memory_rows(result, samples, request.data, assumed);
  for (const auto& [what, count] : assumed)
    result.assumptions.push_back({"in " + std::to_string(count) + " rows", Value(what), "", "assumed"});
  return result;
}

}  // namespace isoflop::sim
