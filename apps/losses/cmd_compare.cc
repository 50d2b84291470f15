// `compare`: the classical approaches to compute-optimal size, on the same runs and the same resamples.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "apps/commands.h"
#include "apps/losses/compare_plots.h"
#include "apps/losses/law_source.h"
#include "isoflop/error.h"
#include "isoflop/fits/approaches.h"
#include "isoflop/fits/logged_curves.h"
#include "isoflop/fits/training_envelope.h"
#include "isoflop/fits/runs_source.h"
#include "isoflop/number_text.h"
#include "isoflop/statistics.h"

namespace isoflop::app {
namespace {

using namespace isoflop::fits;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TableCell cell(double x) { return std::isfinite(x) ? TableCell(x) : TableCell(); }

std::vector<double> read_numbers(const std::vector<std::string>& texts, const std::string& option) {
  std::vector<double> numbers;
  for (const auto& text : texts) {
    const auto value = parse_number(text);
    if (!value || !(*value > 0))
      throw Error(Fault::Usage, option + ": \"" + text + "\" is not a positive number such as 1e21");
    numbers.push_back(*value);
  }
  return numbers;
}

bool excludes_zero(const FittedValue& v) { return std::isfinite(v.low) && (v.low > 0 || v.high < 0); }
bool excludes_one(const FittedValue& v) { return std::isfinite(v.low) && (v.low > 1 || v.high < 1); }

// N* of approach 1; normal in ln N*, with the SE of leaving out sizes.
FittedValue envelope_params(const EnvelopeFit& fit, double budget, double z) {
  const double n = fit.params(budget), se = fit.log_params_se(budget);
  return {n, n * se, n * std::exp(-z * se), n * std::exp(z * se)};
}

class CompareCommand : public Command {
 public:
  std::string name() const override { return "compare"; }
  std::string summary() const override { return "approaches 1, 2 and 3 side by side, and which of them disagree"; }
  std::string examples() const override {
    return "isoflop compare chinchilla\n"
           "isoflop compare runs.csv --compute 1e22,1e24\n"
           "isoflop compare runs.csv --curves curves.csv\n"
           "isoflop compare runs.csv --curves wandb_export.csv --run-sizes sizes.csv\n"
           "isoflop compare runs.csv --budgets 1e19,1e20,1e21 -o compare.svg";
  }

  void declare(OptionSet& options) override {
    options.positional("RUNS", source_, "runs as for isoflop fit, or chinchilla or sweep");
    options.group("Question");
    options.list("--compute", compute_texts_,
                 "budgets at which to compare N* and D* (default for chinchilla 1e21,5.76e23, else the largest run and "
                 "ten times it)");
    options.group("Approach 1");
    options.list(
        "--curves", curves_,
        "training curves: run,params,tokens,loss (or step and tokens_per_step), or exports of a Weights & Biases "
        "chart or of TensorBoard scalars");
    options.text("--run-sizes", sizes_, "for such exports: CSV of run,params,tokens_per_step");
    options.group("Approach 2");
    options.list("--budgets", budget_texts_,
                 "budgets of the parabolas (default: where the runs crowd; Hoffmann's nine for chinchilla)");
    options.number("--tolerance", tolerance_, "a run belongs to the nearest budget if |ln(C/budget)| is below",
                   NumberRange::positive());
    options.whole("--least-points", least_points_, "fewest runs for a parabola", 3, 1000000);
    options.group("Data and intervals");
    options.whole("--exclude-highest", exclude_, "leave out this many of the highest losses (5 for chinchilla, else 0)",
                  0, 1000000000);
    options.whole("--replicates", replicates_, "resamples of the runs, each through every approach; 0 = no intervals",
                  0, 100000);
  }

