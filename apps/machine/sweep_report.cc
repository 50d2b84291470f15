#include "apps/machine/sweep_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

PlotSpec isoflop_plot(const sim::SweepPlan& plan, const std::vector<sim::SweepRecord>& records) {
  PlotSpec plot;
  plot.name = "isoflop";
  plot.title = "Held-out loss of real training runs";
  plot.subtitle = fmt::format("{} runs, {}", records.size(), plan.settings().source);
  plot.source = "Measured by isoflop sweep.";
  plot.description = "Loss against parameters, one line per compute budget.";
  plot.x.title = "parameters";
  plot.x.scale = Scale::Log;
  plot.y.title = "loss (nats per token)";
  std::map<double, LineLayer> lines;
  for (const auto& r : records) {
    if (!r.diverged.empty() || r.run.replicate > 0) continue;
    auto& line = lines[r.run.budget_flop];
    line.legend = format_number(r.run.budget_flop, 3) + " FLOP";
    line.x.push_back(static_cast<double>(r.run.model.params));
    line.y.push_back(r.loss);
  }
  int colour = 0;
  for (auto& [budget, line] : lines) {
    line.colour = colour++;
    std::vector<std::pair<double, double>> points;
    for (std::size_t i = 0; i < line.x.size(); ++i) points.emplace_back(line.x[i], line.y[i]);
    std::sort(points.begin(), points.end());
    for (std::size_t i = 0; i < points.size(); ++i) std::tie(line.x[i], line.y[i]) = points[i];
    plot.lines.push_back(line);
  }
  if (!records.empty() && records.front().perfect_loss)
    plot.rules.push_back({"a perfect model", std::nullopt, *records.front().perfect_loss, Dash::Dashed});
  return plot;
}

constexpr double nan = std::numeric_limits<double>::quiet_NaN();  // written as unknown

TableCell cell(double x) { return std::isfinite(x) ? TableCell(x) : TableCell(); }

std::vector<TableColumn> shape_columns() {
  return {{"run", "name", Align::Left},
          {"parameters", "params"},
          {"tokens", "tokens"},
          {"FLOP", "flop"},
          {"tokens per parameter", "tokens_per_param"},
          {"learning rate", "learning_rate", Align::Right, 3}};
}

std::vector<TableCell> shape_cells(const sim::PlannedRun& run, double rate) {
  const auto n = static_cast<double>(run.model.params);
  return {run.name, n, run.tokens, run.flop, run.tokens / n, rate};
}

}  // namespace

void report_plan(Report& report, const sim::SweepPlan& plan, const std::vector<sim::PlannedRun>& runs,
                 const std::map<std::string, double>& seconds) {
  ReportTable table{"Plan", shape_columns(), {}, ""};
  table.columns.push_back({"predicted, s", "predicted_s", Align::Right, 3});
  Value list = Value::array();
  double flop = 0, total_s = 0, least = runs.front().flop, most = 0;
  for (const auto& run : runs) {
    const auto found = seconds.find(run.name);
    const double predicted = found == seconds.end() ? nan : found->second;
    auto row = shape_cells(run, run.learning_rate);
    row.push_back(cell(predicted));
    table.rows.push_back(row);
    list.push_back(Value::object({{"name", run.name},
                                  {"size", sim::rung_name(run.model.rung)},
                                  {"params", run.model.params},
                                  {"params_non_embedding", run.model.params_non_embedding},
                                  {"tokens", run.tokens},
                                  {"steps", run.steps},
                                  {"flop", run.flop},
                                  {"budget_flop", run.budget_flop},
                                  {"learning_rate", run.learning_rate},
                                  {"predicted_s", predicted}}));
    flop += run.flop;
    total_s += std::isfinite(predicted) ? predicted : 0;
    least = std::min(least, run.flop);
    most = std::max(most, run.flop);
  }
  report.tables.push_back(std::move(table));
  report.result["plan_sha256"] = plan.sha256();
  report.result["flop"] = flop;
  report.result["predicted_s"] = seconds.empty() ? Value() : Value(total_s);
  report.result["runs"] = list;
  report.headline = fmt::format("{} runs from {} to {} FLOP each, {} FLOP together", runs.size(),
                                format_number(least, 3), format_number(most, 3), format_number(flop, 3));
  if (!seconds.empty())
    report.headline += fmt::format("; about {} of one thread at the speed probed now", format_duration_s(total_s, 2));
  report.headline += ".";
}

