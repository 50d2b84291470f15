#include "apps/measured/calibrate_engines.h"

#include <cmath>

#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/engines/engine_profile.h"
#include "isoflop/sim/engines/serving_laws.h"
#include "isoflop/sim/engines/serving_table.h"

namespace isoflop::app {

using namespace isoflop::sim;

bool is_engine_table(const CsvTable& table) { return is_inference_table(table) || is_serving_table(table); }

Report calibrate_engines_report(const std::vector<std::string>& files, const std::string& folder, int folds,
                                const Settings& settings) {
  Report report;
  report.command = "calibrate";
  report.seed = settings.seed;
  std::vector<EngineSample> samples;
  Value refused = Value::array();
  for (const std::string& file : files) {
    const CsvTable table = CsvTable::read(file);
    if (!is_engine_table(table))
      throw Error(
          Fault::BadInput,
          file + ":1: these columns are not those of a table of inference engines or servers like the first file");
    EngineSamples read =
        is_serving_table(table) ? read_serving_table(table, settings.data) : read_inference_table(table, settings.data);
    report.inputs.push_back({file, table.sha256(), read.samples.size(), read.refused.size()});
    for (const UnsupportedRow& row : read.refused)
      refused.push_back(Value::object({{"row_id", row.row_id}, {"reason", row.reason}}));
    for (const auto& [reason, count] : reasons_of(read.refused))
      report.warnings.push_back(std::to_string(count) + " rows of " + file + " not used: " + reason);
    for (const auto& [what, count] : read.assumed)
      report.assumptions.push_back({"in " + std::to_string(count) + " rows", Value(what), "", "assumed"});
    samples.insert(samples.end(), read.samples.begin(), read.samples.end());
  }
  EngineCalibrationOptions options;
  options.folds = folds;
  options.seed = settings.seed;
  options.threads = settings.threads;
  std::vector<EngineLaw> laws = inference_laws();
  laws.insert(laws.end(), serving_laws().begin(), serving_laws().end());
  const std::vector<EngineFit> fits = calibrate_engines(laws, samples, options);
  if (fits.empty()) throw Error(Fault::BadInput, "too few rows to fit any law");

  Value constants = Value::object(), unidentified = Value::array(), cells = Value::array();
  ReportTable table{"Constants",
                    {{"law", "law", Align::Left},
                     {"cell", "cell", Align::Left},
                     {"constant", "constant", Align::Left},
                     {"estimate", "estimate"},
                     {"s.e.", "se", Align::Right, 2},
                     {"unit", "unit", Align::Left}},
                    {},
                    "A dash under s.e.: the rows do not determine it; the value is that of the wider cell."};
  ReportTable errors{"Fits",
                     {{"law", "law", Align::Left},
                      {"cell", "cell", Align::Left},
                      {"rows", "rows"},
                      {"groups", "groups"},
                      {"unseen groups MAPE %", "cross_validated_mape_percent", Align::Right, 3},
                      {"interval low", "interval_low", Align::Right, 3},
                      {"interval high", "interval_high", Align::Right, 3}},
                     {},
                     "Interval: measured / predicted, 90 %, from groups left out in turn."};
  std::vector<double> measured, in_sample, cross;
  for (const EngineFit& fit : fits) {
    for (std::size_t k = 0; k < fit.rows.size(); ++k) {
      measured.push_back(samples[fit.rows[k]].measured());
      in_sample.push_back(fit.fit.in_sample[k]);
      cross.push_back(fit.fit.cross[k]);
    }
    for (const auto& [name, cell] : fit.fit.cells) {
      const std::string prefix = fit.law->name + "/" + name + "/";
      for (std::size_t k = 0; k < cell.values.size(); ++k) {
        const Constant& c = fit.law->constants[k];
        const bool known = std::isfinite(cell.standard_errors[k]);
        constants[prefix + c.name] = Value::object(
            {{"estimate", cell.values[k]}, {"se", known ? Value(cell.standard_errors[k]) : Value()}, {"unit", c.unit}});
        if (!known) unidentified.push_back(prefix + c.name);
        table.rows.push_back({fit.law->name, name, c.name, cell.values[k],
                              known ? TableCell(cell.standard_errors[k]) : TableCell(), c.unit});
      }
      errors.rows.push_back({fit.law->name, name, static_cast<std::int64_t>(cell.rows),
                             static_cast<std::int64_t>(cell.groups), cell.cross_validated_mape, cell.interval.low,
                             cell.interval.high});
      cells.push_back(Value::object({{"law", fit.law->name},
                                     {"cell", name},
                                     {"rows", cell.rows},
                                     {"groups", cell.groups},
                                     {"cross_validated_mape", cell.cross_validated_mape},
                                     {"interval_low", cell.interval.low},
                                     {"interval_high", cell.interval.high}}));
    }
  }
  const Accuracy inside = accuracy_of(measured, in_sample), outside = accuracy_of(measured, cross);
  report.result["constants"] = constants;
  report.result["unidentified"] = unidentified;
  report.result["in_sample"] = to_value(inside);
  report.result["cross_validated"] = to_value(outside);
  report.result["cross_validated"]["scheme"] = Value(std::to_string(folds) + "-fold by group");
  report.result["cells"] = cells;
  report.result["refused"] = refused;
  report.tables = {errors};
  report.explanation = {table};
  report.headline = std::to_string(fits.size()) + " laws of inference engines fitted to " +
                    std::to_string(measured.size()) + " rows: mean error " + format_number(inside.mape, 3) +
                    " % on the rows fitted, " + format_number(outside.mape, 3) + " % on groups left out.";
  if (!folder.empty()) {
    const EngineProfile profile = EngineProfile::of(fits, samples);
    write_file(folder + "/engine_profiles.csv", profile.cells_csv());
    write_file(folder + "/engine_profile_groups.csv", profile.groups_csv());
    write_file(folder + "/profile.json", to_json(profile.json()) + "\n");
    report.result["profile"] = Value(folder + "/profile.json");
  }
  return report;
}

}  // namespace isoflop::app
