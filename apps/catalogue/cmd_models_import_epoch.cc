// `models import-epoch`: Epoch AI's table of models in our columns, with its attribution and a check against 6ND.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/commands.h"
#include "isoflop/error.h"
#include "isoflop/import/epoch_models.h"
#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

TableCell cell(const std::optional<double>& x) { return x ? TableCell(*x) : TableCell(); }

constexpr std::size_t most_rows_for_people = 30;

class ModelsImportEpoch : public Command {
 public:
  std::string name() const override { return "models import-epoch"; }
  std::string summary() const override { return "Read Epoch AI's table of models (CC BY 4.0) into our columns."; }
  std::string examples() const override {
    return "isoflop models import-epoch notable_ai_models.csv -o epoch.csv\n"
           "isoflop models import-epoch all_ai_models.csv --domain Language --since 2023 --csv\n"
           "isoflop models import-epoch all_ai_models.csv --domain all --json";
  }
  void declare(OptionSet& options) override {
    options.positional("file", file_, "CSV of epoch.ai/data/ai-models, or - for standard input");
    options.text("--domain", domain_, "only models whose domain holds this word, or all");
    options.text("--since", since_, "only models published from this date on");
  }

  Report run(const Settings&) override {
    const CsvTable source = CsvTable::read(file_);
    Report report;
    ReportTable table{"Models",
                      {{"name", "name", Align::Left},
                       {"published", "release_date", Align::Left},
                       {"parameters", "total_params", Align::Right, 3, true},
                       {"data seen", "tokens", Align::Right, 3, true},
                       {"FLOP", "compute_flop", Align::Right, 3},
                       {"over 6ND", "compute_over_6nd", Align::Right, 3},
                       {"confidence", "confidence", Align::Left},
                       {"organisation", "organisation", Align::Left},
                       {"domain", "domain", Align::Left},
                       {"base model", "derived_from", Align::Left},
                       {"hardware", "hardware", Align::Left},
                       {"devices", "devices"},
                       {"hours", "training_hours"},
                       {"MFU", "utilisation"},
                       {"W", "power_w"},
                       {"source", "source", Align::Left}},
                      {},
                      ""};
    Value values = Value::array();
    std::size_t dropped = 0, off = 0;
    for (const EpochModel& m : read_epoch_models(source)) {
      if ((domain_ != "all" && m.domain.find(domain_) == std::string::npos) || m.release_date < since_) {
        ++dropped;
        continue;
      }
      const auto tokens = m.datapoints_seen();
      std::optional<double> over;
      if (m.params && tokens && m.compute_flop) over = *m.compute_flop / (6 * *m.params * *tokens);
      if (over && std::fabs(std::log(*over)) > std::log(2.0)) ++off;
      table.rows.push_back({m.name, m.release_date, cell(m.params), cell(tokens), cell(m.compute_flop), cell(over),
                            m.confidence, m.organisation, m.domain, m.base_model, m.hardware, cell(m.devices),
                            cell(m.hours), cell(m.utilisation), cell(m.power_w), std::string(epoch_attribution)});
      values.push_back(Value::object({{"name", m.name},
                                      {"release_date", m.release_date},
                                      {"organisation", m.organisation},
                                      {"domain", m.domain},
                                      {"total_params", Value(m.params)},
                                      {"tokens", Value(tokens)},
                                      {"compute_flop", Value(m.compute_flop)},
                                      {"compute_over_6nd", Value(over)},
                                      {"confidence", m.confidence},
                                      {"derived_from", m.base_model},
                                      {"hardware", m.hardware},
                                      {"devices", Value(m.devices)},
                                      {"training_hours", Value(m.hours)}}));
    }
    report.headline = fmt::format("{} models of {} in {}. Source: {}.", table.rows.size(), table.rows.size() + dropped,
                                  source.name(), epoch_attribution);
    report.result["attribution"] = epoch_attribution;
    report.result["models"] = std::move(values);
    report.inputs.push_back({source.name(), source.sha256(), table.rows.size(), dropped});
    report.assumptions.push_back({"values", "as published by Epoch AI", "", epoch_attribution});
    report.assumptions.push_back({"data seen", "dataset size x epochs (1 where not stated)", "datapoints",
                                  "assumed; tokens for language models only"});
    report.warnings.push_back(
        "parameters count all of a model; those used per token, which compute goes by, are not in this table: mixtures "
        "of experts lie far below 6ND");
    if (off > 0)
      report.warnings.push_back(fmt::format(
          "models whose stated compute is more than a factor of two away from 6 x parameters x data: {}", off));
    report.data_table = table;
    ReportTable shown = table;
    const std::size_t columns = 7;
    shown.columns.resize(columns);
    for (auto& row : shown.rows) row.resize(columns);
    if (shown.rows.size() > most_rows_for_people) {
      shown.note = fmt::format("{} further models: --csv or -o models.csv", shown.rows.size() - most_rows_for_people);
      shown.rows.resize(most_rows_for_people);
    }
    report.tables = {std::move(shown)};
    return report;
  }

 private:
  std::string file_, domain_ = "Language", since_;
};

}  // namespace

std::unique_ptr<Command> make_models_import_epoch() { return std::make_unique<ModelsImportEpoch>(); }

}  // namespace isoflop::app
