#include "apps/losses/fit_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

using fits::FitStatus;
using fits::Run;

Value interval_value(const FittedValue& v, double level) {
  Value value(v);
  value["level"] = level;
  return value;
}

}  // namespace

TableCell finite_cell(double x) {
  if (std::isfinite(x)) return x;
  return {};
}

void report_fit(Report& report, const FitAnalysis& analysis) {
  const auto& fit = analysis.fit;
  Value& result = report.result;
  result["law"] = analysis.law_name;
  result["approach"] = 3;
  ReportTable table;
  table.title = "Parameters";
  table.columns = {{"parameter", "name", Align::Left},
                   {"estimate", "estimate", Align::Right, 7},
                   {"SE", "se", Align::Right, 3},
                   {"low", "low"},
                   {"high", "high"}};
  const auto add = [&](const Quantity& quantity) {
    const FittedValue v = analysis.interval(quantity);
    table.rows.push_back(
        {quantity.label, finite_cell(v.estimate), finite_cell(v.se), finite_cell(v.low), finite_cell(v.high)});
    return Value(v);
  };
  Value& values = result["parameters"] = Value::object();
  for (const auto& parameter : parameter_quantities(analysis.options)) values[parameter.key] = add(parameter);
  result["objective"] = fit.starts_tried > 0 ? Value(fit.objective) : Value();
  result["n"] = analysis.runs.size();
  result["excluded"] = analysis.all.size() - analysis.runs.size();
  result["starts"] =
      Value::object({{"tried", fit.starts_tried}, {"agreeing", fit.starts_agreeing}, {"cells", fit.cells}});
  result["status"] = status_name(fit.status);
  result["reason"] = fit.reason.empty() ? Value() : Value(fit.reason);
  for (const auto& quantity : {exponent_a_quantity(), exponent_b_quantity(), scale_quantity()})
    result[quantity.key] = add(quantity);
  if (analysis.draws.laws.empty()) {
    result["uncertainty"] = Value();
  } else {
    result["uncertainty"] = Value::object({{"scheme", scheme_name(analysis.settings.scheme)},
                                           {"description", analysis.interval_text()},
                                           {"level", analysis.level},
                                           {"replicates", analysis.draws.laws.size()},
                                           {"failed", analysis.draws.failed}});
    table.note = fmt::format("{:.3g} % intervals: {}", 100 * analysis.level, analysis.interval_text());
  }
  if (!analysis.clustered.laws.empty()) {
    Value& recommended = result["recommended"] = Value::object({{"scheme", "cluster-size"},
                                                                {"interval", "normal"},
                                                                {"why",
                                                                 "closest to nominal coverage in simulations, with and "
                                                                 "without errors shared by runs of one model size"}});
    for (const auto& parameter : parameter_quantities(analysis.options))
      recommended[parameter.key] = interval_value(analysis.clustered_interval(parameter), analysis.level);
    for (const auto& quantity : {exponent_a_quantity(), exponent_b_quantity(), scale_quantity()})
      recommended[quantity.key] = interval_value(analysis.clustered_interval(quantity), analysis.level);
  }
  report.tables.push_back(std::move(table));
}

void report_allocation(Report& report, const FitAnalysis& analysis, std::vector<double> budgets) {
  double highest = 0;
  for (const Run& run : analysis.runs.runs()) highest = std::max(highest, run.compute_flop());
  if (budgets.empty()) {
    const double decade = std::pow(10, std::ceil(std::log10(highest)));
    budgets = {highest, decade, 10 * decade, 100 * decade};
  }
  ReportTable table;
  table.title = "Compute-optimal allocation";
  table.columns = {{"C (FLOP)", "compute_flop", Align::Right, 3}};
  for (const auto& quantity : allocation_quantities(highest))
    for (const char* bound : {"", "_low", "_high"})
      table.columns.push_back({*bound ? bound + 1 : quantity.label, quantity.key + bound, Align::Right,
                               *bound && quantity.key != "loss" ? 3 : 4});
  table.note = fmt::format(
      "the highest compute among the runs is {} FLOP; above it the law is extrapolated, and no "
      "interval covers a wrong form",
      format_number(highest, 3));
  Value& list = report.result["allocation"] = Value::array();
  for (double budget : budgets) {
    Value entry = Value::object({{"compute_flop", budget}});
    std::vector<TableCell> row{budget};
    for (const auto& quantity : allocation_quantities(budget)) {
      const FittedValue v = analysis.interval(quantity);
      entry[quantity.key] = Value(v);
      for (double x : {v.estimate, v.low, v.high}) row.push_back(finite_cell(x));
    }
    list.push_back(std::move(entry));
    table.rows.push_back(std::move(row));
  }
  report.tables.push_back(std::move(table));
}

