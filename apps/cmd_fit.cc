// `isoflop fit`: approach 3, the loss law fitted to all runs at once.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "apps/commands.h"
#include "apps/fit_plots.h"
#include "isoflop/error.h"
#include "isoflop/fits/bootstrap.h"
#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

using namespace isoflop::fits;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct NamedFunctional {
  std::string name;
  Functional of;
};

TableCell cell(double x) {
  if (std::isfinite(x)) return x;
  return {};
}

double read_delta(const std::string& text) {
  if (text == "infinity" || text == "inf") return std::numeric_limits<double>::infinity();
  const auto value = parse_number(text);
  if (!value || !(*value > 0))
    throw Error(Fault::Usage, "--delta: \"" + text + "\" is not a positive number or infinity");
  return *value;
}

class FitCommand : public Command {
 public:
  std::string name() const override { return "fit"; }
  std::string summary() const override { return "fit a loss law to training runs, with a certificate and intervals"; }
  std::string examples() const override {
    return "isoflop fit chinchilla --exclude-highest 5\n"
           "isoflop fit runs.csv --scheme cluster-size --level 0.95\n"
           "isoflop fit runs.csv --delta infinity --json\n"
           "isoflop fit runs.csv --compute 1e24 -o fit.svg";
  }

  void declare(OptionSet& options) override {
    options.positional("RUNS", source_,
                       "CSV with params,tokens,loss[,flops][,family][,weight]; C,N,D,loss; "
                       "Model Size,Training FLOP,loss; - for stdin; or chinchilla");
    options.group("Data");
    options.whole("--exclude-highest", exclude_, "leave out this many of the highest losses", 0, 1000000000);
    options.flag("--tokens-from-flops", columns_.tokens_from_flops, "take D = C/6N even where the file has tokens");
    options.text("--params-column", columns_.params, "column with the parameter count");
    options.text("--tokens-column", columns_.tokens, "column with the training tokens");
    options.text("--loss-column", columns_.loss, "column with the loss");
    options.group("Law and loss function");
    options.choice("--law", law_, {"chinchilla", "chinchilla-coupled"},
                   "L = E + A/N^alpha + B/D^beta, or with the sum of the terms to a power k");
    options.choice("--approach", approach_, {"3"},
                   "estimator; 1 and 2 stand side by side with it in `isoflop compare`");
    options.flag("--tied", tied_, "alpha = beta");
    options.number("--floor", floor_, "hold E at this value (0: no floor)", NumberRange::not_negative());
    options.text("--delta", delta_, "Huber threshold on the residual; infinity = least squares");
    options.choice("--residual", residual_, {"log", "raw"}, "compare logarithms of losses, or losses");
    options.number("--overestimate-penalty", overestimate_,
                   "factor on runs that beat the law; above 1 the law bends "
                   "towards the lowest losses",
                   NumberRange::positive());
    options.group("Uncertainty");
    options.whole("--bootstrap", replicates_, "replicates; 0 = none", 0, 10000000);
    std::vector<std::string> schemes;
    for (Scheme scheme : all_schemes()) schemes.push_back(scheme_name(scheme));
    options.choice("--scheme", scheme_, schemes, "what is resampled");
    options.number("--level", level_, "probability that intervals are meant to cover", {0.5, 0.999});
    options.flag("--draws", keep_draws_, "put every replicate into the result");
    options.group("Answers");
    options.list("--compute", budgets_, "budgets in FLOP for the optimal allocation");
  }

