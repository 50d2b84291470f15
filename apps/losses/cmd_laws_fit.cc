// `laws fit`: any law of the catalogue fitted to a file with the law's own columns.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "apps/commands.h"
#include "apps/losses/law_source.h"
#include "isoflop/error.h"
#include "isoflop/fits/law_fit.h"
#include "isoflop/fits/runs_source.h"
#include "isoflop/number_text.h"
#include "isoflop/statistics.h"

namespace isoflop::app {
namespace {

using namespace isoflop::fits;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TableCell cell(double x) { return std::isfinite(x) ? TableCell(x) : TableCell(); }

class LawsFit : public Command {
 public:
  std::string name() const override { return "laws fit"; }
  std::string summary() const override { return "any law fitted to a file with its columns, with intervals"; }
  std::string examples() const override {
    return "isoflop laws fit kaplan chinchilla\n"
           "isoflop laws fit over-training runs.csv\n"
           "isoflop laws fit data-constrained runs.csv      columns params,tokens,unique_tokens,loss\n"
           "isoflop laws show moe-sparsity                  which columns a law needs\n"
           "isoflop fit runs.csv                            the Chinchilla family: faster, with more diagnostics";
  }

  void declare(OptionSet& options) override {
    options.positional("LAW", law_, "a law (isoflop laws list)");
    options.positional("DATA", source_, "CSV with the law's columns and loss; - for stdin; or chinchilla or sweep");
    options.group("Data");
    options.text("--output-column", output_, "column with what the law predicts");
    options.whole("--exclude-highest", exclude_, "leave out this many of the highest values (5 for chinchilla, else 0)",
                  0, 1000000000);
    options.group("Fit");
    options.number("--delta", delta_, "Huber threshold on the log residual", NumberRange::positive());
    options.flag("--least-squares", least_squares_, "squared residuals instead of Huber's");
    options.whole("--search-points", search_points_, "random points that are scored over the whole search range", 1,
                  10000000);
    options.whole("--replicates", replicates_, "bootstrap replicates; 0 = no intervals", 0, 1000000);
  }

  Report run(const Settings& settings) override {
    const LossLaw& law = *choose_law(law_).law;
    const auto& facts = law.facts();
    Report report;
    report.command = "laws fit";
    LawData data = read(law, settings, report);
    LawFitOptions options;
    options.delta = least_squares_ ? std::numeric_limits<double>::infinity() : delta_;
    options.search_points = static_cast<std::size_t>(search_points_);
    options.threads = settings.threads;
    options.seed = settings.seed;
    settings.progress(0.1, "search");
    const LawFit fit = fit_law(law, data, options);
    LawDraws draws;
    if (fit.usable() && replicates_ > 0) {
      settings.progress(0.3, "bootstrap");
      draws = bootstrap_law(law, data, fit, options, static_cast<std::size_t>(replicates_), settings.seed);
      if (draws.failed > 0)
        report.warnings.push_back(
            fmt::format("{} of {} replicates gave no fit and are left out", draws.failed, replicates_));
    }
    report.seed = settings.seed;

    ReportTable table;
    table.title = "Parameters of " + facts.formula;
    table.columns = {{"parameter", "parameter", Align::Left}, {"estimate", "estimate", Align::Right, 6},
                     {"SE", "se", Align::Right, 3},           {"90 % from", "low", Align::Right, 5},
                     {"to", "high", Align::Right, 5},         {"unit", "unit", Align::Left}};
    Value parameters = Value::object();
    for (std::size_t j = 0; j < facts.parameters.size(); ++j) {
      FittedValue value{fit.usable() ? fit.parameters[j] : nan, nan, nan, nan};
      std::vector<double> sample;
      for (const auto& draw : draws.parameters) sample.push_back(draw[j]);
      if (sample.size() >= 20 && draws.failed * 10 <= sample.size()) {
        value.se = standard_deviation(sample);
        value.low = quantile(sample, (1 - interval_level) / 2);
        value.high = quantile(sample, (1 + interval_level) / 2);
      }
      parameters[facts.parameters[j].name] = value;
      table.rows.push_back({facts.parameters[j].name, cell(value.estimate), cell(value.se), cell(value.low),
                            cell(value.high), facts.parameters[j].unit});
    }
    if (!draws.parameters.empty())
      table.note = fmt::format("90 % intervals: pairs bootstrap, {} replicates.", draws.parameters.size());
    report.result["law"] = facts.id;
    report.result["formula"] = facts.formula;
    report.result["parameters"] = parameters;
    report.result["objective"] = fit.parameters.empty() ? Value() : Value(fit.objective);
    report.result["n"] = fit.n;
    report.result["excluded"] = excluded_;
    report.result["starts"] = Value::object({{"tried", fit.starts_tried}, {"agreeing", fit.starts_agreeing}});
    report.result["status"] = status_name(fit.status);
    report.result["reason"] = fit.reason.empty() ? Value() : Value(fit.reason);
    Value sloppiest = Value::object();
    for (std::size_t j = 0; j < fit.sloppiest.size(); ++j) sloppiest[facts.parameters[j].name] = fit.sloppiest[j];
    report.result["diagnostics"] =
        Value::object({{"scaled_condition", fit.condition},
                       {"sloppiest_direction", sloppiest},
                       {"gradient_relative", fit.gradient_relative},
                       {"at_bound", fit.at_bound},
                       {"rmse", rmse(fit)},
                       {"degrees_of_freedom",
                        static_cast<std::int64_t>(fit.n) - static_cast<std::int64_t>(facts.parameters.size())}});
    report.tables = {table, certificate(fit, facts)};
    report.assumptions.push_back(
        {"loss_function",
         (least_squares_ ? std::string("sum of squares/2 of ")
                         : fmt::format("sum of Huber({}) of ", format_number(delta_, 3))) +
             (facts.positive_output ? "log residuals" : "residuals"),
         "", least_squares_ || delta_ != 1e-3 ? "assumed" : "Hoffmann et al. 2022, arXiv:2203.15556, section 3.3"});
    if (fit.n < facts.parameters.size() + 5 && fit.usable())
      report.warnings.push_back(fmt::format("{} observations for {} parameters leave {} degrees of freedom", fit.n,
                                            facts.parameters.size(), fit.n - facts.parameters.size()));
    if (fit.status != FitStatus::Certified) report.distrust = fit.reason;
    report.headline =
        fit.usable()
            ? fmt::format("{} fitted to {} observations: status {}, {} of {} starts agree, root mean square {} {}.",
                          facts.id, fit.n, status_name(fit.status), fit.starts_agreeing, fit.starts_tried,
                          facts.positive_output ? "log residual" : "residual", format_number(rmse(fit), 3))
            : fmt::format("No law is fitted: {}.", fit.reason);
    return report;
  }

