#include "apps/measured/calibrate_training.h"

#include <cmath>

#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/training/training_calibration.h"

namespace isoflop::app {
namespace {

using namespace isoflop::sim;

Value unless_nan(double v) { return std::isfinite(v) ? Value(v) : Value(); }

}  // namespace

bool is_training_table(const CsvTable& table) {
  for (const char* column : {"global_batch", "micro_batch", "act_ckpt", "metric", "value"})
    if (!table.find_column(column)) return false;
  return true;
}

Report calibrate_training_report(const std::vector<std::string>& files, const std::string& folder, int folds,
                                 const Settings& settings) {
  Report report;
  report.command = "calibrate";
  report.seed = settings.seed;
  std::vector<TrainingSample> samples;
  for (const std::string& file : files) {
    const CsvTable table = CsvTable::read(file);
    if (!is_training_table(table))
      throw Error(Fault::BadInput,
                  file + ":1: these columns are not those of a table of training speeds like the first file");
    TrainingSamples read = read_training_table(table, settings.data);
    report.inputs.push_back({file, table.sha256(), read.samples.size(), read.refused.size()});
    samples.insert(samples.end(), read.samples.begin(), read.samples.end());
  }
  TrainingCalibrationOptions options;
  options.folds = folds;
  options.seed = settings.seed;
  options.threads = settings.threads;
  options.progress = settings.progress;
  const TrainingCalibration fit = calibrate_training(samples, options);

  Value constants = Value::object(), unidentified = Value::array(), cells = Value::array();
  ReportTable table{"Constants",
                    {{"accelerator", "chip", Align::Left},
                     {"stack", "stack", Align::Left},
                     {"constant", "constant", Align::Left},
                     {"estimate", "estimate"},
                     {"s.e.", "se", Align::Right, 2},
                     {"unit", "unit", Align::Left},
                     {"meaning", "meaning", Align::Left}},
                    {},
                    "A dash under s.e.: the rows do not determine it; the value is that of the wider cell."};
  ReportTable errors{"Fits",
                     {{"accelerator", "chip", Align::Left},
                      {"stack", "stack", Align::Left},
                      {"rows", "rows"},
                      {"groups", "groups"},
                      {"unseen groups MAPE %", "cross_validated_mape_percent", Align::Right, 3},
                      {"interval low", "interval_low", Align::Right, 3},
                      {"interval high", "interval_high", Align::Right, 3}},
                     {},
                     "Interval: measured / predicted speed, 90 %, from groups left out in turn."};
  const auto infos = training_constant_list();
  for (const TrainingCell* cell : fit.profile.cells()) {
    const std::string prefix = cell->chip + "/" + (cell->stack.empty() ? "all stacks" : cell->stack) + "/";
    for (std::size_t i = 0; i < infos.size(); ++i) {
      const double estimate = cell->constants.*infos[i].member, se = cell->standard_errors[i];
      constants[prefix + infos[i].name] =
          Value::object({{"estimate", estimate}, {"se", unless_nan(se)}, {"unit", infos[i].unit}});
      if (!std::isfinite(se)) unidentified.push_back(prefix + infos[i].name);
      table.rows.push_back({cell->chip, cell->stack, std::string(infos[i].name), estimate,
                            std::isfinite(se) ? TableCell(se) : TableCell(), std::string(infos[i].unit),
                            std::string(infos[i].meaning)});
    }
    errors.rows.push_back({cell->chip, cell->stack, static_cast<std::int64_t>(cell->rows),
                           static_cast<std::int64_t>(cell->groups), cell->cross_validated_mape, cell->interval.low,
                           cell->interval.high});
    cells.push_back(Value::object({{"chip", cell->chip},
                                   {"stack", cell->stack},
                                   {"rows", cell->rows},
                                   {"groups", cell->groups},
                                   {"cross_validated_mape", cell->cross_validated_mape},
                                   {"interval_low", cell->interval.low},
                                   {"interval_high", cell->interval.high}}));
  }
  std::vector<double> measured;
  for (const std::size_t i : fit.rows) measured.push_back(samples[i].measured_rate());
  const Accuracy in_sample = accuracy_of(measured, fit.in_sample_rate), cross = accuracy_of(measured, fit.cross_rate);
  report.result["constants"] = constants;
  report.result["unidentified"] = unidentified;
  report.result["in_sample"] = to_value(in_sample);
  report.result["cross_validated"] = to_value(cross);
  report.result["cross_validated"]["scheme"] = Value(std::to_string(folds) + "-fold by group");
  report.result["cells"] = cells;
  report.tables = {errors, table};
  report.headline = "training efficiencies fitted to " + std::to_string(measured.size()) + " rows: mean error " +
                    format_number(in_sample.mape, 3) + " % on the rows fitted, " + format_number(cross.mape, 3) +
                    " % on groups left out.";
  if (!folder.empty()) {
    write_file(folder + "/training_profiles.csv", fit.profile.cells_csv());
    write_file(folder + "/training_profile_groups.csv", fit.profile.groups_csv());
    report.result["profile"] = Value(folder + "/training_profiles.csv");
  }
  return report;
}

}  // namespace isoflop::app
