#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "apps/losses/fit_plots.h"
#include "apps/losses/fit_tables.h"
#include "isoflop/fits/form_test.h"
#include "isoflop/fits/hindcast.h"
#include "isoflop/fits/profile.h"
#include "isoflop/fits/sandwich.h"
#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

using namespace isoflop::fits;

const Run& run_at(const FitAnalysis& analysis, std::size_t i) { return analysis.runs[i]; }

std::string run_text(const Run& run) {
  const std::string size =
      fmt::format("N {} D {} L {:.4g}", format_count(run.params), format_count(run.tokens), run.loss);
  return run.name.empty() ? fmt::format("line {}: {}", run.line, size) : run.name + ": " + size;
}

Value law_value(const ChinchillaFit& fit) {
  const auto& law = fit.law;
  return Value::object({{"E", law.E},
                        {"A", law.A},
                        {"B", law.B},
                        {"alpha", law.alpha},
                        {"beta", law.beta},
                        {"exponent_a", law.exponent_a()},
                        {"objective", fit.objective},
                        {"status", status_name(fit.status)}});
}

std::vector<TableCell> law_cells(const ChinchillaFit& fit) {
  const auto& law = fit.law;
  return {law.E, law.A, law.B, law.alpha, law.beta, law.exponent_a(), status_name(fit.status)};
}

const std::vector<TableColumn> law_columns{
    {"E", "E", Align::Right, 5},      {"A", "A"}, {"B", "B"}, {"alpha", "alpha"}, {"beta", "beta"}, {"a", "exponent_a"},
    {"status", "status", Align::Left}};

void append(std::vector<TableCell>& row, std::vector<TableCell> more) {
  for (auto& cell : more) row.push_back(std::move(cell));
}

void add_delta_sweep(Report& report, const FitAnalysis& analysis) {
  ReportTable table;
  table.title = "Huber threshold";
  table.columns = {{"delta", "delta", Align::Left}};
  table.columns.insert(table.columns.end(), law_columns.begin(), law_columns.end());
  table.note = "from least absolute deviations (small) to least squares (infinity); a choice the data do not make";
  Value& list = report.result["diagnostics"]["delta_sweep"] = Value::array();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const auto& row : delta_sweep(analysis.runs, analysis.options, {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, infinity})) {
    if (!row.fit.usable()) continue;
    Value entry = law_value(row.fit);
    entry["delta"] = std::isfinite(row.delta) ? Value(row.delta) : Value("infinity");
    list.push_back(std::move(entry));
    std::vector<TableCell> cells{format_number(row.delta, 3)};
    append(cells, law_cells(row.fit));
    table.rows.push_back(std::move(cells));
  }
  report.tables.push_back(std::move(table));
}

void add_drop_sweep(Report& report, const FitAnalysis& analysis) {
  ReportTable table;
  table.title = "Leaving out the run with the largest residual, one after the other";
  table.columns = {{"dropped", "dropped"},
                   {"last run dropped", "run", Align::Left},
                   {"residual / MAD", "residual_in_mads", Align::Right, 3}};
  table.columns.insert(table.columns.end(), law_columns.begin(), law_columns.end());
  Value& list = report.result["diagnostics"]["drop_sweep"] = Value::array();
  for (const auto& row : drop_sweep(analysis.runs, analysis.options, 8)) {
    if (!row.fit.usable()) break;
    Value entry = law_value(row.fit);
    entry["dropped"] = row.dropped;
    entry["line"] = row.dropped > 0 ? Value(row.last_dropped.line) : Value();
    entry["residual_in_mads"] = row.dropped > 0 ? Value(row.last_residual) : Value();
    list.push_back(std::move(entry));
    std::vector<TableCell> cells{static_cast<std::int64_t>(row.dropped)};
    if (row.dropped > 0)
      append(cells, {run_text(row.last_dropped), row.last_residual});
    else
      append(cells, {"none", TableCell()});
    append(cells, law_cells(row.fit));
    table.rows.push_back(std::move(cells));
  }
  report.tables.push_back(std::move(table));
}

