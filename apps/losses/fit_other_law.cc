#include "apps/losses/fit_other_law.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "apps/losses/fit_tables.h"
#include "isoflop/error.h"
#include "isoflop/fits/law_fit.h"
#include "isoflop/fits/power_sum_fit.h"
#include "isoflop/fits/runs_source.h"
#include "isoflop/parallel.h"
#include "isoflop/random.h"
#include "isoflop/statistics.h"

namespace isoflop::app {
namespace {

using namespace isoflop::fits;

// What both kinds of law have in common once fitted.
struct Outcome {
  std::string id, formula, citation;
  std::vector<std::string> names;
  std::vector<double> values;
  FitStatus status = FitStatus::NotConverged;
  std::string reason;
  double objective = 0, gradient_relative = 0;
  std::size_t n = 0, tried = 0, agreeing = 0;
  std::vector<double> residuals;
  ReportInput input;
  std::size_t excluded = 0;
  /// Parameters fitted with these weights; empty when they identify no law.
  std::function<std::vector<double>(const std::vector<double>& weights)> refit;

  bool usable() const {
    return status == FitStatus::Certified || status == FitStatus::Converged || status == FitStatus::AtBound;
  }
};

// Positions of all but the `count` highest losses.
std::vector<std::size_t> without_highest(const std::vector<double>& losses, std::size_t count) {
  if (count >= losses.size())
    throw Error(Fault::Usage, fmt::format("excluding {} of {} runs leaves none to fit", count, losses.size()));
  auto order = sorted_order(losses);
  order.resize(losses.size() - count);
  std::sort(order.begin(), order.end());
  return order;
}

Outcome catalogue_law(const OtherLawRequest& request, const Settings& settings) {
  const LossLaw* law = choose_law(request.law).law;
  const auto& facts = law->facts();
  Outcome outcome;
  outcome.id = facts.id;
  outcome.formula = facts.formula;
  outcome.citation = facts.citation;
  LawData data;
  const bool of_size_and_tokens = std::all_of(facts.inputs.begin(), facts.inputs.end(), [](const LawInput& input) {
    return input.column == "params" || input.column == "tokens";
  });
  if (of_size_and_tokens) {
    const RunTable all = open_runs(request.source, request.columns, settings.data);
    const RunTable runs = all.excluding_highest(request.exclude_highest);
    data = law_data(runs, *law);
    outcome.input = {runs.name(), runs.sha256(), runs.size(), runs.rows_dropped()};
    outcome.excluded = request.exclude_highest;
  } else {
    const CsvTable table = open_runs_table(request.source, settings.data);
    const LawData all = law_data(table, *law, request.columns.loss.empty() ? facts.output : request.columns.loss);
    data = all;
    data.inputs.clear();
    data.outputs.clear();
    data.weights.clear();
    for (std::size_t i : without_highest(all.outputs, request.exclude_highest)) {
      data.inputs.push_back(all.inputs[i]);
      data.outputs.push_back(all.outputs[i]);
      if (!all.weights.empty()) data.weights.push_back(all.weights[i]);
    }
    outcome.excluded = request.exclude_highest;
    outcome.input = {table.name(), table.sha256(), data.size(), all.rows_dropped + request.exclude_highest};
  }
  LawFitOptions options;
  options.delta = request.delta;
  options.threads = settings.threads;
  options.seed = settings.seed;
  const LawFit fit = fit_law(*law, data, options);
  for (const auto& parameter : facts.parameters) outcome.names.push_back(parameter.name);
  outcome.values = fit.parameters;
  outcome.status = fit.status;
  outcome.reason = fit.reason;
  outcome.objective = fit.objective;
  outcome.gradient_relative = fit.gradient_relative;
  outcome.n = data.size();
  outcome.tried = fit.starts_tried;
  outcome.agreeing = fit.starts_agreeing;
  outcome.residuals = fit.residuals;
  options.threads = 1;
  options.search_points = 300;
  options.polishes = 3;
  outcome.refit = [law, data, options](const std::vector<double>& weights) {
    LawData sample = data;
    if (sample.weights.empty()) sample.weights.assign(sample.size(), 1);
    for (std::size_t i = 0; i < weights.size(); ++i) sample.weights[i] *= weights[i];
    const LawFit own = fit_law(*law, sample, options);
    return own.usable() ? own.parameters : std::vector<double>();
  };
  return outcome;
}

std::vector<double> power_sum_values(const PowerSumLaw& law) {
  std::vector<double> values{law.E};
  values.insert(values.end(), law.A.begin(), law.A.end());
  values.insert(values.end(), law.alpha.begin(), law.alpha.end());
  return values;
}

Outcome power_sum(const OtherLawRequest& request, const Settings& settings) {
  const CsvTable table = open_runs_table(request.source, settings.data);
  const auto all =
      PowerSumData::from_csv(table, request.terms, request.columns.loss.empty() ? "loss" : request.columns.loss);
  PowerSumData data;
  data.names = all.names;
  data.x.resize(all.x.size());
  for (std::size_t i : without_highest(all.loss, request.exclude_highest)) {
    for (std::size_t k = 0; k < all.x.size(); ++k) data.x[k].push_back(all.x[k][i]);
    data.loss.push_back(all.loss[i]);
  }
  PowerSumOptions options;
  options.delta = request.delta;
  options.threads = settings.threads;
  const PowerSumFit fit = fit_power_sum(data, options);
  Outcome outcome;
  outcome.id = "power-sum";
  outcome.formula = "L = E";
  outcome.citation = "McLeish et al. 2025 (Gemstones) for width, depth, parameters and tokens";
  outcome.names = {"E"};
  for (const auto& name : data.names) outcome.names.push_back("A_" + name);
  for (const auto& name : data.names) {
    outcome.names.push_back("alpha_" + name);
    outcome.formula += fmt::format(" + A_{0}/{0}^alpha_{0}", name);
  }
  outcome.values = power_sum_values(fit.law);
  outcome.status = fit.status;
  outcome.reason = fit.reason;
  outcome.objective = fit.objective;
  outcome.gradient_relative = fit.gradient_relative;
  outcome.n = data.loss.size();
  outcome.tried = fit.starts_tried;
  outcome.agreeing = fit.starts_agreeing;
  outcome.residuals = fit.residuals;
  outcome.excluded = request.exclude_highest;
  outcome.input = {table.name(), table.sha256(), data.loss.size(), request.exclude_highest};
  options.threads = 1;
  options.amplitude_fits = 16;
  options.polishes = 4;
  outcome.refit = [data, options](const std::vector<double>& weights) {
    PowerSumData sample = data;
    sample.weight = weights;
    const auto own = fit_power_sum(sample, options);
    const bool usable = own.status == FitStatus::Certified || own.status == FitStatus::Converged;
    return usable ? power_sum_values(own.law) : std::vector<double>();
  };
  return outcome;
}

// Pairs bootstrap: whole rows are drawn again, as weights. One list per parameter.
std::vector<std::vector<double>> replicate(const Outcome& outcome, std::size_t replicates, const Settings& settings) {
  std::vector<std::vector<double>> fits(replicates);
  parallel_for(replicates, settings.threads, [&](std::size_t i) {
    Random random(settings.seed, i);
    std::vector<double> counts(outcome.n, 0);
    for (std::size_t k = 0; k < outcome.n; ++k) counts[random.index(outcome.n)] += 1;
    fits[i] = outcome.refit(counts);
  });
  std::vector<std::vector<double>> draws(outcome.names.size());
  for (const auto& fit : fits)
    for (std::size_t j = 0; j < fit.size(); ++j) draws[j].push_back(fit[j]);
  return draws;
}

FittedValue interval(double estimate, const std::vector<double>& draws, double level) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  if (draws.size() < 20) return {estimate, nan, nan, nan};
  return {estimate, standard_deviation(draws), quantile(draws, (1 - level) / 2), quantile(draws, (1 + level) / 2)};
}

}  // namespace

