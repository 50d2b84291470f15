#include "apps/measured/calibrate_machine.h"

#include <fmt/format.h>

#include <cmath>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/accuracy.h"
#include "isoflop/sim/machine/machine_calibration.h"
#include "isoflop/statistics.h"

namespace isoflop::app {
namespace {

using namespace isoflop::sim;

// Errors of predictions of one sort, in percent.
struct Errors {
  std::vector<double> absolute;
  double largest = 0;
  void add(const ProfileCheck& check) {
    absolute.push_back(100 * std::fabs(check.predicted_s / check.measured_s - 1));
    largest = std::max(largest, absolute.back());
  }
};

Value to_value(const Errors& e) {
  if (e.absolute.empty()) return {};
  return Value::object(
      {{"n", e.absolute.size()}, {"mape", mean(e.absolute)}, {"median", median(e.absolute)}, {"largest", e.largest}});
}

ReportTable check_table(const MachineProfile& profile) {
  ReportTable table{
      "Predicted against measured, nothing of which was fitted to",
      {{"what", "what", Align::Left},
       {"model", "model", Align::Left},
       {"settings", "settings", Align::Left},
       {"threads", "threads"},
       {"measured ms", "measured_ms"},
       {"predicted ms", "predicted_ms"},
       {"error %", "error_percent", Align::Right, 3},
       {"low ms", "low_ms", Align::Right, 3},
       {"high ms", "high_ms", Align::Right, 3},
       {"spread %", "spread_percent", Align::Right, 2}},
      {},
      "One thread: computing time. Several: time on the wall. Interval: 90 %. Spread: of the measurement."};
  for (const auto& c : profile.checks)
    table.rows.push_back({c.what, c.model, c.settings, static_cast<std::int64_t>(c.threads), 1e3 * c.measured_s,
                          1e3 * c.predicted_s, 100 * (c.predicted_s / c.measured_s - 1), 1e3 * c.low_s, 1e3 * c.high_s,
                          100 * c.disagreement});
  return table;
}

PlotSpec check_plot(const MachineProfile& profile) {
  PlotSpec plot;
  plot.name = "prediction";
  plot.title = "Steps of unseen models: predicted against measured";
  plot.subtitle = profile.processor + ", constants from single operations only";
  plot.source = "Measured by isoflop calibrate --this-machine.";
  plot.x = {"measured time (ms)", Scale::Log, {}, {}, TickStyle::Auto};
  plot.y = {"predicted time (ms)", Scale::Log, {}, {}, TickStyle::Auto};
  double low = HUGE_VAL, high = 0;
  int colour = 0;
  for (const char* what : {"training step", "prefill", "decode step"}) {
    PointLayer points;
    points.legend = what;
    points.colour = colour++;
    for (const auto& c : profile.checks) {
      if (c.what != what || c.threads != 1) continue;
      points.x.push_back(1e3 * c.measured_s);
      points.y.push_back(1e3 * c.predicted_s);
      points.y_low.push_back(1e3 * c.low_s);
      points.y_high.push_back(1e3 * c.high_s);
      points.names.push_back(c.model + ", " + c.settings);
      low = std::min({low, points.x.back(), points.y.back()});
      high = std::max({high, points.x.back(), points.y.back()});
    }
    if (!points.x.empty()) plot.points.push_back(std::move(points));
  }
  plot.lines.push_back({"equal", {low, high}, {low, high}, Dash::Dashed, -1, 1});
  plot.description = "Predicted against measured times of whole steps; the dashed line is equality.";
  return plot;
}

void describe_fits(const MachineCalibration& calibration, Report& report) {
  ReportTable table{"Constants by kind of work",
                    {{"kind", "kind", Align::Left},
                     {"constant", "constant", Align::Left},
                     {"estimate", "estimate"},
                     {"s.e.", "se", Align::Right, 2},
                     {"unit", "unit", Align::Left},
                     {"meaning", "meaning", Align::Left}},
                    {},
                    "A dash under s.e.: the rows do not determine it."};
  ReportTable errors{"Fits",
                     {{"kind", "kind", Align::Left},
                      {"rows", "rows"},
                      {"probes", "groups"},
                      {"in-sample MAPE %", "in_sample_mape_percent", Align::Right, 3},
                      {"unseen probes MAPE %", "cross_validated_mape_percent", Align::Right, 3},
                      {"interval low", "interval_low", Align::Right, 3},
                      {"interval high", "interval_high", Align::Right, 3}},
                     {},
                     "Interval: measured / predicted, 90 %, from probes left out in turn."};
  Value constants = Value::object(), unidentified = Value::array();
  double in_sample = 0, cross = 0, n = 0;
  for (const auto& [kind, fit] : calibration.profile.ops) {
    errors.rows.push_back({kind, static_cast<std::int64_t>(fit.rows), static_cast<std::int64_t>(fit.groups),
                           fit.in_sample_mape, fit.cross_validated_mape, fit.interval.low, fit.interval.high});
    for (const auto& c : fit.fitted) {
      const std::string name = kind + "/" + c.constant.name;
      constants[name] = Value::object({{"estimate", c.value.estimate},
                                       {"se", c.identified ? Value(c.value.se) : Value()},
                                       {"unit", c.constant.unit}});
      if (!c.identified) unidentified.push_back(name);
      table.rows.push_back({kind, c.constant.name, c.value.estimate, c.identified ? TableCell(c.value.se) : TableCell(),
                            c.constant.unit, c.constant.meaning});
    }
    const auto rows = static_cast<double>(fit.rows);
    in_sample += rows * fit.in_sample_mape;
    cross += rows * fit.cross_validated_mape;
    n += rows;
  }
  report.result["constants"] = constants;
  report.result["unidentified"] = unidentified;
  report.result["in_sample"] = Value::object({{"mape", in_sample / n}, {"n", n}});
  report.result["cross_validated"] =
      Value::object({{"mape", cross / n}, {"n", n}, {"scheme", "10-fold by probe program"}});
  report.tables.push_back(errors);
  report.explanation.push_back(table);
}

}  // namespace

Report calibrate_machine_report(const MachineCalibrationRequest& request, const Settings& settings) {
  CalibrationRun run;
  run.threads = settings.threads;
  run.quick = request.quick;
  run.seed = settings.seed;
  run.memory_bytes = static_cast<std::size_t>(request.memory_mb) << 20;
  run.progress = settings.progress;
  const MachineCalibration calibration = calibrate_machine(run);
  const MachineProfile& profile = calibration.profile;
  Report report;
  report.command = "calibrate";
  report.seed = settings.seed;
  report.tables.push_back(check_table(profile));
  report.plots.push_back(check_plot(profile));
  describe_fits(calibration, report);

  Errors training, training_all, decode, prefill;
  std::size_t covered = 0;
  double worst_spread = 0;
  for (const auto& c : profile.checks) {
    (c.what == "decode step" ? decode
     : c.what == "prefill"   ? prefill
     : c.threads == 1        ? training
                             : training_all)
        .add(c);
    covered += c.measured_s >= c.low_s && c.measured_s <= c.high_s;
    worst_spread = std::max(worst_spread, c.disagreement);
  }
  report.result["unseen"] =
      Value::object({{"training_one_thread", to_value(training)},
                     {"training_all_threads", to_value(training_all)},
                     {"decode", to_value(decode)},
                     {"prefill", to_value(prefill)},
                     {"covered", static_cast<double>(covered) / static_cast<double>(profile.checks.size())}});
  report.result["machine"] = to_value(profile);
  report.headline = fmt::format(
      "Training steps of unseen models on one thread: predicted within {:.1f} % on average, {:.1f} % at worst, from "
      "peak, bandwidth and single operations "
      "alone; prompts {:.1f} %, decode steps {:.1f} %.",
      mean(training.absolute), training.largest, mean(prefill.absolute), mean(decode.absolute));
  if (!training_all.absolute.empty())
    report.messages.push_back(fmt::format(
        "On {} threads (not measured for the constants): training steps within {:.1f} % on average, {:.1f} % at worst.",
        profile.threads, mean(training_all.absolute), training_all.largest));
  report.messages.push_back(fmt::format("Conditions: steal {:.1f} %, other programs used {:.0f} % of the processors.",
                                        100 * calibration.median_steal, 100 * calibration.median_foreign));
  report.assumptions = {{"clock of one thread", "computing time of the thread", "",
                         "what other programs do to caches and memory still counts"},
                        {"clock of several threads", "time on the wall", "", "definition"},
                        {"power", "not measured here", "", "isoflop footprint models it; see docs/this_machine.md"}};
  if (calibration.median_foreign > 0.1 && profile.threads > 1)
    report.warnings.push_back(fmt::format(
        "other programs used {:.0f} % of the processors: times of several threads are long by what they took",
        100 * calibration.median_foreign));
  std::string doubt;
  for (const auto& [name, repeats] :
       {std::pair{"fp32 peak", calibration.peak}, std::pair{"memory bandwidth", calibration.bandwidth}})
    if (!repeats.conclusive) doubt += (doubt.empty() ? "" : "; ") + fmt::format("{}: {}", name, repeats.reason);
  // Computing time leaves out waiting, not what others do to caches and memory, and they do it unevenly.
  constexpr double most_foreign = 0.2;  // assumed
  if (calibration.median_foreign > most_foreign)
    doubt +=
        (doubt.empty() ? "" : "; ") + fmt::format("other programs used {:.0f} % of the processors, more than {:.0f} %",
                                                  100 * calibration.median_foreign, 100 * most_foreign);
  if (!doubt.empty())
    report.distrust =
        "the machine did not hold still during the calibration (" + doubt + "); repeat on a quieter machine";
  if (!request.folder.empty()) {
    const std::string path = request.folder + "/machine_profile.json";
    write_file(path, to_json(to_value(profile)) + "\n");
    report.result["profile"] = Value(path);
  }
  return report;
}

}  // namespace isoflop::app