  Report run(const Settings& settings) override {
    const RunTable all = open_runs(source_, columns_, settings.data);
    const RunTable runs = all.excluding_highest(static_cast<std::size_t>(exclude_));
    ChinchillaOptions options;
    options.delta = read_delta(delta_);
    options.residual = residual_ == "raw" ? Residual::RawLoss : Residual::LogLoss;
    options.overestimate_penalty = overestimate_;
    options.tied_exponents = tied_;
    options.coupled = law_ == "chinchilla-coupled";
    options.fixed_E = floor_;
    options.threads = settings.threads;
    const ChinchillaFit fit = fit_chinchilla(runs, options);

    Report report;
    report.command = "fit";
    report.inputs.push_back({runs.name(), runs.sha256(), runs.size(), runs.rows_dropped()});
    Draws draws;
    const Scheme scheme = scheme_from_name(scheme_);
    if (fit.usable() && replicates_ > 0) {
      if (auto problem = scheme_problem(runs, scheme); !problem.empty()) {
        report.warnings.push_back("no intervals: " + problem);
      } else {
        settings.progress(0.1, "bootstrap");
        BootstrapOptions bootstrap_options;
        bootstrap_options.scheme = scheme;
        bootstrap_options.replicates = static_cast<std::size_t>(replicates_);
        bootstrap_options.seed = settings.seed;
        bootstrap_options.threads = settings.threads;
        draws = bootstrap(runs, fit, options, bootstrap_options);
        report.seed = settings.seed;
        if (draws.failed * 100 > static_cast<std::size_t>(replicates_))
          report.warnings.push_back(fmt::format("{} of {} replicates gave no fit and are left out of the intervals",
                                                draws.failed, replicates_));
      }
    }
    describe(report, all, runs, options, fit, draws);
    return report;
  }

 private:
  FittedValue value(const ChinchillaFit& fit, const Draws& draws, const Functional& f) const {
    if (!fit.usable()) return {nan, nan, nan, nan};
    return percentile_interval(draws, fit.law, f, level_);
  }

  void describe(Report& report, const RunTable& all, const RunTable& runs, const ChinchillaOptions& options,
                const ChinchillaFit& fit, const Draws& draws) const {
    Value& result = report.result;
    result["law"] = law_;
    result["approach"] = 3;
    ReportTable table;
    table.title = "Parameters";
    table.columns = {{"parameter", "name", Align::Left},
                     {"estimate", "estimate", Align::Right, 7},
                     {"SE", "se", Align::Right, 3},
                     {"low", "low"},
                     {"high", "high"}};
    const auto add = [&](const std::string& name, const Functional& f) {
      const FittedValue v = value(fit, draws, f);
      table.rows.push_back({name, cell(v.estimate), cell(v.se), cell(v.low), cell(v.high)});
      return v;
    };
    std::vector<NamedFunctional> parameters{{"E", [](const ChinchillaLaw& law) { return law.E; }},
                                            {"A", [](const ChinchillaLaw& law) { return law.A; }},
                                            {"B", [](const ChinchillaLaw& law) { return law.B; }},
                                            {"alpha", [](const ChinchillaLaw& law) { return law.alpha; }},
                                            {"beta", [](const ChinchillaLaw& law) { return law.beta; }}};
    if (options.coupled) parameters.push_back({"k", [](const ChinchillaLaw& law) { return law.k; }});
    Value& values = result["parameters"] = Value::object();
    for (const auto& parameter : parameters) values[parameter.name] = Value(add(parameter.name, parameter.of));
    result["objective"] = fit.starts_tried > 0 ? Value(fit.objective) : Value();
    result["n"] = runs.size();
    result["excluded"] = all.size() - runs.size();
    result["starts"] =
        Value::object({{"tried", fit.starts_tried}, {"agreeing", fit.starts_agreeing}, {"cells", fit.cells}});
    result["status"] = status_name(fit.status);
    result["reason"] = fit.reason.empty() ? Value() : Value(fit.reason);
    const FittedValue a = add("a: N* ~ C^a", [](const ChinchillaLaw& law) { return law.exponent_a(); });
    const FittedValue b = add("b: D* ~ C^b", [](const ChinchillaLaw& law) { return law.exponent_b(); });
    const FittedValue g = add("G: N* = G (C/6)^a", [](const ChinchillaLaw& law) { return law.G(); });
    result["exponent_a"] = Value(a);
    result["exponent_b"] = Value(b);
    result["G"] = Value(g);
    result["uncertainty"] = draws.laws.empty() ? Value()
                                               : Value::object({{"scheme", scheme_},
                                                                {"description", draws.scheme},
                                                                {"level", level_},
                                                                {"replicates", draws.laws.size()},
                                                                {"failed", draws.failed}});
    if (!draws.laws.empty())
      table.note = fmt::format("{:.0f} % intervals: percentiles of the {}, {} replicates", 100 * level_, draws.scheme,
                               draws.laws.size());
    report.tables.push_back(std::move(table));
    if (fit.usable()) add_allocation(report, runs, fit, draws);
    add_certificate(report, fit, options);
    if (keep_draws_) add_draws(report, draws);
    if (fit.usable()) {
      report.plots = {contour_plot(runs, fit), isoflop_plot(runs, fit), residual_plot(runs, fit)};
      if (!draws.laws.empty()) report.plots.push_back(cloud_plot(fit, draws));
    }
    report.assumptions.push_back({"compute", "C = 6ND", "FLOP", "Kaplan et al. 2020, arXiv:2001.08361"});
    report.assumptions.push_back(
        {"loss_function",
         options.residual == Residual::LogLoss ? "sum of Huber(ln Lhat - ln L)" : "sum of Huber(Lhat - L)", "",
         "Hoffmann et al. 2022, arXiv:2203.15556, section 3.3"});
    report.assumptions.push_back({"huber_delta",
                                  std::isfinite(options.delta) ? Value(options.delta) : Value("infinity"), "",
                                  options.delta == 1e-3 ? "Hoffmann et al. 2022, arXiv:2203.15556" : "--delta"});
    if (fit.status != FitStatus::Certified) report.distrust = fit.reason;
    report.headline = headline(all, runs, options, fit, draws, a);
  }

