#include "isoflop/sim/engines/validate_engines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "isoflop/sim/engines/engine_profile.h"
#include "isoflop/sim/engines/inference_table.h"
#include "isoflop/sim/engines/serving_laws.h"
#include "isoflop/sim/engines/serving_table.h"

namespace isoflop::sim {
namespace {

// How generic efficiencies erred on the rows known, measured over predicted: a factor of three either way covers nine
// in ten (assumed, rounded).
constexpr RatioInterval generic_interval{0.4, 3};

struct Prediction {
  double base = std::numeric_limits<double>::quiet_NaN();
  RatioInterval interval{std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
};

PredictedRow row_of(const EngineSample& s, const Prediction& p) {
  PredictedRow row;
  row.row_id = s.row_id;
  row.group = s.group;
  row.metric = s.metric;
  row.category = s.category;
  row.measured = s.stated;
  row.predicted = s.as_stated(p.base);
  const double a = s.as_stated(std::max(s.floor, p.base * std::min(1.0, p.interval.low))),
               b = s.as_stated(p.base * std::max(1.0, p.interval.high));
  row.low = std::min(a, b);
  row.high = std::max(a, b);
  return row;
}

Prediction by(const EngineProfile& profile, const EngineSample& s) {
  const auto p = profile.predict(s);
  return p ? Prediction{p->base, p->interval} : Prediction{};
}

EngineCalibrationOptions options_of(const ValidationRequest& request, bool leave_chips_out) {
  EngineCalibrationOptions options;
  options.seed = request.seed;
  options.threads = request.threads;
  options.leave_chips_out = leave_chips_out;
  return options;
}

}  // namespace

namespace {

ValidationResult validate(const ValidationRequest& request, const std::vector<EngineLaw>& laws,
                          EngineSamples (*read)(const CsvTable&, const DataFolder&)) {
  ValidationResult result;
  EngineSamples table = read(request.table, request.data);
  result.unsupported = table.refused;
  std::vector<Prediction> predictions(table.samples.size());
  if (request.uncalibrated) {
    result.method = "data-sheet limits with generic efficiencies; no constant was fitted to any of these rows";
    for (std::size_t i = 0; i < predictions.size(); ++i) {
      const EngineLaw& law = law_named(laws, table.samples[i].law);
      const double tpot = law.name == "ttft"
                              ? law_named(laws, "tpot").formula(law_named(laws, "tpot").generic(), table.samples[i], 0)
                              : 0;
      predictions[i] = {law.predict(law.generic(), table.samples[i], tpot), generic_interval};
    }
  } else if (request.calibration) {
    const EngineSamples training = read(*request.calibration, request.data);
    const EngineProfile profile =
        EngineProfile::of(calibrate_engines(laws, training.samples, options_of(request, true)), training.samples);
    std::size_t seen = 0;
    for (std::size_t i = 0; i < predictions.size(); ++i) {
      predictions[i] = by(profile, table.samples[i]);
      seen += profile.rests_on_group(table.samples[i].group) ? 1 : 0;
    }
    result.method = "constants fitted to " + request.calibration->name();
    if (seen > 0)
      result.warnings.push_back(fmt::format(
          "{} of {} rows belong to groups that were fitted: their error is optimistic", seen, predictions.size()));
  } else {
    const EngineProfile profile = EngineProfile::load(request.data);
    bool refit = false;
    std::size_t built_in = 0;
    for (std::size_t i = 0; i < predictions.size(); ++i) {
      const EngineSample& s = table.samples[i];
      if (profile.rests_on_group(s.group) && !s.lower_bound) {
        refit = true;
      } else {
        predictions[i] = by(profile, s);
        ++built_in;
      }
    }
    if (refit)
      for (const EngineFit& fit : calibrate_engines(laws, table.samples, options_of(request, false)))
        for (std::size_t k = 0; k < fit.rows.size(); ++k)
          if (profile.rests_on_group(table.samples[fit.rows[k]].group))
            predictions[fit.rows[k]] = {fit.fit.cross[k], fit.fit.interval[k]};
    result.method = fmt::format(
        "{} rows predicted from the other groups of the file (10-fold by group), {} by the built-in constants, which "
        "rest on none of them",
        predictions.size() - built_in, built_in);
  }
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const EngineSample& s = table.samples[i];
    if (s.lower_bound && std::isfinite(predictions[i].base)) {
      result.unsupported.push_back({s.row_id, "states a lower bound, not a measurement"});
      result.warnings.push_back(fmt::format("row {} states more than {:.4g} ({}): predicted {:.3g} ({:.3g} to {:.3g})",
                                            s.row_id, s.stated, s.metric, row_of(s, predictions[i]).predicted,
                                            row_of(s, predictions[i]).low, row_of(s, predictions[i]).high));
    } else if (std::isfinite(predictions[i].base))
      result.rows.push_back(row_of(s, predictions[i]));
    else
      result.unsupported.push_back({s.row_id, "too few rows to fit the law \"" + s.law + "\""});
  }
  for (const auto& [what, count] : table.assumed)
    result.assumptions.push_back({"in " + std::to_string(count) + " rows", Value(what), "", "assumed"});
  return result;
}

}  // namespace

ValidationResult validate_inference(const ValidationRequest& request) {
  ValidationResult result = validate(request, inference_laws(), read_inference_table);
  result.category_heading = "law and engine";
  return result;
}

ValidationResult validate_serving(const ValidationRequest& request) {
  ValidationResult result = validate(request, serving_laws(), read_serving_table);
  result.category_heading = "metric, kind and engine";
  return result;
}

}  // namespace isoflop::sim