void add_influence(Report& report, const FitAnalysis& analysis) {
  const auto list = influence(analysis.runs, analysis.fit, analysis.options);
  ReportTable table;
  table.title = "Runs whose absence moves the exponent a most";
  table.columns = {{"run", "run", Align::Left},
                   {"change of a", "change_of_a", Align::Right, 3},
                   {"residual / MAD", "residual_in_mads", Align::Right, 3},
                   {"leverage", "leverage", Align::Right, 3}};
  Value& values = report.result["diagnostics"]["influence"] = Value::array();
  for (std::size_t i = 0; i < std::min<std::size_t>(8, list.size()); ++i) {
    const auto& one = list[i];
    const Run& run = run_at(analysis, one.run);
    values.push_back(Value::object({{"line", run.line},
                                    {"params", run.params},
                                    {"tokens", run.tokens},
                                    {"loss", run.loss},
                                    {"change_of_a", one.change_of_a},
                                    {"residual_in_mads", one.residual_in_mads},
                                    {"leverage", one.leverage}}));
    table.rows.push_back({run_text(run), one.change_of_a, one.residual_in_mads, one.leverage});
  }
  report.tables.push_back(std::move(table));
}

void add_hindcast(Report& report, const FitAnalysis& analysis) {
  BootstrapOptions settings = analysis.settings;
  settings.replicates = std::min<std::size_t>(settings.replicates, 300);
  const auto rows = hindcast(analysis.runs, analysis.options, default_cuts(analysis.runs, analysis.options),
                             analysis.level, settings);
  if (rows.empty()) {
    report.warnings.push_back("no hindcast: no compute cut leaves enough runs below and above it");
    return;
  }
  ReportTable table;
  table.title = "Hindcast: fitted below the cut, judged above it";
  table.columns = {{"cut (FLOP)", "cut_flop", Align::Right, 3},
                   {"fitted", "fitted"},
                   {"tested", "tested"},
                   {"a", "exponent_a"},
                   {"low", "exponent_a_low"},
                   {"high", "exponent_a_high"},
                   {"RMSE of ln L", "rmse", Align::Right, 3},
                   {"bias", "bias", Align::Right, 2},
                   {"coverage", "coverage", Align::Right, 2},
                   {"status", "status", Align::Left}};
  table.note = fmt::format(
      "bias: mean of ln L - ln predicted, above zero the law promised too much; coverage of the {:.3g} % "
      "prediction interval. A drift of a shows what no interval of one fit can.",
      100 * analysis.level);
  Value& list = report.result["diagnostics"]["hindcast"] = Value::array();
  for (const auto& row : rows) {
    Value entry = law_value(row.fit);
    entry["exponent_a"] = Value(row.exponent_a);
    entry["cut_flop"] = row.cut_flop;
    entry["fitted"] = row.fitted;
    entry["tested"] = row.tested;
    entry["rmse_log_loss"] = row.rmse;
    entry["bias_log_loss"] = row.bias;
    entry["coverage"] = row.coverage;
    list.push_back(std::move(entry));
    table.rows.push_back({row.cut_flop, static_cast<std::int64_t>(row.fitted), static_cast<std::int64_t>(row.tested),
                          row.exponent_a.estimate, finite_cell(row.exponent_a.low), finite_cell(row.exponent_a.high),
                          row.rmse, row.bias, finite_cell(row.coverage), status_name(row.fit.status)});
  }
  report.tables.push_back(std::move(table));
  report.plots.push_back(hindcast_plot(rows, analysis.interval(exponent_a_quantity())));
}

