// Which models break the score-versus-compute line, and are they hints of what typical models reach later?
#include "apps/commands.h"
#include "apps/scores/outlier_findings.h"
#include "apps/scores/score_plots.h"

namespace isoflop::app {
namespace {

using namespace isoflop::fits;

class OutliersCommand : public Command {
 public:
  std::string name() const override { return "outliers"; }
  std::string summary() const override {
    return "which models break the score-versus-compute line, by how much, and whether they were hints";
  }
  std::string examples() const override {
    return "isoflop outliers\n"
           "isoflop outliers --benchmark mmlu --until 2024-04-30 -o outliers.svg\n"
           "isoflop outliers --kind base --harness uniform --json\n"
           "isoflop outliers --benchmark gsm8k --x active-params\n"
           "isoflop outliers --tokens Mixtral-8x7B=4T:12T\n"
           "isoflop outliers my_models.csv --x compute --y score\n"
           "isoflop outliers --score-only my_models.csv\n";
  }
  void declare(OptionSet& options) override {
    options.positional("FILE", options_.file,
                       "CSV of scored models (name,active_params,tokens,score ...); default: the catalogue", false);
    options_.declare_data(options);
    options.list("--score-only", options_.score_only, "CSV of models to judge without fitting them");
    options.list("--tokens", options_.token_ranges,
                 "NAME=LOW:HIGH, training tokens assumed for a model that does not disclose them");
    options.text("--x", options_.x,
                 "compute, active-params, total-params, tokens, release-date, a benchmark, or a column of FILE");
    options.text("--y", options_.y, "column of FILE that holds the score; without FILE, the benchmark");
    options.choice("--compute", options_.compute, {"6nd", "nd"},
                   "compute as 6 N D in FLOP, or the plain product N x D");
    options.flag("--fractions", options_.fractions, "scores of FILE are fractions from 0 to 1");
    options_.declare_fit(options);
  }
  Report run(const Settings& settings) override {
    const Findings f = find_outliers(options_, settings);
    const auto& r = f.study.regression;
    Report report;
    report.command = "outliers";
    report.headline = outlier_headline(f);
    report.warnings = f.study.warnings;
    report.result = outlier_result(f, report.warnings);
    report.tables.push_back(outlier_table(f));
    report.data_table = outlier_data_table(f);
    if (f.outliers.above > 0 && f.lead.possible) report.tables.push_back(outlier_hint_table(f));
    else if (!f.lead.possible) report.warnings.push_back("whether outliers are hints cannot be told: " + f.lead.reason);
    report.tables.push_back(link_table(f.study));
    report.explanation.push_back(coefficient_table(f.study));
    report.explanation.push_back(outlier_interval_table(f));
    if (!f.extrapolation.empty()) report.explanation.push_back(extrapolation_table(f.study, f.extrapolation));
    report.plots = score_plots(f.study, f.outliers);
    report.inputs = f.study.inputs;
    report.assumptions = f.study.assumptions;
    if (options_.bootstrap > 0) report.seed = settings.seed;
    if (!r.fit.converged) report.distrust = "the curve did not converge; try another --link or --loss";
    note_not_counted(f, report.warnings);
    return report;
  }

 private:
  static void note_not_counted(const Findings& f, std::vector<std::string>& warnings) {
    std::string inherited, instruct;
    for (const ScoredModel& m : f.study.models) {
      if (!m.is_fitted() && m.not_fitted.rfind("judged only", 0) != 0)
        inherited += (inherited.empty() ? "" : ", ") + m.name;
      if (f.study.from_catalogue && m.is_fitted() && m.kind != "base" && f.study.models.size() < 1000)
        instruct += (instruct.empty() ? "" : ", ") + m.name + " (" + m.kind + ")";
    }
    if (!inherited.empty())
      warnings.push_back("neither fitted nor called outliers, because 6ND leaves out the compute of their parent: " +
                         inherited);
    if (!instruct.empty()) warnings.push_back("no base score, so another kind stands in: " + instruct);
  }

  ScoreOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_outliers() { return std::make_unique<OutliersCommand>(); }

}  // namespace isoflop::app