void report_certificate(Report& report, const FitAnalysis& analysis) {
  const auto& fit = analysis.fit;
  Value& diagnostics = report.result["diagnostics"] = Value::object();
  const auto seen = identifiability(analysis.runs, fit, analysis.options);
  diagnostics["free_parameters"] = analysis.options.free_parameters();
  diagnostics["degrees_of_freedom"] = static_cast<std::int64_t>(seen.degrees_of_freedom);
  diagnostics["model_sizes"] = seen.model_sizes;
  diagnostics["token_counts"] = seen.token_counts;
  if (fit.hessian.empty()) return;
  diagnostics["gradient_norm"] = fit.gradient_norm;
  diagnostics["gradient_relative"] = fit.gradient_relative;
  diagnostics["hessian_eigenvalues"] = Value(fit.hessian_eigenvalues);
  diagnostics["scaled_condition"] = seen.scaled_condition;
  Value& direction = diagnostics["sloppiest_direction"] = Value::object();
  std::string sloppiest;
  for (std::size_t i = 0; i < seen.names.size(); ++i) {
    direction[seen.names[i]] = seen.sloppiest[i];
    sloppiest += fmt::format("{}{:+.2f} {}", i ? " " : "", seen.sloppiest[i], seen.names[i]);
  }
  Value& bounds = diagnostics["parameters_at_bounds"] = Value::array();
  if (fit.status == FitStatus::AtBound)
    bounds.push_back(fit.law.E == 0 ? "E" : fit.law.alpha <= 1e-3 ? "alpha" : "beta");
  diagnostics["size_correlation"] = Value::object({{"intraclass", analysis.size_correlation.intraclass},
                                                   {"p", analysis.size_correlation.p},
                                                   {"groups", analysis.size_correlation.groups}});
  diagnostics["coupling_likelihood_ratio"] = analysis.coupling_ratio;
  ReportTable table;
  table.title = "Certificate";
  table.columns = {{"quantity", "quantity", Align::Left}, {"value", "value", Align::Left, 6}};
  table.rows = {
      {"status", status_name(fit.status)},
      {"objective (sum)", fmt::format("{:.16g}", fit.objective)},
      {"exponent pairs searched", std::to_string(fit.cells)},
      {"starts polished", std::to_string(fit.starts_tried)},
      {"of these at the best objective", std::to_string(fit.starts_agreeing)},
      {"gradient over the sum of its terms' magnitudes", fmt::format("{:.2g}", fit.gradient_relative)},
      {"Hessian eigenvalues",
       fmt::format("{:.4g} to {:.4g}", fit.hessian_eigenvalues.front(), fit.hessian_eigenvalues.back())},
      {"condition of the scaled Jacobian", fmt::format("{:.4g}", seen.scaled_condition)},
      {"direction the runs say least about", sloppiest},
      {"model sizes, token counts", fmt::format("{}, {}", seen.model_sizes, seen.token_counts)},
      {"correlation of residuals within a size",
       fmt::format("{:.2f} (p = {:.3f})", analysis.size_correlation.intraclass, analysis.size_correlation.p)}};
  report.explanation.push_back(std::move(table));
}

void report_draws(Report& report, const FitAnalysis& analysis) {
  Value& list = report.result["draws"] = Value::object();
  auto quantities = parameter_quantities(analysis.options);
  for (const auto& quantity : quantities) {
    Value& column = list[quantity.key] = Value::array();
    for (const auto& law : analysis.draws.laws) column.push_back(quantity.of(law));
  }
}

std::string fit_headline(const FitAnalysis& analysis) {
  const auto& fit = analysis.fit;
  const auto& law = fit.law;
  const std::size_t excluded = analysis.all.size() - analysis.runs.size();
  std::string data = fmt::format("{} runs", analysis.runs.size());
  if (excluded > 0) data += fmt::format(" ({} highest losses excluded)", excluded);
  if (!fit.usable()) return fmt::format("No law is fitted to {}: {}.", data, fit.reason);
  const std::string terms = fmt::format("{:.4g}/N^{:.4g} + {:.4g}/D^{:.4g}", law.A, law.alpha, law.B, law.beta);
  std::string text = law.k == 1 ? fmt::format("L = {:.4g} + {}", law.E, terms)
                                : fmt::format("L = {:.4g} + ({})^{:.4g}", law.E, terms, law.k);
  const FittedValue a = analysis.interval(exponent_a_quantity());
  text += fmt::format(" from {}: compute-optimal N grows as C^{:.3f}", data, a.estimate);
  if (std::isfinite(a.low)) {
    text += fmt::format(" ({:.3g} % interval {:.3f} to {:.3f}, {}", 100 * analysis.level, a.low, a.high,
                        analysis.interval_text());
    const FittedValue wide = analysis.clustered_interval(exponent_a_quantity());
    if (std::isfinite(wide.low) && analysis.settings.scheme != fits::Scheme::ClusterBySize)
      text += fmt::format("; {:.3f} to {:.3f} if runs of one model size share errors", wide.low, wide.high);
    text += ")";
  }
  if (fit.status == FitStatus::Certified)
    return text + fmt::format(". Certified minimum: {} of {} starts agree.", fit.starts_agreeing, fit.starts_tried);
  return text + fmt::format(". Status {}: {}.", status_name(fit.status), fit.reason);
}

}  // namespace isoflop::app
