// `isoflop forms`: which form of the loss law predicts the largest runs from the rest, and whose floor covers the
// truth.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "apps/losses/forms_command.h"
#include "isoflop/error.h"
#include "isoflop/fits/form_trials.h"
#include "isoflop/fits/isoflop_parabola.h"
#include "isoflop/fits/loss_frontier.h"
#include "isoflop/fits/runs_source.h"
#include "isoflop/fits/training_envelope.h"
#include "isoflop/number_text.h"
#include "isoflop/parallel.h"
#include "isoflop/random.h"
#include "isoflop/statistics.h"

namespace isoflop::app {
namespace {

using namespace isoflop::fits;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TableCell cell(double x) { return std::isfinite(x) ? TableCell(x) : TableCell(); }

std::vector<FrontierPoint> vertices(const RunTable& runs) {
  std::vector<FrontierPoint> points;
  for (const auto& curve : fit_isoflop_parabolas(runs).curves)
    if (curve.status == CurveStatus::Used) points.push_back({curve.budget_flop, curve.loss});
  return points;
}

std::vector<FrontierPoint> envelope_points(const std::vector<TrainingCurve>& curves) {
  std::vector<FrontierPoint> points;
  for (const auto& p : fit_envelope(curves, 300).points) points.push_back({p.compute_flop, p.loss});
  return points;
}

/// Approach 1 or 2 as a law of compute alone.
struct FrontierTrial {
  std::string id, label;
  LossFrontier all, below;
  FittedValue floor{nan, nan, nan, nan};
  std::size_t replicates = 0;
  std::vector<double> errors;  ///< of the least loss at each held-out budget
};

class FormsCommand : public Command {
 public:
  std::string name() const override { return "forms"; }
  std::string summary() const override {
    return "which form of the loss law predicts the largest runs from the rest, and whether its floor is the true one";
  }
  std::string examples() const override {
    return "isoflop forms sweep                          the shipped sweep, whose entropy is known\n"
           "isoflop forms runs.csv --hold-out 1          hold out the top decade of compute\n"
           "isoflop forms runs.csv --curves curves.csv --true-floor 2.63 -o forms.svg";
  }
  void declare(OptionSet& options) override {
    options.positional("RUNS", source_, "runs as for isoflop fit, or sweep, or chinchilla");
    options.text("--curves", curves_, "training curves, for approach 1 (sweep brings its own)");
    options.number("--hold-out", hold_out_, "decades of compute below the largest run that are predicted, not fitted",
                   NumberRange::positive());
    options.number("--true-floor", true_floor_,
                   "entropy of the source, nats/token (default: column loss_of_perfect_model)",
                   NumberRange::positive());
    options.number("--vocabulary", vocabulary_,
                   "tokens in the vocabulary, for the saturating form (default: column vocabulary)", {2, 1e9});
    options.number("--least-tokens", least_tokens_, "leave out runs of fewer tokens", NumberRange::not_negative());
    options.number("--delta", delta_, "Huber threshold on log losses", NumberRange::positive());
    options.whole("--replicates", replicates_, "bootstrap resamples for the interval of E; 0: none", 0, 100000);
  }

  Report run(const Settings& settings) override {
    const CsvTable table = open_runs_table(source_, settings.data);
    const RunTable whole = RunTable::from_csv(table);
    std::vector<std::size_t> kept;
    for (std::size_t i = 0; i < whole.size(); ++i)
      if (whole[i].tokens >= least_tokens_) kept.push_back(i);
    if (kept.empty()) throw Error(Fault::Usage, "--least-tokens leaves no run");
    const RunTable runs = whole.selected(kept);
    std::optional<RunTable> without_embedding;
    if (table.find_column("params_non_embedding")) {
      RunColumns columns;
      columns.params = "params_non_embedding";
      without_embedding = RunTable::from_csv(table, columns).selected(kept);
    }
    FormTrialOptions options;
    options.held_out_decades = hold_out_;
    options.known_floor = true_floor_ ? true_floor_ : shared_number(table, "loss_of_perfect_model");
    options.vocabulary = vocabulary_ ? vocabulary_ : shared_number(table, "vocabulary");
    options.delta = delta_;
    options.replicates = static_cast<std::size_t>(replicates_);
    options.seed = settings.seed;
    options.threads = settings.threads;
    settings.progress(0.1, "fitting");
    const FormTrials trials = try_forms(runs, without_embedding, options);
    settings.progress(0.8, "frontiers");
    const auto frontiers = frontier_trials(runs, trials, options, settings);
    Report report;
    if (replicates_ > 0) report.seed = settings.seed;
    report.inputs.push_back(
        {runs.name(), runs.sha256(), runs.size(), runs.rows_dropped() + whole.size() - runs.size()});
    describe(report, runs, trials, frontiers, options);
    return report;
  }