  std::string headline(const RunTable& all, const RunTable& runs, const ChinchillaOptions& options,
                       const ChinchillaFit& fit, const Draws& draws, const FittedValue& a) const {
    const std::string data = fmt::format(
        "{} runs{}", runs.size(),
        all.size() > runs.size() ? fmt::format(" ({} highest losses excluded)", all.size() - runs.size()) : "");
    if (!fit.usable()) return fmt::format("No law is fitted to {}: {}.", data, fit.reason);
    const auto& law = fit.law;
    const std::string terms = fmt::format("{:.4g}/N^{:.4g} + {:.4g}/D^{:.4g}", law.A, law.alpha, law.B, law.beta);
    std::string text = options.coupled ? fmt::format("L = {:.4g} + ({})^{:.4g}", law.E, terms, law.k)
                                       : fmt::format("L = {:.4g} + {}", law.E, terms);
    text += fmt::format(" from {}: compute-optimal N grows as C^{:.3f}", data, a.estimate);
    if (std::isfinite(a.low))
      text += fmt::format(" ({:.0f} % interval {:.3f} to {:.3f}, {}, {} replicates)", 100 * level_, a.low, a.high,
                          draws.scheme, draws.laws.size());
    text += fit.status == FitStatus::Certified
                ? fmt::format(". Certified minimum: {} of {} starts agree.", fit.starts_agreeing, fit.starts_tried)
                : fmt::format(". {}: {}.", status_name(fit.status), fit.reason);
    return text;
  }

