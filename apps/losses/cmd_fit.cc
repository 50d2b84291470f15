// `isoflop fit`: approach 3, the loss law fitted to all runs at once.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "apps/commands.h"
#include "apps/losses/fit_other_law.h"
#include "apps/losses/fit_plots.h"
#include "apps/losses/fit_tables.h"
#include "isoflop/error.h"
#include "isoflop/fits/form_test.h"
#include "isoflop/number_text.h"
#include "isoflop/statistics.h"

namespace isoflop::app {
namespace {

using namespace isoflop::fits;

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
           "isoflop fit runs.csv --scheme cluster-size --interval normal --level 0.95\n"
           "isoflop fit runs.csv --schemes --diagnostics\n"
           "isoflop fit runs.csv --delta infinity --json\n"
           "isoflop fit runs.csv --law kaplan\n"
           "isoflop fit gemstones.csv --terms width,depth,params,tokens\n"
           "isoflop fit runs.csv --compute 1e24 -o fit.svg";
  }

  void declare(OptionSet& options) override {
    options.positional("RUNS", source_,
                       "CSV with params,tokens,loss[,flops][,family][,weight]; C,N,D,loss; "
                       "Model Size,Training FLOP,loss; - for stdin; or chinchilla or sweep");
    options.group("Data");
    options.whole("--exclude-highest", exclude_, "leave out this many of the highest losses", 0, 1000000000);
    options.flag("--tokens-from-flops", columns_.tokens_from_flops, "take D = C/6N even where the file has tokens");
    options.text("--params-column", columns_.params, "column with the parameter count");
    options.text("--tokens-column", columns_.tokens, "column with the training tokens");
    options.text("--loss-column", columns_.loss, "column with the loss");
    options.group("Law and loss function");
    options.text("--law", law_,
                 "chinchilla, chinchilla-coupled (the sum of the terms to a power k), or any other law of "
                 "`isoflop laws list`, by its general and slower path");
    options.list("--terms", terms_,
                 "instead of a law: columns x of L = E + the sum of A/x^alpha, such as "
                 "width,depth,params,tokens");
    options.choice("--approach", approach_, {"3"},
                   "estimator; 1 and 2 stand side by side with it in `isoflop compare`");
    options.flag("--tied", tied_, "alpha = beta");
    options.number("--floor", floor_, "hold E at this value (0: no floor)", NumberRange::not_negative());
    options.text("--delta", delta_, "Huber threshold on the residual; infinity = least squares");
    options.choice("--residual", residual_, {"log", "raw"}, "compare logarithms of losses, or losses");
    options.number("--overestimate-penalty", overestimate_,
                   "factor on runs that beat the law; above 1 the law bends towards the lowest losses",
                   NumberRange::positive());
    options.group("Uncertainty");
    options.whole("--bootstrap", chosen_replicates_, "replicates; 0 = none; 1000, or 100 where a fit takes long", 0,
                  10000000);
    std::vector<std::string> schemes;
    for (Scheme scheme : all_schemes()) schemes.push_back(scheme_name(scheme));
    options.choice("--scheme", scheme_, schemes, "what is resampled; cluster-size where sizes repeat is the safest");
    options.choice("--interval", interval_, {"percentile", "normal", "bca"}, "how draws become intervals");
    options.number("--level", level_, "probability that intervals are meant to cover", {0.5, 0.999});
    options.flag("--schemes", all_schemes_,
                 "standard errors and intervals under every scheme, and profile likelihoods");
    options.flag("--draws", keep_draws_, "put every replicate into the result");
    options.group("Answers");
    options.list("--compute", budgets_, "budgets in FLOP for the optimal allocation");
    options.flag("--diagnostics", diagnostics_,
                 "sweeps over threshold and outliers, influence, hindcast, tests of the form");
  }