 private:
  /// What a column says of all runs alike.
  static std::optional<double> shared_number(const CsvTable& table, const std::string& name) {
    const auto column = table.find_column(name);
    if (!column) return std::nullopt;
    std::optional<double> shared;
    for (std::size_t row = 0; row < table.rows(); ++row) {
      const auto value = table.number(row, *column);
      if (!value || (shared && *value != *shared)) return std::nullopt;
      shared = value;
    }
    return shared;
  }

  std::vector<FrontierTrial> frontier_trials(const RunTable& runs, const FormTrials& trials,
                                             const FormTrialOptions& options, const Settings& settings) const {
    std::vector<FrontierTrial> list;
    // Least measured loss near each held-out budget, with its 6ND for approach 1, whose curves have no stated FLOP.
    std::vector<Run> best;
    for (const double budget : crowded_budgets(runs, 0.05, 1)) {
      if (budget <= trials.cut_flop) continue;
      const Run* least = nullptr;
      for (const std::size_t i : trials.held_out)
        if (std::fabs(std::log(runs[i].compute_flop() / budget)) < 0.2 && (!least || runs[i].loss < least->loss))
          least = &runs[i];
      if (least) best.push_back(*least);
    }
    const RunTable below = runs.up_to_compute(trials.cut_flop);
    const std::string curves_source = curves_.empty() && source_ == "sweep" ? "sweep" : curves_;
    if (!curves_source.empty()) {
      const CsvTable table =
          curves_source == "sweep" ? open_sweep_curves(settings.data) : CsvTable::read(curves_source);
      const auto curves = read_training_curves(table);
      std::vector<TrainingCurve> lower;
      for (const auto& curve : curves)
        if (6 * curve.params * curve.tokens.back() <= trials.cut_flop) lower.push_back(curve);
      FrontierTrial trial{"approach-1",
                          "1: envelope of training curves",
                          fit_frontier(envelope_points(curves)),
                          fit_frontier(envelope_points(lower)),
                          {nan, nan, nan, nan},
                          0,
                          {}};
      for (const auto& run : best)
        if (trial.below.usable()) trial.errors.push_back(trial.below.loss(6 * run.params * run.tokens) / run.loss - 1);
      resample(trial, curves.size(), options, [&](const std::vector<std::size_t>& drawn) {
        std::vector<TrainingCurve> sample;
        for (const auto i : drawn) sample.push_back(curves[i]);
        return envelope_points(sample);
      });
      list.push_back(std::move(trial));
    }
    FrontierTrial trial{"approach-2",
                        "2: parabola at each budget",
                        fit_frontier(vertices(runs)),
                        fit_frontier(vertices(below)),
                        {nan, nan, nan, nan},
                        0,
                        {}};
    for (const auto& run : best)
      if (trial.below.usable()) trial.errors.push_back(trial.below.loss(run.compute_flop()) / run.loss - 1);
    resample(trial, runs.size(), options,
             [&](const std::vector<std::size_t>& drawn) { return vertices(runs.selected(drawn)); });
    list.push_back(std::move(trial));
    return list;
  }

  static void resample(FrontierTrial& trial, std::size_t count, const FormTrialOptions& options,
                       const std::function<std::vector<FrontierPoint>(const std::vector<std::size_t>&)>& points) {
    if (!trial.all.usable()) return;
    trial.floor.estimate = trial.all.E;
    std::vector<double> floors(options.replicates, nan);
    parallel_for(options.replicates, options.threads, [&](std::size_t r) {
      Random random(options.seed, r);
      std::vector<std::size_t> drawn(count);
      for (auto& i : drawn) i = random.index(count);
      const LossFrontier own = fit_frontier(points(drawn));
      if (own.usable()) floors[r] = own.E;
    });
    std::erase_if(floors, [](double x) { return !std::isfinite(x); });
    trial.replicates = floors.size();
    if (floors.size() < 20 || floors.size() * 2 < options.replicates) return;
    trial.floor.low = quantile(floors, (1 - options.level) / 2);
    trial.floor.high = quantile(floors, (1 + options.level) / 2);
  }

  static std::string covers(const FittedValue& floor, const std::optional<double>& truth) {
    if (!truth || !std::isfinite(floor.low)) return "-";
    return floor.low <= *truth && *truth <= floor.high ? "yes" : "no";
  }

