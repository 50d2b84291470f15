// isoflop validate KIND FILE: predictions against measured rows.
#include <algorithm>

#include "apps/commands.h"
#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/validation.h"

namespace isoflop::app {
namespace {

std::vector<TableColumn> accuracy_columns(const std::string& heading, const std::string& key) {
  return {{heading, key, Align::Left}, {"rows", "n"}, {"MAPE %", "mape_percent", Align::Right, 3},
          {"median %", "median_percent", Align::Right, 3}, {"p90 %", "p90_percent", Align::Right, 3},
          {"bias", "bias", Align::Right, 3}, {"90 % interval covers", "coverage", Align::Right, 3}};
}

std::vector<TableCell> accuracy_cells(const std::string& name, const sim::Accuracy& a) {
  return {name,
          static_cast<std::int64_t>(a.n),
          a.mape,
          a.median,
          a.p90,
          a.bias,
          a.coverage ? TableCell(*a.coverage) : TableCell()};
}

ReportTable accuracy_table(const std::string& title, const std::string& heading, const std::string& key,
                           const std::vector<std::pair<std::string, sim::Accuracy>>& parts) {
  ReportTable table;
  table.title = title;
  table.columns = accuracy_columns(heading, key);
  for (const auto& [name, accuracy] : parts) table.rows.push_back(accuracy_cells(name, accuracy));
  return table;
}

class Validate : public Command {
 public:
  std::string name() const override { return "validate"; }
  std::string summary() const override {
    return "how far predictions are from measured rows: error, bias, interval coverage";
  }
  std::string examples() const override {
    return "isoflop validate op_gemm op_gemm.csv                        each row predicted without using it\n"
           "isoflop validate op_gemm test.csv --calibrate train.csv     constants fitted to one file, applied to the "
           "other\n"
           "isoflop validate op_gemm op_gemm.csv --uncalibrated         data sheets and generic efficiencies only\n"
           "isoflop validate op_gemm op_gemm.csv --json                 every row's prediction and interval";
  }
  void declare(OptionSet& options) override {
    std::string kinds;
    for (const auto& kind : sim::validation_kinds()) kinds += (kinds.empty() ? "" : ", ") + kind.name;
    options.positional("KIND", kind_, "kind of table: " + kinds);
    options.positional("FILE", file_, "measured rows (CSV; - = standard input)");
    options.text("--calibrate", calibrate_, "fit constants to this FILE and to nothing else");
    options.flag("--uncalibrated", uncalibrated_, "use only data sheets and generic efficiencies");
  }

  Report run(const Settings& settings) override {
    const auto& kinds = sim::validation_kinds();
    const auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const auto& k) { return k.name == kind_; });
    if (kind == kinds.end()) {
      std::vector<std::string> names;
      for (const auto& k : kinds) names.push_back(k.name);
      throw unknown_name("kind of table", kind_, names);
    }
    if (!calibrate_.empty() && uncalibrated_)
      throw Error(Fault::Usage, "--calibrate and --uncalibrated exclude each other");
    sim::ValidationRequest request{
        CsvTable::read(file_), {}, uncalibrated_, settings.data, settings.seed, settings.threads, settings.progress};
    if (!calibrate_.empty()) request.calibration = CsvTable::read(calibrate_);
    const auto result = kind->run(request);
    return report_of(*kind, request, result);
  }

 private:
  Report report_of(const sim::ValidationKind& kind, const sim::ValidationRequest& request,
                   const sim::ValidationResult& result) const {
    Report report;
    report.command = "validate";
    const auto overall = sim::accuracy_of(result.rows);
    report.result = sim::validation_value(result);
    report.result["kind"] = Value(kind.name);
    report.seed = request.seed;
    report.headline =
        kind.name + ": mean error " + format_number(overall.mape, 3) + " % over " + std::to_string(overall.n) +
        " rows (median " + format_number(overall.median, 3) + " %, bias " + format_number(overall.bias, 3) +
        (overall.coverage ? ", the 90 % interval covers " + format_number(100 * *overall.coverage, 3) + " %" : "") +
        "); " + std::to_string(result.unsupported.size()) + " rows unsupported. " + result.method + ".";
    auto by_category = sim::accuracy_by(result.rows, [](const auto& r) { return r.category; });
    std::sort(by_category.begin(), by_category.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    by_category.emplace_back("all", overall);
    report.tables.push_back(
        accuracy_table("Error by " + result.category_heading, result.category_heading, "category", by_category));
    report.tables.back().note = "MAPE: mean of |predicted/measured - 1|; bias: geometric mean of predicted/measured.";
    const auto by_metric = sim::accuracy_by(result.rows, [](const auto& r) { return r.metric; });
    if (by_metric.size() > 1) report.tables.push_back(accuracy_table("Error by metric", "metric", "metric", by_metric));
    if (!result.unsupported.empty()) {
      ReportTable table{"Rows not predicted", {{"reason", "reason", Align::Left}, {"rows", "rows"}}, {}, ""};
      for (const auto& [reason, count] : sim::reasons_of(result.unsupported))
        table.rows.push_back({reason, static_cast<std::int64_t>(count)});
      report.tables.push_back(std::move(table));
    }
    auto by_group = sim::accuracy_by(result.rows, [](const auto& r) { return r.group; });
    std::stable_sort(by_group.begin(), by_group.end(),
                     [](const auto& a, const auto& b) { return a.second.mape > b.second.mape; });
    by_group.resize(std::min<std::size_t>(by_group.size(), 20));
    report.explanation.push_back(accuracy_table("Groups with the largest error", "group", "group", by_group));
    report.inputs.push_back(
        {request.table.name(), request.table.sha256(), result.rows.size(), result.unsupported.size()});
    if (request.calibration)
      report.inputs.push_back(
          {request.calibration->name(), request.calibration->sha256(), request.calibration->rows(), 0});
    report.assumptions = result.assumptions;
    report.warnings = result.warnings;
    report.plots = result.plots;
    if (result.rows.empty()) report.distrust = "no row could be predicted";
    return report;
  }

  std::string kind_, file_, calibrate_;
  bool uncalibrated_ = false;
};

}  // namespace

std::unique_ptr<Command> make_validate() { return std::make_unique<Validate>(); }

}  // namespace isoflop::app