 private:
  LawData read(const LossLaw& law, const Settings& settings, Report& report) {
    LawData data;
    std::string path = source_, sha;
    if (source_ == "chinchilla") {
      const RunTable runs = open_runs(source_, {}, settings.data);
      data = law_data(runs, law);
      path = runs.name(), sha = runs.sha256();
    } else {
      const CsvTable table = open_runs_table(source_, settings.data);
      data = law_data(table, law, output_);
      sha = table.sha256();
    }
    excluded_ = exclude_.value_or(source_ == "chinchilla" ? 5 : 0);
    if (excluded_ >= static_cast<long>(data.size()) && excluded_ > 0)
      throw Error(Fault::Usage, "--exclude-highest leaves no observation");
    if (excluded_ > 0) {
      const auto order = sorted_order(data.outputs);
      std::vector<bool> drop(data.size());
      for (long k = 0; k < excluded_; ++k) drop[order[order.size() - 1 - static_cast<std::size_t>(k)]] = true;
      LawData kept;
      kept.name = data.name;
      kept.rows_dropped = data.rows_dropped;
      for (std::size_t i = 0; i < data.size(); ++i) {
        if (drop[i]) continue;
        kept.inputs.push_back(data.inputs[i]);
        kept.outputs.push_back(data.outputs[i]);
        if (!data.weights.empty()) kept.weights.push_back(data.weights[i]);
      }
      data = std::move(kept);
      report.assumptions.push_back({"highest_left_out", excluded_, "observations",
                                    exclude_ ? "--exclude-highest" : "as Hoffmann et al. 2022 did on these runs"});
    }
    report.inputs.push_back({path, sha, data.size(), data.rows_dropped + static_cast<std::size_t>(excluded_)});
    return data;
  }

  static double rmse(const LawFit& fit) {
    if (fit.residuals.empty()) return nan;
    double sum = 0;
    for (double r : fit.residuals) sum += r * r;
    return std::sqrt(sum / static_cast<double>(fit.residuals.size()));
  }

  static ReportTable certificate(const LawFit& fit, const LawFacts& facts) {
    ReportTable table;
    table.title = "Certificate";
    table.columns = {{"check", "check", Align::Left}, {"value", "value", Align::Left}};
    std::string sloppy;
    for (std::size_t j = 0; j < fit.sloppiest.size(); ++j)
      if (std::fabs(fit.sloppiest[j]) > 0.2)
        sloppy += (sloppy.empty() ? "" : ", ") + facts.parameters[j].name + " " + format_number(fit.sloppiest[j], 2);
    table.rows = {{std::string("status"), status_name(fit.status) + (fit.reason.empty() ? "" : ": " + fit.reason)},
                  {std::string("objective"), format_number(fit.objective, 8)},
                  {std::string("starts agreeing"), fmt::format("{} of {}", fit.starts_agreeing, fit.starts_tried)},
                  {std::string("gradient, relative"), format_number(fit.gradient_relative, 2)},
                  {std::string("scaled condition number"), format_number(fit.condition, 3)},
                  {std::string("sloppiest direction"), sloppy.empty() ? std::string("-") : sloppy}};
    return table;
  }

  std::string law_, source_, output_ = "loss";
  std::optional<long> exclude_;
  long excluded_ = 0, search_points_ = 3000, replicates_ = 100;
  double delta_ = 1e-3;
  bool least_squares_ = false;
};

}  // namespace

std::unique_ptr<Command> make_laws_fit() { return std::make_unique<LawsFit>(); }

}  // namespace isoflop::app