  void describe(Report& report, const RunTable& runs, const FormTrials& trials,
                const std::vector<FrontierTrial>& frontiers, const FormTrialOptions& options) const {
    const auto& truth = options.known_floor;
    ReportTable table{"Forms",
                      {{"form", "form", Align::Left},
                       {"fits, rms %", "rms_percent", Align::Right, 3},
                       {"E", "floor"},
                       {"90 % from", "floor_low"},
                       {"to", "floor_high"},
                       {"covers truth", "covers_truth", Align::Left},
                       {"one step lower, %", "inner_error_percent", Align::Right, 3},
                       {"held out, mean %", "mean_error_percent", Align::Right, 3},
                       {"largest %", "largest_error_percent", Align::Right, 3},
                       {"bias %", "bias_percent", Align::Right, 3}},
                      {},
                      ""};
    Value list = Value::array();
    for (std::size_t t = 0; t < trials.trials.size(); ++t) {
      const auto& trial = trials.trials[t];
      const bool known = trial.form.known_floor;
      const std::string mark = trials.recommended == t ? " *" : "";
      if (!trial.usable()) {
        table.rows.push_back({trial.form.id + ": no answer", {}, {}, {}, {}, std::string("-"), {}, {}, {}, {}});
        list.push_back(Value::object({{"id", trial.form.id},
                                      {"formula", trial.form.formula},
                                      {"status", "no_answer"},
                                      {"reason", trial.reason}}));
        continue;
      }
      const std::string answer = known ? "given" : covers(trial.floor, truth);
      table.rows.push_back({trial.form.id + mark, 100 * trial.rms_log, trial.floor.estimate, cell(trial.floor.low),
                            cell(trial.floor.high), answer, cell(100 * trial.inner_error), 100 * trial.mean_error,
                            100 * trial.largest_error, 100 * trial.bias});
      Value parameters = Value::object();
      for (const auto& [name, value] : trial.fit.parameters) parameters[name] = value;
      list.push_back(Value::object({{"id", trial.form.id},
                                    {"formula", trial.form.formula},
                                    {"status", status_name(trial.fit.status)},
                                    {"E", trial.floor},
                                    {"parameters", parameters},
                                    {"covers_truth", answer == "yes"  ? Value(true)
                                                     : answer == "no" ? Value(false)
                                                                      : Value()},
                                    {"rms_log", trial.rms_log},
                                    {"inner_error", trial.inner_error},
                                    {"held_out", Value::object({{"n", trial.errors.size()},
                                                                {"mean_error", trial.mean_error},
                                                                {"largest_error", trial.largest_error},
                                                                {"bias", trial.bias}})},
                                    {"replicates", trial.replicates}}));
      if (trial.fit.status != FitStatus::Certified && trial.fit.status != FitStatus::Converged)
        report.warnings.push_back(trial.form.id + ": " + status_name(trial.fit.status) + ", " + trial.fit.reason);
    }
    table.note = fmt::format(
        "Fitted: {} runs up to {} FLOP; held out: {} runs above. One step lower: fitted up to {} FLOP, judged up to "
        "{}. E from all runs.",
        trials.fitted, format_number(trials.cut_flop, 3), trials.held_out.size(),
        format_number(trials.inner_cut_flop, 3), format_number(trials.cut_flop, 3));
    report.tables.push_back(std::move(table));
    Value frontier_list = Value::array();
    ReportTable frontier_table{"Approaches 1 and 2 as laws of compute, L* = E + K/C^g",
                               {{"approach", "approach", Align::Left},
                                {"E", "floor"},
                                {"90 % from", "floor_low"},
                                {"to", "floor_high"},
                                {"covers truth", "covers_truth", Align::Left},
                                {"g", "g"},
                                {"least loss held out, mean %", "mean_error_percent", Align::Right, 3}},
                               {},
                               ""};
    for (const auto& f : frontiers) {
      double mean = f.errors.empty() ? nan : 0;
      for (const double e : f.errors) mean += std::fabs(e) / static_cast<double>(f.errors.size());
      frontier_table.rows.push_back({f.label, cell(f.floor.estimate), cell(f.floor.low), cell(f.floor.high),
                                     covers(f.floor, truth), f.all.usable() ? TableCell(f.all.g) : TableCell(),
                                     cell(100 * mean)});
      frontier_list.push_back(
          Value::object({{"id", f.id},
                         {"status", f.all.usable() ? "ok" : "no_answer"},
                         {"reason", f.all.reason},
                         {"E", f.floor},
                         {"g", f.all.usable() ? Value(f.all.g) : Value()},
                         {"held_out", Value::object({{"n", f.errors.size()}, {"mean_error", mean}})},
                         {"replicates", f.replicates}}));
    }
    report.tables.push_back(std::move(frontier_table));
    Value& r = report.result;
    r["true_floor"] = truth;
    r["cut_flop"] = trials.cut_flop;
    r["fitted"] = trials.fitted;
    r["held_out"] = trials.held_out.size();
    r["recommended"] = trials.recommended ? Value(trials.trials[*trials.recommended].form.id) : Value();
    r["forms"] = list;
    r["frontiers"] = frontier_list;
    headline(report, trials, truth);
    report.assumptions.push_back(
        {"recommended_form", "least mean error one step lower; the held-out runs have no say", "", "assumed"});
    report.assumptions.push_back({"loss_function",
                                  fmt::format("sum of Huber({}) of log losses", format_number(options.delta)), "",
                                  "Hoffmann et al. 2022, arXiv:2203.15556, section 3.3"});
    report.assumptions.push_back({"interval_of_E",
                                  fmt::format("percentiles of {} resamples of runs", options.replicates), "nats/token",
                                  "pairs bootstrap"});
    if (truth)
      report.assumptions.push_back(
          {"true_floor", *truth, "nats/token", true_floor_ ? "--true-floor" : "loss_of_perfect_model of the runs"});
    report.plots.push_back(residual_plot(runs, trials));
  }