void add_form_tests(Report& report, const FitAnalysis& analysis) {
  ReportTable table;
  table.title = "Tests of the form";
  table.columns = {{"restriction", "restriction", Align::Left},
                   {"LR", "likelihood_ratio", Align::Right, 4},
                   {"p, iid errors", "p_chi_squared", Align::Right, 2},
                   {"p, bootstrap", "p_bootstrap", Align::Right, 2},
                   {"scheme", "scheme", Align::Left},
                   {"a", "exponent_a"},
                   {"a, freed", "exponent_a_free"},
                   {"freed parameter", "freed", Align::Left}};
  table.note = "a small p rejects the restriction; the bootstrap refits both laws to runs made from the restricted one";
  Value& list = report.result["diagnostics"]["form_tests"] = Value::array();
  BootstrapOptions settings = analysis.settings;
  settings.replicates = std::min<std::size_t>(settings.replicates, 399);
  settings.scheme =
      scheme_problem(analysis.runs, Scheme::WildClusterBySize).empty() ? Scheme::WildClusterBySize : Scheme::Wild;
  for (const auto restriction : {Restriction::NoCoupling, Restriction::TiedExponents, Restriction::NoFloor}) {
    const auto test = test_form(analysis.runs, analysis.options, restriction, settings);
    if (!test) continue;
    const auto& free = test->free.law;
    const std::string freed = restriction == Restriction::NoCoupling ? fmt::format("k = {:.4g}", free.k)
                              : restriction == Restriction::NoFloor
                                  ? fmt::format("E = {:.4g}", free.E)
                                  : fmt::format("alpha = {:.4g}, beta = {:.4g}", free.alpha, free.beta);
    list.push_back(Value::object({{"restriction", test->name},
                                  {"likelihood_ratio", test->likelihood_ratio},
                                  {"p_chi_squared", test->p_chi_squared},
                                  {"p_bootstrap", test->p_bootstrap},
                                  {"scheme", test->scheme},
                                  {"objective_restricted", test->restricted.objective},
                                  {"objective_free", test->free.objective},
                                  {"freed", freed},
                                  {"exponent_a", test->restricted.law.exponent_a()},
                                  {"exponent_a_free", free.exponent_a()}}));
    table.rows.push_back({test->name, test->likelihood_ratio, test->p_chi_squared, finite_cell(test->p_bootstrap),
                          test->scheme, test->restricted.law.exponent_a(), free.exponent_a(), freed});
  }
  report.tables.push_back(std::move(table));
}

}  // namespace

