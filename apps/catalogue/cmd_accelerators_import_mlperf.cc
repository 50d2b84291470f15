// `accelerators import-mlperf`: MLPerf inference summaries as measured rows, per system and per device.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "apps/commands.h"
#include "isoflop/error.h"
#include "isoflop/hardware/accelerator.h"
#include "isoflop/import/mlperf_summary.h"
#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

constexpr std::size_t most_rows_for_people = 30;

class AcceleratorsImportMlperf : public Command {
 public:
  std::string name() const override { return "accelerators import-mlperf"; }
  std::string summary() const override {
    return "Read a summary.csv of MLPerf inference: measured rates of language models.";
  }
  std::string examples() const override {
    return "isoflop accelerators import-mlperf summary.csv\n"
           "isoflop accelerators import-mlperf summary.csv --model llama2-70b-99 --scenario Offline --csv\n"
           "isoflop accelerators import-mlperf summary.csv -o mlperf.csv";
  }
  void declare(OptionSet& options) override {
    options.positional("file", file_, "summary.csv of an inference_results repository, or - for standard input");
    options.text("--model", model_, "only this benchmark model");
    options.text("--scenario", scenario_, "Offline, Server or Interactive");
  }

  Report run(const Settings& settings) override {
    const CsvTable source = CsvTable::read(file_);
    const MlperfSummary summary = read_mlperf_summary(source);
    const auto catalogue = AcceleratorCatalogue::load(settings.data);
    ReportTable table{"Measured rates, fastest per device first",
                      {{"model", "model", Align::Left},
                       {"scenario", "scenario", Align::Left},
                       {"accelerator", "hardware", Align::Left},
                       {"devices", "n_devices"},
                       {"rate", "value", Align::Right, 4},
                       {"per device", "value_per_device", Align::Right, 4},
                       {"unit", "unit", Align::Left},
                       {"submitter", "submitter", Align::Left},
                       {"metric", "metric", Align::Left},
                       {"catalogue id", "accelerator", Align::Left},
                       {"system", "system", Align::Left},
                       {"software", "engine", Align::Left},
                       {"stated unit", "unit_stated", Align::Left},
                       {"division", "division", Align::Left},
                       {"round", "version", Align::Left},
                       {"citation", "citation", Align::Left}},
                      {},
                      ""};
    std::vector<MlperfResult> results;
    std::size_t relabelled = 0, not_chosen = 0;
    for (const MlperfResult& r : summary.results) {
      if ((!model_.empty() && r.model != model_) || (!scenario_.empty() && r.scenario != scenario_)) {
        ++not_chosen;
        continue;
      }
      results.push_back(r);
    }
    std::stable_sort(results.begin(), results.end(), [](const MlperfResult& a, const MlperfResult& b) {
      return std::tuple(a.model, a.scenario, -a.per_device()) < std::tuple(b.model, b.scenario, -b.per_device());
    });
    Value values = Value::array();
    for (const MlperfResult& r : results) {
      const Accelerator* known = catalogue.find(r.accelerator);
      const std::string id = known ? known->id : "";
      std::string metric = r.scenario == "Offline"  ? "offline_tps"
                           : r.scenario == "Server" ? "server_tps"
                                                    : "interactive_tps";
      if (r.unit != "tokens/s")
        metric = r.scenario == "Offline"  ? "offline_samples_per_s"
                 : r.scenario == "Server" ? "server_samples_per_s"
                                          : "interactive_samples_per_s";
      if (r.unit == "tokens/s" && r.unit_stated.find("amples") != std::string::npos) ++relabelled;
      table.rows.push_back({r.model, r.scenario, r.accelerator, r.devices, r.value, r.per_device(), r.unit, r.submitter,
                            metric, id, r.system, r.software, r.unit_stated, r.division, r.version, r.location});
      values.push_back(Value::object({{"model", r.model},
                                      {"scenario", r.scenario},
                                      {"metric", metric},
                                      {"hardware", r.accelerator},
                                      {"accelerator", id.empty() ? Value() : Value(id)},
                                      {"n_devices", r.devices},
                                      {"value", r.value},
                                      {"value_per_device", r.per_device()},
                                      {"unit", r.unit},
                                      {"unit_stated", r.unit_stated},
                                      {"submitter", r.submitter},
                                      {"system", r.system},
                                      {"version", r.version}}));
    }
    Report report;
    report.headline = results.empty() ? "No result of a language model was found."
                                      : fmt::format(
                                            "Results of language models: {}; rows left out (other benchmarks, other "
                                            "scenarios, no accelerators): {}.",
                                            results.size(), summary.left_out);
    report.result["results"] = std::move(values);
    report.inputs.push_back({source.name(), source.sha256(), results.size(), summary.left_out + not_chosen});
    if (relabelled > 0)
      report.warnings.push_back(fmt::format(
          "rows labelled \"Samples/s\" although the numbers are tokens/s: {}; the label is kept in unit_stated",
          relabelled));
    report.warnings.push_back(
        "MLPerf results are by MLCommons and its submitters; per device here is a plain division, not an MLPerf "
        "metric");
    report.data_table = table;
    ReportTable shown = table;
    const std::size_t columns = 8;
    shown.columns.resize(columns);
    for (auto& row : shown.rows) row.resize(columns);
    if (shown.rows.size() > most_rows_for_people) {
      shown.note = fmt::format("{} further results: --csv or -o results.csv", shown.rows.size() - most_rows_for_people);
      shown.rows.resize(most_rows_for_people);
    }
    report.tables = {std::move(shown)};
    return report;
  }

 private:
  std::string file_, model_, scenario_;
};

}  // namespace

std::unique_ptr<Command> make_accelerators_import_mlperf() { return std::make_unique<AcceleratorsImportMlperf>(); }

}  // namespace isoflop::app