  Report run(const Settings& settings) override {
    Report report;
    const RunTable all = open_runs(source_, {}, settings.data);
    const bool built_in = source_ == "chinchilla";
    const long exclude = exclude_.value_or(built_in ? 5 : 0);
    const RunTable runs = all.excluding_highest(static_cast<std::size_t>(exclude));
    report.inputs.push_back(
        {runs.name(), runs.sha256(), runs.size(), runs.rows_dropped() + static_cast<std::size_t>(exclude)});
    if (exclude > 0)
      report.assumptions.push_back(
          {"highest_losses_left_out", exclude, "runs",
           exclude_ ? "--exclude-highest" : "as Hoffmann et al. 2022 did; for all approaches"});
    ApproachOptions options;
    options.budgets_flop = compute_texts_.empty() ? usual_budgets(runs) : read_numbers(compute_texts_, "--compute");
    options.isoflop.budgets_flop = budget_texts_.empty() ? (built_in ? hoffmann_budgets() : std::vector<double>{})
                                                         : read_numbers(budget_texts_, "--budgets");
    options.isoflop.tolerance = tolerance_;
    options.isoflop.least_points = static_cast<std::size_t>(least_points_);
    options.replicates = static_cast<std::size_t>(replicates_);
    options.level = interval_level;
    options.seed = settings.seed;
    options.threads = settings.threads;
    settings.progress(0.1, "resampling");
    const auto comparison = compare_approaches(runs, options);
    std::optional<EnvelopeFit> envelope;
    if (!curves_.empty() || source_ == "sweep") {
      std::vector<CsvTable> tables;
      if (curves_.empty()) tables.push_back(open_sweep_curves(settings.data));
      for (const std::string& file : curves_) tables.push_back(CsvTable::read(file));
      std::optional<CsvTable> sizes;
      if (!sizes_.empty()) sizes = CsvTable::read(sizes_);
      envelope = fit_envelope(read_curve_files(tables, sizes));
      if (sizes) tables.push_back(*sizes);
      for (const CsvTable& table : tables) report.inputs.push_back({table.name(), table.sha256(), table.rows(), 0});
    }
    if (replicates_ > 0) report.seed = settings.seed;
    report.assumptions.push_back({"training_flop", "stated FLOP where given, else 6 x parameters x tokens", "FLOP",
                                  "Kaplan et al. 2020, arXiv:2001.08361"});
    report.assumptions.push_back({"approach_3_loss_function", "sum of Huber(1e-3) of log losses", "",
                                  "Hoffmann et al. 2022, arXiv:2203.15556, section 3.3"});
    describe(comparison, envelope, options, runs, report);
    return report;
  }

 private:
  std::vector<double> usual_budgets(const RunTable& runs) const {
    if (source_ == "chinchilla") return {1e21, 5.76e23};
    double largest = 0;
    for (const Run& run : runs.runs()) largest = std::max(largest, run.compute_flop());
    return {largest, 10 * largest};
  }