void report_schemes(Report& report, const FitAnalysis& analysis) {
  ReportTable table;
  table.title = "Standard errors and intervals by scheme";
  table.columns = {{"scheme", "scheme", Align::Left}};
  auto quantities = parameter_quantities(analysis.options);
  quantities.push_back(exponent_a_quantity());
  for (const auto& quantity : quantities)
    table.columns.push_back(
        {"SE " + (quantity.key == "exponent_a" ? "a" : quantity.key), "se_" + quantity.key, Align::Right, 3});
  table.columns.push_back({"a low", "a_low"});
  table.columns.push_back({"a high", "a_high"});
  table.note = "nothing but what is taken as exchangeable differs between the rows";
  Value& panel = report.result["uncertainty_panel"] = Value::array();
  const auto add = [&](const std::string& name, const std::string& label, const auto& interval_of) {
    Value entry = Value::object({{"scheme", name}, {"description", label}});
    std::vector<TableCell> row{label};
    FittedValue last;
    for (const auto& quantity : quantities) {
      last = interval_of(quantity);
      entry[quantity.key] = Value(last);
      row.push_back(finite_cell(last.se));
    }
    row.push_back(finite_cell(last.low));
    row.push_back(finite_cell(last.high));
    panel.push_back(std::move(entry));
    table.rows.push_back(std::move(row));
  };
  const auto& fit = analysis.fit;
  const double level = analysis.level;
  for (Scheme scheme : all_schemes()) {
    if (!scheme_problem(analysis.runs, scheme).empty()) continue;
    BootstrapOptions settings = analysis.settings;
    settings.scheme = scheme;
    const Draws draws = bootstrap(analysis.runs, fit, analysis.options, settings);
    add(scheme_name(scheme), draws.scheme,
        [&](const Quantity& q) { return percentile_interval(draws, fit.law, q.of, level); });
    if (scheme != Scheme::Pairs && scheme != Scheme::ClusterBySize) continue;
    const Draws left_out =
        jackknife(analysis.runs, fit, analysis.options, scheme_groups(analysis.runs, scheme), analysis.options.threads);
    add("bca-" + scheme_name(scheme), "  its BCa intervals",
        [&](const Quantity& q) { return bca_interval(draws, left_out, fit.law, q.of, level); });
    add("normal-" + scheme_name(scheme), "  its normal intervals",
        [&](const Quantity& q) { return normal_interval(draws, fit.law, q.of, level, q.positive); });
    const std::string unit = scheme == Scheme::Pairs ? "run" : "model size";
    add("jackknife-" + scheme_name(scheme), "jackknife, one " + unit + " left out",
        [&](const Quantity& q) { return jackknife_interval(left_out, fit.law, q.of, level); });
  }
  const auto covariance = sandwich_covariance(analysis.runs, fit, analysis.options);
  add("sandwich", "sandwich, delta method",
      [&](const Quantity& q) { return delta_interval(covariance, fit, analysis.options, q.of, level); });
  report.tables.push_back(std::move(table));

  ReportTable profiles;
  profiles.title = "Profile likelihood";
  profiles.columns = {{"parameter", "name", Align::Left},
                      {"estimate", "estimate"},
                      {"low, chi-squared", "low"},
                      {"high", "high"},
                      {"low, calibrated", "calibrated_low"},
                      {"high", "calibrated_high"},
                      {"cut", "calibrated_cut", Align::Right, 3}};
  BootstrapOptions calibration = analysis.settings;
  if (scheme_problem(analysis.runs, Scheme::ClusterBySize).empty()) calibration.scheme = Scheme::ClusterBySize;
  profiles.note =
      fmt::format("the chi-squared cut {:.3g} believes errors independent and alike; the other is calibrated by the {}",
                  0.0, scheme_description(calibration.scheme));
  Value& list = report.result["profiles"] = Value::array();
  for (const auto which : {Profiled::Alpha, Profiled::Beta, Profiled::Floor, Profiled::ExponentA, Profiled::Coupling}) {
    const auto p = profile(analysis.runs, fit, analysis.options, which, level, calibration);
    if (!p) continue;
    profiles.note = fmt::format(
        "the chi-squared cut {:.3g} believes errors independent and alike; the other is calibrated by the {}",
        p->chi_squared_cut, scheme_description(calibration.scheme));
    list.push_back(Value::object({{"name", p->name},
                                  {"estimate", p->estimate},
                                  {"chi_squared_cut", p->chi_squared_cut},
                                  {"low", p->low},
                                  {"high", p->high},
                                  {"calibrated_cut", p->calibrated_cut},
                                  {"calibrated_low", p->calibrated_low},
                                  {"calibrated_high", p->calibrated_high},
                                  {"scheme", scheme_name(calibration.scheme)}}));
    profiles.rows.push_back({p->name, p->estimate, finite_cell(p->low), finite_cell(p->high),
                             finite_cell(p->calibrated_low), finite_cell(p->calibrated_high),
                             finite_cell(p->calibrated_cut)});
    report.plots.push_back(profile_plot(*p));
  }
  report.tables.push_back(std::move(profiles));
}

void report_diagnostics(Report& report, const FitAnalysis& analysis) {
  add_delta_sweep(report, analysis);
  add_drop_sweep(report, analysis);
  add_influence(report, analysis);
  add_hindcast(report, analysis);
  add_form_tests(report, analysis);
}

}  // namespace isoflop::app