  Report run(const Settings& settings) override {
    if (law_ == "coupled") law_ = "chinchilla-coupled";
    const bool fast = terms_.empty() && (law_ == "chinchilla" || law_ == "chinchilla-coupled");
    replicates_ = chosen_replicates_.value_or(fast ? 1000 : 100);
    if (!fast) return other_law(settings);
    FitAnalysis analysis = analysed(settings);
    Report report;
    report.command = "fit";
    report.inputs.push_back(
        {analysis.runs.name(), analysis.runs.sha256(), analysis.runs.size(), analysis.runs.rows_dropped()});
    if (!analysis.draws.laws.empty()) report.seed = settings.seed;
    report_fit(report, analysis);
    report_certificate(report, analysis);
    if (analysis.fit.usable()) {
      report_allocation(report, analysis, budgets());
      report.plots = {contour_plot(analysis.runs, analysis.fit, analysis.interval(exponent_a_quantity())),
                      isoflop_plot(analysis.runs, analysis.fit), residual_plot(analysis.runs, analysis.fit)};
      if (!analysis.draws.laws.empty()) report.plots.push_back(cloud_plot(analysis.fit, analysis.draws));
      if (all_schemes_) {
        settings.progress(0.4, "schemes");
        report_schemes(report, analysis);
        report.plots.push_back(surface_of(analysis));
      }
      if (diagnostics_) {
        settings.progress(0.7, "diagnostics");
        report_diagnostics(report, analysis);
      }
    }
    if (keep_draws_) report_draws(report, analysis);
    warn(report, analysis);
    assume(report, analysis);
    if (analysis.fit.status != FitStatus::Certified) report.distrust = analysis.fit.reason;
    report.headline = fit_headline(analysis);
    return report;
  }

 private:
  Report other_law(const Settings& settings) const {
    if (tied_ || floor_ || residual_ != "log" || overestimate_ != 1 || scheme_ != "pairs" ||
        interval_ != "percentile" || all_schemes_ || diagnostics_ || keep_draws_ || !budgets_.empty())
      throw Error(
          Fault::Usage,
          "--tied, --floor, --residual, --overestimate-penalty, --scheme, --interval, --schemes, --draws, --compute "
          "and --diagnostics are for the laws chinchilla and chinchilla-coupled");
    OtherLawRequest request;
    request.source = source_;
    request.law = law_;
    request.terms = terms_;
    request.columns = columns_;
    request.exclude_highest = static_cast<std::size_t>(exclude_);
    request.delta = read_delta(delta_);
    request.replicates = static_cast<std::size_t>(replicates_);
    request.level = level_;
    return fit_other_law(request, settings);
  }

  FitAnalysis analysed(const Settings& settings) const {
    FitAnalysis analysis;
    analysis.all = open_runs(source_, columns_, settings.data);
    analysis.runs = analysis.all.excluding_highest(static_cast<std::size_t>(exclude_));
    analysis.law_name = law_;
    auto& options = analysis.options;
    options.delta = read_delta(delta_);
    options.residual = residual_ == "raw" ? Residual::RawLoss : Residual::LogLoss;
    options.overestimate_penalty = overestimate_;
    options.tied_exponents = tied_;
    options.coupled = law_ == "chinchilla-coupled";
    options.fixed_E = floor_;
    options.threads = settings.threads;
    analysis.fit = fit_chinchilla(analysis.runs, options);
    analysis.level = level_;
    analysis.kind = interval_ == "normal" ? IntervalKind::Normal
                    : interval_ == "bca"  ? IntervalKind::Bca
                                          : IntervalKind::Percentile;
    analysis.settings.scheme = scheme_from_name(scheme_);
    analysis.settings.replicates = static_cast<std::size_t>(replicates_);
    analysis.settings.seed = settings.seed;
    analysis.settings.threads = settings.threads;
    if (!analysis.fit.usable()) return analysis;
    const auto sizes = scheme_groups(analysis.runs, Scheme::ClusterBySize);
    analysis.size_correlation = residual_correlation(analysis.fit, sizes, settings.seed);
    if (!options.coupled) {
      BootstrapOptions none;
      none.replicates = 0;
      none.scheme = Scheme::Wild;
      if (const auto test = test_form(analysis.runs, options, Restriction::NoCoupling, none))
        analysis.coupling_ratio = test->likelihood_ratio;
    }
    if (replicates_ == 0) return analysis;
    settings.progress(0.1, "bootstrap");
    if (scheme_problem(analysis.runs, analysis.settings.scheme).empty()) {
      analysis.draws = bootstrap(analysis.runs, analysis.fit, options, analysis.settings);
      if (analysis.kind == IntervalKind::Bca)
        analysis.left_out = jackknife(analysis.runs, analysis.fit, options,
                                      scheme_groups(analysis.runs, analysis.settings.scheme), settings.threads);
    }
    const bool sizes_repeat =
        analysis.size_correlation.groups >= 10 && 2 * analysis.size_correlation.groups <= sizes.size();
    if (sizes_repeat && scheme_problem(analysis.runs, Scheme::ClusterBySize).empty()) {
      BootstrapOptions clustered = analysis.settings;
      clustered.scheme = Scheme::ClusterBySize;
      analysis.clustered = analysis.settings.scheme == Scheme::ClusterBySize
                               ? analysis.draws
                               : bootstrap(analysis.runs, analysis.fit, options, clustered);
    }
    return analysis;
  }