  void describe(const ApproachComparison& comparison, const std::optional<EnvelopeFit>& envelope,
                const ApproachOptions& options, const RunTable& runs, Report& report) const {
    const auto& budgets = options.budgets_flop;
    ReportTable exponents, optima;
    exponents.title = "Exponent a of N* ~ C^a (tokens: b = 1 - a)";
    exponents.columns = {{"approach", "approach", Align::Left},
                         {"a", "exponent_a"},
                         {"90 % from", "low"},
                         {"to", "high"},
                         {"b", "exponent_b"},
                         {"remark", "remark", Align::Left}};
    optima.title = "Optimal size and tokens";
    optima.columns = {{"compute, FLOP", "compute_flop"},
                      {"approach", "approach", Align::Left},
                      {"parameters", "params"},
                      {"90 % from", "params_low"},
                      {"to", "params_high"},
                      {"tokens", "tokens"},
                      {"90 % from", "tokens_low"},
                      {"to", "tokens_high"},
                      {"tokens per parameter", "tokens_per_param"}};
    Value approaches = Value::array();
    const auto add = [&](const std::string& id, const std::string& label, const FittedValue& a,
                         const std::string& reason, const std::string& remark, const std::vector<FittedValue>& params,
                         const std::vector<FittedValue>& tokens) {
      exponents.rows.push_back({label, cell(a.estimate), cell(a.low), cell(a.high), cell(1 - a.estimate),
                                reason.empty() ? remark : "no answer: " + reason});
      Value rows = Value::array();
      for (std::size_t b = 0; b < budgets.size() && reason.empty(); ++b)
        rows.push_back(Value::object({{"compute_flop", budgets[b]}, {"params", params[b]}, {"tokens", tokens[b]},
                                      {"tokens_per_param", tokens[b].estimate / params[b].estimate}}));
      approaches.push_back(Value::object({{"id", id},
                                          {"label", label},
                                          {"status", reason.empty() ? "ok" : "no_answer"},
                                          {"reason", reason},
                                          {"exponent_a", a},
                                          {"exponent_b", FittedValue{1 - a.estimate, a.se, 1 - a.high, 1 - a.low}},
                                          {"optima", rows}}));
    };
    if (envelope) {
      const double z = normal_quantile((1 + options.level) / 2);
      const FittedValue a{envelope->exponent_a, envelope->exponent_a_se,
                          envelope->exponent_a - z * envelope->exponent_a_se,
                          envelope->exponent_a + z * envelope->exponent_a_se};
      std::vector<FittedValue> params, tokens;
      for (double budget : budgets) {
        params.push_back(envelope_params(*envelope, budget, z));
        const FittedValue& n = params.back();
        tokens.push_back({budget / 6 / n.estimate, budget / 6 / n.estimate * envelope->log_params_se(budget),
                          budget / 6 / n.high, budget / 6 / n.low});
      }
      add("approach-1", "1: envelope of training curves", a, envelope->reason,
          fmt::format("{} budgets read off; interval by leaving out sizes", envelope->points.size()), params, tokens);
    }
    for (const auto& approach : comparison.approaches) {
      std::string remark;
      if (approach.kind == ApproachKind::Parabolas)
        remark = fmt::format("{} of {} budgets usable", comparison.isoflop.used, comparison.isoflop.curves.size());
      if (approach.kind == ApproachKind::Law) remark = "status " + status_name(comparison.law.status);
      if (approach.kind == ApproachKind::CoupledLaw)
        remark = fmt::format("status {}, k {}", status_name(comparison.coupled.status),
                             format_number(comparison.coupled.law.k, 4));
      add(approach_id(approach.kind), approach_label(approach.kind), approach.exponent_a, approach.reason, remark,
          approach.params, approach.tokens);
      if (approach.usable() && options.replicates > 0 && approach.replicates * 10 < options.replicates * 9)
        report.warnings.push_back(fmt::format("{}: only {} of {} resamples gave an answer, so it has no interval",
                                              approach_label(approach.kind), approach.replicates, options.replicates));
    }
    for (std::size_t b = 0; b < budgets.size(); ++b) {
      if (envelope && envelope->usable()) {
        const FittedValue n = envelope_params(*envelope, budgets[b], normal_quantile((1 + options.level) / 2));
        const double product = budgets[b] / 6;
        optima.rows.push_back({budgets[b], std::string("1: envelope of training curves"), n.estimate, cell(n.low),
                               cell(n.high), product / n.estimate, cell(product / n.high), cell(product / n.low),
                               product / n.estimate / n.estimate});
      }
      for (const auto& approach : comparison.approaches) {
        if (!approach.usable()) continue;
        const auto &n = approach.params[b], &d = approach.tokens[b];
        optima.rows.push_back({budgets[b], approach_label(approach.kind), n.estimate, cell(n.low), cell(n.high),
                               d.estimate, cell(d.low), cell(d.high), d.estimate / n.estimate});
      }
    }
    if (options.replicates > 0)
      optima.note = fmt::format("{:.0f} % intervals: pairs bootstrap, {} resamples, the same ones for every approach.",
                                100 * options.level, options.replicates);
    report.tables = {exponents, optima};
    report.result["approaches"] = approaches;
    add_differences(comparison, budgets, options, report);
    add_curves(comparison.isoflop, report);
    add_history(report);
    double beyond = 0;
    for (const Run& run : runs.runs()) beyond = std::max(beyond, run.compute_flop());
    for (double budget : budgets)
      if (budget > beyond * 1.001)
        report.warnings.push_back(fmt::format("extrapolation: {} FLOP is {} times beyond the largest run ({} FLOP)",
                                              format_number(budget, 3), format_number(budget / beyond, 3),
                                              format_number(beyond, 3)));
    if (comparison.law.usable() && comparison.law.status != FitStatus::Certified)
      report.distrust = "approach 3: " + comparison.law.reason;
    if (!comparison.law.usable()) report.distrust = "approach 3 gives no answer: " + comparison.law.reason;
    report.plots = {isoflop_plot(runs, comparison.isoflop), frontier_plot(comparison, budgets, envelope)};
  }

