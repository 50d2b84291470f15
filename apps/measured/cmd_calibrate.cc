// isoflop calibrate FILE...: measured kernel times to constants with standard errors.
#include <algorithm>
#include <cmath>

#include "apps/measured/calibrate_engines.h"
#include "apps/measured/calibrate_machine.h"
#include "apps/measured/calibrate_training.h"
#include "apps/commands.h"
#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/op/op_calibration.h"

namespace isoflop::app {
namespace {

class Calibrate : public Command {
 public:
  std::string name() const override { return "calibrate"; }
  std::string summary() const override { return "measured rows to efficiency constants with standard errors"; }
  std::string examples() const override {
    return "isoflop calibrate op_gemm.csv                                constants, what could not be identified, "
           "error on unseen groups\n"
           "isoflop calibrate op_*.csv --write-profile data              writes data/op_profiles.csv and "
           "data/op_profile_groups.csv\n"
           "isoflop calibrate training.csv --write-profile data          training efficiencies per accelerator and "
           "stack\n"
           "isoflop calibrate inference.csv serving.csv --write-profile .  profile.json for isoflop serve --profile\n"
           "isoflop calibrate op_gemm.csv --json -o constants.csv        all constants for other programs\n"
           "isoflop calibrate --this-machine --write-profile .           this CPU: limits, constants, predictions "
           "against unseen models";
  }
  void declare(OptionSet& options) override {
    options.positionals(
        "FILE", files_,
        "tables of measured kernel times, training speeds, inference engines or servers; the columns tell which",
        false);
    options.text("--write-profile", folder_, "write the profile tables into this FOLDER (use it with --data FOLDER)");
    options.flag("--this-machine", this_machine_,
                 "measure the built-in kernel on this CPU instead of reading files (about two minutes)");
    options.flag("--quick", quick_, "with --this-machine: fewer shapes and smaller unseen models");
    options.whole("--memory-mb", memory_mb_, "with --this-machine: size of the largest buffer, far beyond the caches",
                  16, 1 << 16);
    options.whole("--folds", folds_, "parts of the cross-validation, whole groups together", 2, 1000);
  }

  Report run(const Settings& settings) override {
    if (this_machine_) {
      if (!files_.empty()) throw Error(Fault::Usage, "--this-machine measures; it takes no files");
      return calibrate_machine_report({quick_, folder_, memory_mb_}, settings);
    }
    if (files_.empty()) throw Error(Fault::Usage, "calibrate needs tables of measured rows, or --this-machine");
    if (!files_.empty() && files_.front() != "-" && is_training_table(CsvTable::read(files_.front())))
      return calibrate_training_report(files_, folder_, static_cast<int>(folds_), settings);
    if (!files_.empty() && files_.front() != "-" && is_engine_table(CsvTable::read(files_.front())))
      return calibrate_engines_report(files_, folder_, static_cast<int>(folds_), settings);
    Report report;
    report.command = "calibrate";
    report.seed = settings.seed;
    std::vector<sim::OpSample> samples;
    for (const auto& file : files_) read(file, settings.data, samples, report);
    if (samples.empty()) throw Error(Fault::BadInput, "no row can be used for calibration");
    sim::OpCalibrationOptions options;
    options.folds = static_cast<int>(folds_);
    options.seed = settings.seed;
    options.threads = settings.threads;
    options.progress = settings.progress;
    std::vector<std::string> skipped;
    const auto fits = sim::calibrate_ops(samples, options, &skipped);
    for (const auto& text : skipped) report.warnings.push_back("not fitted: " + text);
    if (fits.empty()) throw Error(Fault::BadInput, "too few rows to fit any constant");
    describe(fits, samples, report);
    if (!folder_.empty()) {
      const auto profile = sim::profile_of(fits, samples);
      write_file(folder_ + "/op_profiles.csv", profile.cells_csv());
      write_file(folder_ + "/op_profile_groups.csv", profile.groups_csv());
      report.result["profile"] = Value(folder_ + "/op_profiles.csv");
    }
    return report;
  }

 private:
  static void read(const std::string& file, const DataFolder& data, std::vector<sim::OpSample>& samples,
                   Report& report) {
    const CsvTable table = CsvTable::read(file);
    const std::string kind = sim::op_table_kind_of(table);
    if (kind.empty())
      throw Error(Fault::BadInput, file + ":1: these columns are none of the known tables of kernel times");
    auto read_rows = sim::read_op_table(kind, table, data);
    for (const auto& note : read_rows.notes) report.warnings.push_back(note);
    for (const auto& row : read_rows.refused)
      report.result["refused"].push_back(Value::object({{"row_id", row.row_id}, {"reason", row.reason}}));
    if (!read_rows.refused.empty())
      report.warnings.push_back(std::to_string(read_rows.refused.size()) + " rows of " + file +
                                " cannot be used, the first (" + read_rows.refused.front().row_id +
                                ") because: " + read_rows.refused.front().reason);
    const auto suspects = std::count_if(read_rows.samples.begin(), read_rows.samples.end(),
                                        [](const auto& s) { return !s.suspect.empty(); });
    if (suspects > 0)
      report.warnings.push_back(std::to_string(suspects) + " rows of " + file +
                                " beat a physical bound by less than a quarter and are left out of the fit");
    // One bad row is a slip; many are a wrong unit, and constants fitted to the rest would hide it.
    if (read_rows.refused.size() > read_rows.samples.size() / 20)
      report.distrust = std::to_string(read_rows.refused.size()) + " of " + std::to_string(table.rows()) + " rows of " +
                        file + " were refused, the first because: " + read_rows.refused.front().reason;
    report.inputs.push_back({file, table.sha256(), read_rows.samples.size(), read_rows.refused.size()});
    samples.insert(samples.end(), read_rows.samples.begin(), read_rows.samples.end());
  }

