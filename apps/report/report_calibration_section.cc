// How far off the simulators are, from the accuracy that is stored with their constants: error on groups of
// measurements that the constants never saw.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "apps/catalogue/catalogue_report.h"
#include "apps/report/report_sections.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/op/op_profile.h"
#include "isoflop/sim/training/training_profile.h"

namespace isoflop::app {
namespace {

using namespace isoflop::sim;

/// Means weighted by rows, with the least and the largest of the cells.
struct Pooled {
  double sum = 0, low = 1e300, high = 0;
  std::size_t rows = 0;
  void add(double percent, std::size_t n) {
    sum += percent * static_cast<double>(n);
    rows += n;
    low = std::min(low, percent);
    high = std::max(high, percent);
  }
  double mean() const { return rows ? sum / static_cast<double>(rows) : 0; }
};

std::string kind_of(const std::string& op) {
  if (op == "gemm") return "matrix products";
  if (op == "moe") return "routed experts";
  if (op == "elementwise") return "element work";
  if (op.starts_with("attention_")) return op == "attention_decode" ? "attention, decode" : "attention, prefill";
  return "collectives";
}

std::string percents(const Pooled& p) {
  return fmt::format("{} % ({} to {})", format_number(p.mean(), 2), format_number(p.low, 2), format_number(p.high, 2));
}

}  // namespace

SectionContent calibration_section(const ReportRequest&, const Settings& settings) {
  const OpProfile ops = OpProfile::load(settings.data);
  const TrainingProfile training = TrainingProfile::load(settings.data);
  SectionContent content;
  content.command = "isoflop validate op_gemm FILE\nisoflop validate training FILE";
  ReportTable op_table{"Kernel times, error on groups left out",
                       {{"Chip", "chip", Align::Left},
                        {"Operation", "op", Align::Left},
                        {"Variant", "variant", Align::Left},
                        {"MAPE %", "cross_validated_mape_percent", Align::Right, 3},
                        {"measured/predicted low", "interval_low", Align::Right, 3},
                        {"high", "interval_high", Align::Right, 3},
                        {"Rows", "rows"},
                        {"Groups", "groups"},
                        {"Source", "source", Align::Left}},
                       {},
                       "MAPE: mean absolute percentage error; the interval covers 90 % of the rows of groups left out. "
                       "any: predicted from the other chips; datasheet: generic efficiencies."};
  std::map<std::string, Pooled> calibrated, generic;
  Pooled all_ops;
  for (const OpCell* cell : ops.cells()) {
    op_table.rows.push_back({cell->chip, cell->key.op, cell->key.variant, cell->cross_validated_mape,
                             cell->interval.low, cell->interval.high, static_cast<std::int64_t>(cell->rows),
                             static_cast<std::int64_t>(cell->groups), cell->source});
    if (cell->chip == datasheet_chip) {
      if (cell->key.variant == all_variants) generic[kind_of(cell->key.op)].add(cell->cross_validated_mape, cell->rows);
    } else if (cell->chip != any_chip) {
      calibrated[kind_of(cell->key.op)].add(cell->cross_validated_mape, cell->rows);
      all_ops.add(cell->cross_validated_mape, cell->rows);
    }
  }
  ReportTable training_table{"Training speed, error on groups left out",
                             {{"Chip", "chip", Align::Left},
                              {"Stack", "stack", Align::Left},
                              {"MAPE %", "cross_validated_mape_percent", Align::Right, 3},
                              {"measured/predicted low", "interval_low", Align::Right, 3},
                              {"high", "interval_high", Align::Right, 3},
                              {"Rows", "rows"},
                              {"Groups", "groups"}},
                             {},
                             "any: predicted from the other accelerators. Where three groups or fewer stand behind a "
                             "cell its error is itself uncertain."};
  Pooled all_training;
  std::optional<double> unseen;
  std::vector<const TrainingCell*> chips;
  for (const TrainingCell* cell : training.cells()) {
    training_table.rows.push_back({cell->chip, cell->stack.empty() ? std::string("all") : cell->stack,
                                   cell->cross_validated_mape, cell->interval.low, cell->interval.high,
                                   static_cast<std::int64_t>(cell->rows), static_cast<std::int64_t>(cell->groups)});
    if (!cell->stack.empty()) continue;
    if (cell->chip == "any") {
      unseen = cell->cross_validated_mape;
      continue;
    }
    chips.push_back(cell);
    all_training.add(cell->cross_validated_mape, cell->rows);
  }

  PlotSpec op_plot;
  op_plot.name = "kernels";
  op_plot.title = "Error of predicted kernel times";
  op_plot.subtitle = "Mean over rows of groups left out; intervals span the chips and formats";
  op_plot.source = "data/op_profiles.csv, fitted by isoflop calibrate; measurements: see the table";
  op_plot.x = {"mean absolute percentage error", Scale::Linear, 0.0, {}};
  op_plot.description =
      "Bars per kind of operation: constants fitted to the chip against generic efficiencies over data sheets.";
  op_plot.stacked = false;
  BarLayer fitted{"constants of the chip", {}, {}, {}, {}, 0},
      sheet{"data sheet and generic efficiencies", {}, {}, {}, {}, 1};
  for (const auto& [kind, pooled] : calibrated) {
    fitted.categories.push_back(kind);
    fitted.values.push_back(pooled.mean());
    fitted.low.push_back(pooled.low);
    fitted.high.push_back(pooled.high);
    if (!generic.count(kind)) continue;
    sheet.categories.push_back(kind);
    sheet.values.push_back(generic.at(kind).mean());
  }
  op_plot.bars = {fitted, sheet};

  PlotSpec training_plot;
  training_plot.name = "training";
  training_plot.title = "Error of predicted training speed";
  training_plot.subtitle = "Mean over runs of groups left out, by accelerator";
  training_plot.source = "data/training_profiles.csv, fitted by isoflop calibrate training";
  training_plot.x = {"mean absolute percentage error", Scale::Linear, 0.0, {}};
  training_plot.description = "One bar per accelerator with measured training runs, worst first.";
  std::stable_sort(chips.begin(), chips.end(), [](const TrainingCell* a, const TrainingCell* b) {
    return a->cross_validated_mape > b->cross_validated_mape;
  });
  BarLayer bars{"", {}, {}, {}, {}, 0};
  for (const TrainingCell* cell : chips) {
    bars.categories.push_back(cell->chip);
    bars.values.push_back(cell->cross_validated_mape);
  }
  training_plot.bars = {bars};
  if (unseen) {
    training_plot.rules = {{"", *unseen, std::nullopt}};
    training_plot.subtitle += fmt::format("; dashed: one never measured, {} %", format_number(*unseen, 2));
  }

  content.finding = fmt::format(
      "On groups of measurements left out, kernel times err by {} over {} rows and training speeds by {} over {} rows "
      "(range: over chips){}.",
      percents(all_ops), all_ops.rows, percents(all_training), all_training.rows,
      unseen ? fmt::format("; on an accelerator never measured, by {} %", format_number(*unseen, 2)) : "");
  content.plots = {op_plot, training_plot};
  content.tables = {op_table, training_table};
  for (const char* file : {"op_profiles.csv", "training_profiles.csv"}) {
    const CsvTable table = open_data_table(file, settings.data);
    content.inputs.push_back({table.name(), table.sha256(), table.rows(), 0});
  }
  content.assumptions = {
      {"error", "mean absolute percentage error, 10-fold by group", "", "docs/op_time.md, docs/training.md"}};
  return content;
}

}  // namespace isoflop::app