  void add_differences(const ApproachComparison& comparison, const std::vector<double>& budgets,
                       const ApproachOptions& options, Report& report) const {
    ReportTable table;
    table.title = "Differences between approaches, resample by resample";
    table.columns = {{"first", "first", Align::Left},
                     {"second", "second", Align::Left},
                     {"a: difference", "exponent_a"},
                     {"90 % from", "low"},
                     {"to", "high"},
                     {fmt::format("N* ratio at {}", format_number(budgets.back(), 3)), "params_ratio"},
                     {"90 % from", "ratio_low"},
                     {"to", "ratio_high"},
                     {"disagree", "disagree"}};
    Value list = Value::array();
    std::vector<std::string> disagreements;
    for (const auto& difference : comparison.differences) {
      const auto& ratio = difference.params_ratio.back();
      const bool disagree = excludes_zero(difference.exponent_a) || excludes_one(ratio);
      table.rows.push_back({approach_label(difference.first), approach_label(difference.second),
                            cell(difference.exponent_a.estimate), cell(difference.exponent_a.low),
                            cell(difference.exponent_a.high), cell(ratio.estimate), cell(ratio.low), cell(ratio.high),
                            disagree});
      Value ratios = Value::array();
      for (std::size_t b = 0; b < budgets.size(); ++b)
        ratios.push_back(Value::object({{"compute_flop", budgets[b]}, {"params_ratio", difference.params_ratio[b]}}));
      list.push_back(Value::object({{"first", approach_id(difference.first)},
                                    {"second", approach_id(difference.second)},
                                    {"exponent_a", difference.exponent_a},
                                    {"params_ratio", ratios},
                                    {"disagree", options.replicates > 0 ? Value(disagree) : Value()}}));
      if (disagree)
        disagreements.push_back(
            approach_id(difference.first) + " and " + approach_id(difference.second) +
            (excludes_zero(difference.exponent_a)
                 ? fmt::format(" (a differs by {})",
                               interval_text(difference.exponent_a, [](double x) { return format_number(x, 2); }))
                 : fmt::format(" (N* ratio {})", interval_text(ratio, [](double x) { return format_number(x, 3); }))));
    }
    report.result["differences"] = list;
    if (options.replicates > 0) report.tables.push_back(table);
    std::string headline;
    for (const auto& approach : comparison.approaches)
      if (approach.usable())
        headline += (headline.empty() ? "a = " : ", ") +
                    interval_text(approach.exponent_a, [](double x) { return format_number(x, 3); }) + " by " +
                    approach_id(approach.kind);
    if (headline.empty()) headline = "No approach gives an answer on these runs";
    headline += ". ";
    if (options.replicates == 0) {
      headline += "Without resamples nothing can be said about which disagree.";
    } else if (disagreements.empty()) {
      headline += "No two of them disagree beyond what resampling explains.";
    } else {
      headline += "These disagree: ";
      for (std::size_t i = 0; i < disagreements.size(); ++i) headline += (i ? "; " : "") + disagreements[i];
      headline += ".";
    }
    // On the paper's own runs its published law can be held against the fits.
    const auto& law = comparison.approaches[static_cast<std::size_t>(ApproachKind::Law)].exponent_a;
    const auto& p = choose_law("hoffmann").constants->values;
    const double published = ChinchillaLaw{p[0], p[1], p[2], p[3], p[4]}.exponent_a();
    if (source_ == "chinchilla" && std::isfinite(law.low) && (published < law.low || published > law.high))
      headline += fmt::format(
          " The a = {} of Hoffmann's published constants lies outside approach 3's interval on these same runs.",
          format_number(published, 4));
    report.headline = headline;
  }

  static void add_curves(const IsoflopFit& fit, Report& report) {
    ReportTable table;
    table.title = "Approach 2, budget by budget";
    table.columns = {{"budget, FLOP", "budget_flop"},
                     {"runs", "runs"},
                     {"status", "status", Align::Left},
                     {"N*", "params"},
                     {"SE of ln N*", "params_log_se", Align::Right, 2},
                     {"D*", "tokens"},
                     {"loss at the minimum", "loss"}};
    Value list = Value::array();
    for (const auto& curve : fit.curves) {
      const bool used = curve.status == CurveStatus::Used;
      table.rows.push_back({curve.budget_flop, static_cast<std::int64_t>(curve.runs.size()),
                            curve_status_name(curve.status), used ? cell(curve.params) : TableCell(),
                            used ? cell(curve.params_log_se) : TableCell(), used ? cell(curve.tokens) : TableCell(),
                            used ? cell(curve.loss) : TableCell()});
      list.push_back(Value::object({{"budget_flop", curve.budget_flop},
                                    {"runs", curve.runs.size()},
                                    {"status", curve_status_name(curve.status)},
                                    {"params", used ? Value(curve.params) : Value()},
                                    {"params_log_se", used ? Value(curve.params_log_se) : Value()},
                                    {"tokens", used ? Value(curve.tokens) : Value()},
                                    {"loss", used ? Value(curve.loss) : Value()}}));
    }
    report.result["isoflop_curves"] = list;
    report.tables.push_back(table);
  }

  // What the papers printed, for orientation only.
  static void add_history(Report& report) {
    ReportTable table;
    table.title = "Published exponents a";
    table.columns = {{"source", "source", Align::Left}, {"approach", "approach", Align::Left}, {"a", "exponent_a"}};
    table.rows = {{std::string("Hoffmann et al. 2022"), std::string("1"), 0.50},
                  {std::string("Hoffmann et al. 2022"), std::string("2"), 0.49},
                  {std::string("Hoffmann et al. 2022"), std::string("3 (search stopped early)"), 0.46},
                  {std::string("Besiroglu et al. 2024"), std::string("3"), 0.5126},
                  {std::string("Porian et al. 2024, tuned, RefinedWeb"), std::string("power law in C"), 0.497},
                  {std::string("Kaplan et al. 2020"), std::string("early stopping"), 0.73}};
    report.explanation.push_back(table);
  }

  std::string source_, sizes_;
  std::vector<std::string> curves_;
  std::vector<std::string> compute_texts_, budget_texts_;
  double tolerance_ = 0.2;
  long least_points_ = 5, replicates_ = 300;
  std::optional<long> exclude_;
};

}  // namespace

std::unique_ptr<Command> make_compare() { return std::make_unique<CompareCommand>(); }

}  // namespace isoflop::app