  static void describe(const std::vector<sim::OpFit>& fits, const std::vector<sim::OpSample>& samples, Report& report) {
    Value constants = Value::object(), unidentified = Value::array(), reasons = Value::object(), cells = Value::array();
    ReportTable errors{"Fits",
                       {{"chip", "chip", Align::Left},
                        {"operation", "op", Align::Left},
                        {"kernel", "variant", Align::Left},
                        {"rows", "rows"},
                        {"groups", "groups"},
                        {"in-sample MAPE %", "in_sample_mape_percent", Align::Right, 3},
                        {"unseen groups MAPE %", "cross_validated_mape_percent", Align::Right, 3},
                        {"bias", "bias", Align::Right, 3},
                        {"interval low", "interval_low", Align::Right, 3},
                        {"interval high", "interval_high", Align::Right, 3},
                        {"covers", "coverage", Align::Right, 3}},
                       {},
                       "Interval: measured / predicted, 90 %, from groups left out in turn."};
    ReportTable table{"Constants",
                      {{"chip", "chip", Align::Left},
                       {"operation", "op", Align::Left},
                       {"kernel", "variant", Align::Left},
                       {"constant", "constant", Align::Left},
                       {"estimate", "estimate"},
                       {"s.e.", "se", Align::Right, 2},
                       {"unit", "unit", Align::Left},
                       {"meaning", "meaning", Align::Left}},
                      {},
                      "A dash under s.e.: the rows do not determine it."};
    std::vector<double> measured, fitted, unseen, unseen_measured;
    bool converged = true;
    for (const auto& fit : fits) {
      const std::string prefix = fit.chip + "/" + fit.key.op + "/" + fit.key.variant + "/";
      converged = converged && fit.fit.converged;
      for (const auto& c : fit.fit.constants) {
        if (c.constant.low == c.constant.high) continue;
        constants[prefix + c.constant.name] = Value::object({{"estimate", c.value.estimate},
                                                             {"se", c.identified ? Value(c.value.se) : Value()},
                                                             {"low", c.identified ? Value(c.value.low) : Value()},
                                                             {"high", c.identified ? Value(c.value.high) : Value()},
                                                             {"unit", c.constant.unit}});
        if (!c.identified) {
          unidentified.push_back(prefix + c.constant.name);
          reasons[prefix + c.constant.name] = Value(c.reason);
        }
        table.rows.push_back({fit.chip, fit.key.op, fit.key.variant, c.constant.name, c.value.estimate,
                              c.identified ? TableCell(c.value.se) : TableCell(), c.constant.unit, c.constant.meaning});
      }
      errors.rows.push_back({fit.chip, fit.key.op, fit.key.variant, static_cast<std::int64_t>(fit.rows.size()),
                             static_cast<std::int64_t>(fit.fit.groups), fit.fit.in_sample.mape, fit.cross.accuracy.mape,
                             fit.cross.accuracy.bias, fit.interval.low, fit.interval.high, fit.coverage});
      for (std::size_t i = 0; i < fit.rows.size(); ++i) {
        measured.push_back(samples[fit.rows[i]].measured_s);
        fitted.push_back(fit.fit.predicted[i]);
        unseen.push_back(fit.cross.predicted[i]);
      }
      cells.push_back(Value::object({{"chip", fit.chip},
                                     {"op", fit.key.op},
                                     {"variant", fit.key.variant},
                                     {"rows", fit.rows.size()},
                                     {"groups", fit.fit.groups},
                                     {"in_sample", to_value(fit.fit.in_sample)},
                                     {"cross_validated", to_value(fit.cross.accuracy)},
                                     {"interval_low", fit.interval.low},
                                     {"interval_high", fit.interval.high},
                                     {"coverage", fit.coverage},
                                     {"source", fit.source}}));
    }
    const auto in_sample = sim::accuracy_of(measured, fitted), cross = sim::accuracy_of(measured, unseen);
    report.result["constants"] = std::move(constants);
    report.result["unidentified"] = std::move(unidentified);
    report.result["unidentified_because"] = std::move(reasons);
    report.result["in_sample"] = to_value(in_sample);
    report.result["cross_validated"] = to_value(cross);
    report.result["cross_validated"]["scheme"] = Value(fits.front().cross.scheme);
    report.result["cells"] = std::move(cells);
    report.tables = {errors, table};
    report.headline = std::to_string(fits.size()) + " kernels fitted to " + std::to_string(measured.size()) +
                      " rows: mean error " + format_number(in_sample.mape, 3) + " % on the rows fitted, " +
                      format_number(cross.mape, 3) + " % on groups left out (" + fits.front().cross.scheme + ").";
    if (!converged) report.warnings.push_back("some fits stopped before the objective was flat");
  }

  std::vector<std::string> files_;
  std::string folder_;
  long folds_ = 10, memory_mb_ = 256;
  bool this_machine_ = false, quick_ = false;
};

}  // namespace

std::unique_ptr<Command> make_calibrate() { return std::make_unique<Calibrate>(); }

}  // namespace isoflop::app