void report_records(Report& report, const sim::SweepPlan& plan, const std::vector<sim::SweepRecord>& records,
                    const std::string& folder) {
  ReportTable table{"Runs", shape_columns(), {}, ""};
  table.columns.push_back({"loss, nats/token", "loss_nats_per_token", Align::Right, 5});
  table.columns.push_back({"above a perfect model", "excess_nats_per_token"});
  Value list = Value::array();
  double flop = 0, least = 0, most = 0;
  std::string diverged;
  for (const auto& r : records) {
    auto row = shape_cells(r.run, r.learning_rate);
    const bool good = r.diverged.empty();
    const double loss = good ? r.loss : nan;
    row.push_back(cell(loss));
    row.push_back(cell(loss - r.perfect_loss.value_or(nan)));
    table.rows.push_back(row);
    list.push_back(Value::object({{"name", r.run.name},
                                  {"size", sim::rung_name(r.run.model.rung)},
                                  {"params", r.run.model.params},
                                  {"params_non_embedding", r.run.model.params_non_embedding},
                                  {"tokens", r.run.tokens},
                                  {"steps", r.run.steps},
                                  {"flop", r.run.flop},
                                  {"budget_flop", r.run.budget_flop},
                                  {"learning_rate", r.learning_rate},
                                  {"replicate", r.run.replicate},
                                  {"loss_nats", loss},
                                  {"loss_of_perfect_model_nats", r.perfect_loss}}));
    flop += r.run.flop;
    least = least == 0 ? r.run.flop : std::min(least, r.run.flop);
    most = std::max(most, r.run.flop);
    if (!good) diverged += (diverged.empty() ? "" : ", ") + r.run.name;
  }
  report.tables.push_back(std::move(table));
  report.result["folder"] = folder;
  report.result["plan_sha256"] = plan.sha256();
  report.result["runs_planned"] = plan.runs().size();
  report.result["runs_done"] = records.size();
  report.result["flop"] = flop;
  report.result["runs"] = list;
  if (!records.empty()) {
    report.result["loss_of_perfect_model_nats"] = records.front().perfect_loss;
    report.result["entropy_rate_nats"] = records.front().entropy_rate;
    report.headline = fmt::format(
        "{} of {} runs are done, from {} to {} FLOP, {} FLOP together. Next: isoflop fit {}/runs.csv", records.size(),
        plan.runs().size(), format_number(least, 3), format_number(most, 3), format_number(flop, 3), folder);
    report.plots.push_back(isoflop_plot(plan, records));
  } else {
    report.headline = fmt::format("None of {} runs is done.", plan.runs().size());
  }
  if (!diverged.empty())
    report.distrust = "the loss stopped being a number in " + diverged + "; these runs have no loss in runs.csv";
}

void assume_sweep(Report& report, const sim::SweepPlan& plan) {
  const auto& s = plan.settings();
  report.assumptions.push_back(
      {"params_convention",
       "all parameters, the tied embedding counted once; runs.csv has the count without embedding beside it", "",
       "counted tensors"});
  report.assumptions.push_back({"flop_convention", "3 x matrix products of the forward pass, causal pairs counted once",
                                "FLOP", "op list of this program, counted"});
  std::string rule =
      fmt::format("min({}, {} x (N/1e5)^{} x (D/1e6)^{})", format_number(s.rule.cap), format_number(s.rule.base),
                  format_number(s.rule.params_exponent), format_number(s.rule.tokens_exponent));
  if (!s.tune_factors.empty())
    rule += fmt::format(" times the best of {} factors, tried on the cheapest run of each size", s.tune_factors.size());
  report.assumptions.push_back({"peak_learning_rate",
                                rule + "; warm-up 5 %, cosine to a tenth, AdamW 0.9/0.95, decay 0.1, clipping 1", "",
                                "assumed"});
  report.assumptions.push_back(
      {"held_out_tokens", s.held_out_batches * s.sequences * s.length, "tokens", "the same text for all runs"});
}

}  // namespace isoflop::app