Report fit_other_law(const OtherLawRequest& request, const Settings& settings) {
  const Outcome outcome = request.terms.empty() ? catalogue_law(request, settings) : power_sum(request, settings);
  Report report;
  report.command = "fit";
  report.inputs.push_back(outcome.input);
  std::vector<std::vector<double>> draws(outcome.names.size());
  if (outcome.usable() && request.replicates > 0) {
    settings.progress(0.2, "bootstrap");
    draws = replicate(outcome, request.replicates, settings);
    report.seed = settings.seed;
    if (draws[0].size() * 20 < request.replicates * 19)
      report.warnings.push_back(fmt::format("{} of {} replicates gave no fit and are left out of the intervals",
                                            request.replicates - draws[0].size(), request.replicates));
  }
  Value& result = report.result;
  result["law"] = outcome.id;
  result["formula"] = outcome.formula;
  result["approach"] = 3;
  ReportTable table;
  table.title = "Parameters";
  table.columns = {{"parameter", "name", Align::Left},
                   {"estimate", "estimate", Align::Right, 6},
                   {"SE", "se", Align::Right, 3},
                   {"low", "low"},
                   {"high", "high"}};
  Value& parameters = result["parameters"] = Value::object();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t j = 0; j < outcome.names.size(); ++j) {
    const FittedValue v =
        outcome.usable() ? interval(outcome.values[j], draws[j], request.level) : FittedValue{nan, nan, nan, nan};
    parameters[outcome.names[j]] = Value(v);
    table.rows.push_back(
        {outcome.names[j], finite_cell(v.estimate), finite_cell(v.se), finite_cell(v.low), finite_cell(v.high)});
  }
  if (!draws[0].empty())
    table.note = fmt::format("{:.3g} % intervals: percentiles of the pairs bootstrap, {} replicates",
                             100 * request.level, draws[0].size());
  result["objective"] = outcome.tried > 0 ? Value(outcome.objective) : Value();
  result["n"] = outcome.n;
  result["excluded"] = outcome.excluded;
  result["starts"] = Value::object({{"tried", outcome.tried}, {"agreeing", outcome.agreeing}});
  result["status"] = status_name(outcome.status);
  result["reason"] = outcome.reason.empty() ? Value() : Value(outcome.reason);
  result["exponent_a"] = Value();
  result["exponent_b"] = Value();
  result["uncertainty"] = draws[0].empty() ? Value()
                                           : Value::object({{"scheme", "pairs"},
                                                            {"level", request.level},
                                                            {"replicates", draws[0].size()},
                                                            {"failed", request.replicates - draws[0].size()}});
  double squares = 0;
  for (double r : outcome.residuals) squares += r * r;
  const double rmse =
      outcome.residuals.empty() ? nan : std::sqrt(squares / static_cast<double>(outcome.residuals.size()));
  result["diagnostics"] = Value::object(
      {{"gradient_relative", outcome.gradient_relative},
       {"rmse", rmse},
       {"degrees_of_freedom", static_cast<std::int64_t>(outcome.n) - static_cast<std::int64_t>(outcome.names.size())}});
  report.tables.push_back(std::move(table));
  report.assumptions.push_back({"law", outcome.formula, "", outcome.citation});
  report.assumptions.push_back(
      {"huber_delta", std::isfinite(request.delta) ? Value(request.delta) : Value("infinity"), "", "--delta"});
  report.headline = fmt::format("{} fitted to {} runs: ", outcome.formula, outcome.n);
  report.headline += outcome.usable() ? fmt::format("RMSE of the residuals {:.3g}, {} of {} starts agree, status {}.",
                                                    rmse, outcome.agreeing, outcome.tried, status_name(outcome.status))
                                      : fmt::format("no law; {}.", outcome.reason);
  if (outcome.status != FitStatus::Certified) report.distrust = outcome.reason;
  return report;
}

}  // namespace isoflop::app