  std::vector<double> budgets() const {
    std::vector<double> list;
    for (const auto& text : budgets_) {
      const auto value = parse_number(text);
      if (!value || !(*value > 0))
        throw Error(Fault::Usage, "--compute: \"" + text + "\" is not a positive number of FLOP");
      list.push_back(*value);
    }
    return list;
  }

  PlotSpec surface_of(const FitAnalysis& analysis) const {
    const auto& law = analysis.fit.law;
    const auto reach = [&](const Functional& f) {
      const double se = percentile_interval(analysis.draws, law, f, level_).se;
      return std::isfinite(se) ? std::min(3 * se, 0.8 * f(law)) : 0.2 * f(law);
    };
    const double da = reach([](const ChinchillaLaw& l) { return l.alpha; });
    const double db = reach([](const ChinchillaLaw& l) { return l.beta; });
    return surface_plot(analysis.fit,
                        profile_surface(analysis.runs, analysis.fit, analysis.options, law.alpha - da, law.alpha + da,
                                        law.beta - db, law.beta + db, 48, analysis.options.threads));
  }

  void warn(Report& report, const FitAnalysis& analysis) const {
    if (replicates_ > 0 && analysis.fit.usable())
      if (auto problem = scheme_problem(analysis.runs, analysis.settings.scheme); !problem.empty())
        report.warnings.push_back("no intervals: " + problem);
    if (analysis.draws.failed * 100 > analysis.settings.replicates)
      report.warnings.push_back(fmt::format("{} of {} replicates gave no fit and are left out of the intervals",
                                            analysis.draws.failed, analysis.settings.replicates));
    const bool by_size = scheme_ == "cluster-size" || scheme_ == "wild-cluster-size";
    if (!analysis.draws.laws.empty() && !by_size && analysis.size_correlation.p < 0.05)
      report.warnings.push_back(fmt::format(
          "runs of one model size err together (intraclass correlation {:.2f}, p = {:.3f}): intervals that resample "
          "single runs are too narrow; see `recommended`, or use --scheme cluster-size --interval normal",
          analysis.size_correlation.intraclass, analysis.size_correlation.p));
    if (analysis.coupling_ratio > chi_squared_quantile(0.999, 1))
      report.warnings.push_back(fmt::format(
          "the additive form is rejected by a free exponent k on the sum of its terms (likelihood ratio {:.1f}, "
          "believing "
          "errors independent and alike); --diagnostics tests it without that belief, --law chinchilla-coupled fits it",
          analysis.coupling_ratio));
  }

  void assume(Report& report, const FitAnalysis& analysis) const {
    const auto& options = analysis.options;
    report.assumptions.push_back({"compute", "C = 6ND", "FLOP", "Kaplan et al. 2020, arXiv:2001.08361"});
    report.assumptions.push_back(
        {"objective",
         options.residual == Residual::LogLoss ? "sum of Huber(ln L - ln predicted)" : "sum of Huber(L - predicted)",
         "",
         "Hoffmann et al. 2022, arXiv:2203.15556, section 3.3; sum, not mean: Besiroglu et al. 2024, "
         "arXiv:2404.10102"});
    report.assumptions.push_back({"huber_delta",
                                  std::isfinite(options.delta) ? Value(options.delta) : Value("infinity"), "",
                                  options.delta == 1e-3 ? "Hoffmann et al. 2022, arXiv:2203.15556" : "--delta"});
    if (!analysis.draws.laws.empty())
      report.assumptions.push_back({"exchangeable", scheme_description(analysis.settings.scheme), "", "--scheme"});
  }

  std::string source_, law_ = "chinchilla", approach_ = "3", delta_ = "0.001", residual_ = "log", scheme_ = "pairs",
                       interval_ = "percentile";
  RunColumns columns_;
  long exclude_ = 0, replicates_ = 1000;
  std::optional<long> chosen_replicates_;
  std::vector<std::string> terms_;
  bool tied_ = false, keep_draws_ = false, all_schemes_ = false, diagnostics_ = false;
  std::optional<double> floor_;
  double overestimate_ = 1, level_ = 0.9;
  std::vector<std::string> budgets_;
};

}  // namespace

std::unique_ptr<Command> make_fit() { return std::make_unique<FitCommand>(); }

}  // namespace isoflop::app