  void add_allocation(Report& report, const RunTable& runs, const ChinchillaFit& fit, const Draws& draws) const {
    std::vector<double> budgets;
    for (const auto& text : budgets_) {
      const auto value = parse_number(text);
      if (!value || !(*value > 0))
        throw Error(Fault::Usage, "--compute: \"" + text + "\" is not a positive number of FLOP");
      budgets.push_back(*value);
    }
    double highest = 0;
    for (const Run& run : runs.runs()) highest = std::max(highest, run.compute_flop());
    if (budgets.empty()) {
      const double decade = std::pow(10, std::ceil(std::log10(highest)));
      budgets = {highest, decade, 10 * decade, 100 * decade};
    }
    ReportTable table;
    table.title = "Compute-optimal allocation";
    table.columns = {{"C (FLOP)", "compute_flop", Align::Right, 3},
                     {"N*", "params"},
                     {"low", "params_low", Align::Right, 3},
                     {"high", "params_high", Align::Right, 3},
                     {"D*", "tokens"},
                     {"low", "tokens_low", Align::Right, 3},
                     {"high", "tokens_high", Align::Right, 3},
                     {"D/N", "tokens_per_param"},
                     {"low", "tokens_per_param_low", Align::Right, 3},
                     {"high", "tokens_per_param_high", Align::Right, 3},
                     {"loss", "loss"},
                     {"low", "loss_low"},
                     {"high", "loss_high"}};
    table.note = fmt::format(
        "the highest compute among the runs is {} FLOP; beyond it the law extrapolates and intervals "
        "do not cover a wrong form",
        format_number(highest, 3));
    Value& list = report.result["allocation"] = Value::array();
    for (double budget : budgets) {
      const NamedFunctional quantities[] = {
          {"params", [budget](const ChinchillaLaw& law) { return law.optimum(budget).params; }},
          {"tokens", [budget](const ChinchillaLaw& law) { return law.optimum(budget).tokens; }},
          {"tokens_per_param",
           [budget](const ChinchillaLaw& law) { return law.optimum(budget).tokens / law.optimum(budget).params; }},
          {"loss", [budget](const ChinchillaLaw& law) { return law.optimum(budget).loss; }}};
      Value entry = Value::object({{"compute_flop", budget}});
      std::vector<TableCell> row{budget};
      for (const auto& quantity : quantities) {
        const FittedValue v = value(fit, draws, quantity.of);
        entry[quantity.name] = Value(v);
        for (double x : {v.estimate, v.low, v.high}) row.push_back(cell(x));
      }
      list.push_back(std::move(entry));
      table.rows.push_back(std::move(row));
    }
    report.tables.push_back(std::move(table));
  }

  void add_certificate(Report& report, const ChinchillaFit& fit, const ChinchillaOptions& options) const {
    Value& diagnostics = report.result["diagnostics"] = Value::object();
    if (fit.starts_tried == 0) return;
    diagnostics["gradient_norm"] = fit.gradient_norm;
    diagnostics["gradient_relative"] = fit.gradient_relative;
    diagnostics["hessian_eigenvalues"] = Value(fit.hessian_eigenvalues);
    diagnostics["free_parameters"] = options.free_parameters();
    diagnostics["degrees_of_freedom"] =
        static_cast<std::int64_t>(fit.n) - static_cast<std::int64_t>(options.free_parameters());
    ReportTable table;
    table.title = "Certificate";
    table.columns = {{"quantity", "quantity", Align::Left}, {"value", "value", Align::Right, 6}};
    table.rows = {{"status", status_name(fit.status)},
                  {"objective", fit.objective},
                  {"starts polished", static_cast<std::int64_t>(fit.starts_tried)},
                  {"of these at the best objective", static_cast<std::int64_t>(fit.starts_agreeing)},
                  {"exponent pairs searched", static_cast<std::int64_t>(fit.cells)},
                  {"gradient, relative", fit.gradient_relative},
                  {"least Hessian eigenvalue", fit.hessian_eigenvalues.front()},
                  {"greatest Hessian eigenvalue", fit.hessian_eigenvalues.back()}};
    report.explanation.push_back(std::move(table));
  }

  void add_draws(Report& report, const Draws& draws) const {
    Value& list = report.result["draws"] = Value::object();
    for (const char* key : {"E", "A", "B", "alpha", "beta", "k"}) list[key] = Value::array();
    for (const auto& law : draws.laws) {
      list["E"].push_back(law.E);
      list["A"].push_back(law.A);
      list["B"].push_back(law.B);
      list["alpha"].push_back(law.alpha);
      list["beta"].push_back(law.beta);
      list["k"].push_back(law.k);
    }
  }

  std::string source_, law_ = "chinchilla", approach_ = "3", delta_ = "0.001", residual_ = "log", scheme_ = "pairs";
  RunColumns columns_;
  long exclude_ = 0, replicates_ = 1000;
  bool tied_ = false, keep_draws_ = false;
  std::optional<double> floor_;
  double overestimate_ = 1, level_ = 0.9;
  std::vector<std::string> budgets_;
};

}  // namespace

std::unique_ptr<Command> make_fit() { return std::make_unique<FitCommand>(); }

}  // namespace isoflop::app