  static void headline(Report& report, const FormTrials& trials, const std::optional<double>& truth) {
    if (!trials.recommended) {
      report.headline = "No form could be fitted one step lower, so none is recommended.";
      report.distrust = "no recommended form";
      return;
    }
    const auto& best = trials.trials[*trials.recommended];
    report.headline = fmt::format(
        "The form {} ({}) predicts the {} largest runs with a mean error of {:.2f} % (largest {:.2f} %).", best.form.id,
        best.form.formula, trials.held_out.size(), 100 * best.mean_error, 100 * best.largest_error);
    if (!truth) return;
    std::string yes, no;
    for (const auto& trial : trials.trials) {
      const std::string answer = covers(trial.floor, truth);
      if (trial.usable() && !trial.form.known_floor && answer != "-")
        (answer == "yes" ? yes : no) += ((answer == "yes" ? yes : no).empty() ? "" : ", ") + trial.form.id;
    }
    report.headline += fmt::format(" The true floor is {:.4f}; the interval for E covers it by {}", *truth,
                                   yes.empty() ? "no form" : yes);
    report.headline += no.empty() ? "." : ", not by " + no + ".";
  }

  static PlotSpec residual_plot(const RunTable& runs, const FormTrials& trials) {
    PlotSpec plot;
    plot.name = "forms";
    plot.title = "Held-out and fitted runs under each form";
    plot.subtitle = "prediction over measurement, laws fitted to the runs left of the line";
    plot.source = "Runs: " + runs.name();
    plot.description = "Error of each prediction against compute; to the right of the line the runs were not fitted.";
    plot.x = {"training compute (FLOP)", Scale::Log, {}, {}};
    plot.y = {"predicted over measured loss, % off", Scale::Linear, {}, {}};
    const Marker markers[] = {Marker::Circle, Marker::Square};
    int colour = 0;
    for (std::size_t t = 0; t < trials.trials.size(); ++t) {
      const auto& trial = trials.trials[t];
      if (!trial.usable() || (trial.form.id != "additive" && trials.recommended != t)) continue;
      PointLayer points;
      points.legend = trial.form.id;
      points.marker = markers[colour % 2];
      points.colour = colour++;
      for (const Run& run : runs.runs()) {
        if (trial.form.without_embedding) break;
        points.x.push_back(run.compute_flop());
        points.y.push_back(100 * (trial.below.loss(run.params, run.tokens) / run.loss - 1));
        points.names.push_back(format_count(run.params) + " parameters");
      }
      for (std::size_t i = 0; trial.form.without_embedding && i < trials.held_out.size(); ++i) {
        points.x.push_back(runs[trials.held_out[i]].compute_flop());
        points.y.push_back(100 * trial.errors[i]);
        points.names.push_back(format_count(runs[trials.held_out[i]].params) + " parameters");
      }
      plot.points.push_back(std::move(points));
    }
    plot.rules.push_back({"fitted | held out", trials.cut_flop, std::nullopt, Dash::Dashed});
    plot.rules.push_back({"", std::nullopt, 0.0, Dash::Dotted});
    return plot;
  }

  std::string source_, curves_;
  double hold_out_ = 0.5, least_tokens_ = 0, delta_ = 1e-3;
  std::optional<double> true_floor_, vocabulary_;
  long replicates_ = 200;
};

}  // namespace

std::unique_ptr<Command> make_forms() { return std::make_unique<FormsCommand>(); }

}  // namespace isoflop::app
