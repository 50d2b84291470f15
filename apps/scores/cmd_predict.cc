// What a planned run may be expected to reach. With --params: its loss, by a loss law. Else its benchmark score.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/commands.h"
#include "apps/losses/predict_loss.h"
#include "apps/scores/score_study.h"
#include "isoflop/error.h"
#include "isoflop/fits/outliers.h"
#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

using namespace isoflop::fits;

struct PredictOptions {
  ScoreOptions score;
  std::optional<double> active_params, tokens, compute, observed;
};

/// Values that are drawn by resampling: the curve's own uncertainty.
OpenInterval confidence(const ScoreRegression& r, const std::vector<double>& x) {
  std::vector<double> draws;
  for (const ScoreCurve& curve : r.resampled) draws.push_back(curve.mean(x));
  return open_interval(std::move(draws), r.settings.level);
}

ScoredModel asked_for(const PredictOptions& options) {
  ScoredModel model;
  model.name = "the model asked for";
  model.active_params = options.active_params;
  model.tokens = options.tokens;
  model.score = options.observed.value_or(0);
  model.not_fitted = "judged only, as asked";
  if (options.active_params && options.tokens) model.compute = 6 * *options.active_params * *options.tokens;
  else model.compute = options.compute;
  if (!model.compute)
    throw Error(Fault::Usage, "predict --benchmark needs --active-params and --tokens, or --compute");
  if (options.compute && options.active_params && options.tokens &&
      std::fabs(*options.compute / *model.compute - 1) > 0.01)
    throw Error(Fault::Usage,
                fmt::format("--compute {} is not 6 x --active-params x --tokens = {}; give one or the other",
                            format_number(*options.compute), format_number(*model.compute)));
  return model;
}

/// Models of the table most like the one asked for, in the features of the link.
ReportTable neighbours(const ScoreStudy& study, const std::vector<double>& x) {
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < study.models.size(); ++i) {
    const auto f = study.regression.features(study.models[i]);
    double distance = 0;
    for (std::size_t j = 0; j < x.size(); ++j) distance += (f[j] - x[j]) * (f[j] - x[j]);
    order.emplace_back(distance, i);
  }
  std::sort(order.begin(), order.end());
  ReportTable table{"Nearest models",
                    {{"Model", "name", Align::Left},
                     {"Active parameters", "active_params", Align::Right, 3, true},
                     {"Tokens", "tokens", Align::Right, 3, true},
                     {"Score", "score", Align::Right, 3},
                     {"Kind", "kind", Align::Left}},
                    {},
                    ""};
  for (std::size_t k = 0; k < std::min<std::size_t>(order.size(), 6); ++k) {
    const ScoredModel& m = study.models[order[k].second];
    const auto cell = [](const std::optional<double>& v) { return v ? TableCell(*v) : TableCell(); };
    table.rows.push_back({m.name, cell(m.active_params), cell(m.tokens), m.score, m.kind});
  }
  return table;
}

std::string past_extrapolation(const std::vector<ExtrapolationTest>& tests) {
  if (tests.empty()) return "";
  double least = 1e300, most = 0;
  for (const ExtrapolationTest& t : tests) least = std::min(least, t.rmse), most = std::max(most, t.rmse);
  return fmt::format(
      "; fitted to the lower half to four fifths of compute, this curve missed the rest by {:.0f} to {:.0f} points",
      least, most);
}

Report predict_score(PredictOptions options, const Settings& settings) {
  const ScoredModel model = asked_for(options);
  // Without both size and tokens only curves in compute can answer.
  if (!(model.active_params && model.tokens) && options.score.link == "auto") options.score.link = "auto-x";
  const ScoreStudy study = load_score_study(options.score, settings);
  const ScoreRegression& r = study.regression;
  const auto x = r.features(model);
  if (x.empty()) throw Error(Fault::Usage, "link " + link_name(r.link) + " needs --active-params and --tokens");
  const double mean = r.fit.curve.mean(x), scale = r.scale_at(x);
  const auto [low, high] = interval_about(r, mean, scale, study.facts.noise);
  const OpenInterval curve = confidence(r, x);
  double most_compute = 0, least_compute = 1e300;
  for (const ScoredModel& m : study.models)
    if (m.is_fitted())
      most_compute = std::max(most_compute, *m.compute), least_compute = std::min(least_compute, *m.compute);

  const auto tests = test_extrapolation(study.models, r);
  Report report;
  report.command = "predict";
  report.headline = fmt::format(
      "A typical model of that size and training is expected to score {:.1f} on {} ({:.0f} % interval {:.1f} to "
      "{:.1f}).",
      mean, study.facts.title, 100 * r.settings.level, low, high);
  Value& v = report.result;
  v["benchmark"] = study.facts.code;
  v["link"] = link_name(r.link);
  v["n"] = r.fitted;
  v["active_params"] = model.active_params;
  v["tokens"] = model.tokens;
  v["compute_flop"] = model.compute;
  v["score"] = Value::object({{"estimate", Value(mean)}, {"low", Value(low)}, {"high", Value(high)}});
  v["typical_score"] = open_value(mean, curve.low, curve.high);
  v["level"] = r.settings.level;
  v["coverage_left_out"] = r.coverage;
  v["cross_validation"] = cross_validation(study);
  v["coefficients"] = coefficients(study);
  v["extrapolation"] = extrapolation(tests);
  ReportTable table{"",
                    {{"Quantity", "quantity", Align::Left},
                     {"Estimate", "estimate", Align::Right, 3},
                     {"Low", "low", Align::Right, 3},
                     {"High", "high", Align::Right, 3}},
                    {},
                    ""};
  const auto cell = [](const std::optional<double>& value) { return value ? TableCell(*value) : TableCell(); };
  table.rows.push_back({std::string("score of one such model"), mean, low, high});
  table.rows.push_back({std::string("score of the typical one"), mean, cell(curve.low), cell(curve.high)});
  table.note = fmt::format(
      "One such model: {:.0f} % interval, which holds {:.0f} % of the models that were left out by family. The typical "
      "one: uncertainty "
      "of the curve alone, {} resamples of families.",
      100 * r.settings.level, 100 * r.coverage, r.resampled.size());
  report.tables.push_back(std::move(table));
  if (options.observed) {
    auto models = study.models;
    models.push_back(model);
    ScoreRegression with_it = r;
    with_it.left_out_prediction.push_back(mean);
    with_it.left_out_scale.push_back(scale);
    const Judgement j = judge(models, with_it, study.facts.noise).judgements.back();
    Value judged = Value::object();
    judged["score"] = model.score;
    judged["z"] = j.z;
    judged["p_value"] = j.p_value;
    judged["is_outlier"] = j.is_outlier;
    judged["compute_multiplier"] =
        open_value(j.compute_multiplier.estimate, j.compute_multiplier.low, j.compute_multiplier.high);
    v["observed"] = std::move(judged);
    report.headline += fmt::format(" A score of {:.1f} lies {} that interval (z = {:.1f}).", model.score,
                                   j.is_outlier ? "outside" : "within", j.z);
  }
  report.tables.push_back(neighbours(study, x));
  report.tables.push_back(link_table(study));
  report.explanation.push_back(coefficient_table(study));
  if (!tests.empty()) report.explanation.push_back(extrapolation_table(study, tests));
  report.inputs = study.inputs;
  report.assumptions = study.assumptions;
  report.warnings = study.warnings;
  if (*model.compute > most_compute || *model.compute < least_compute)
    report.warnings.push_back(
        fmt::format("extrapolated: the fit covers {} to {} FLOP, and the interval only knows scatter inside that range",
                    format_number(least_compute, 2), format_number(most_compute, 2)) +
        past_extrapolation(tests));
  if (options.score.bootstrap > 0) report.seed = settings.seed;
  if (!r.fit.converged) report.distrust = "the curve did not converge; try another --link or --loss";
  return report;
}

class PredictCommand : public Command {
 public:
  std::string name() const override { return "predict"; }
  std::string summary() const override {
    return "loss (by a law) or benchmark score that a model of given size and tokens may be expected to reach";
  }
  std::string examples() const override {
    return "isoflop predict --benchmark mmlu --active-params 3.8B --tokens 3.3T\n"
           "isoflop predict --benchmark mmlu --active-params 3.8B --tokens 3.3T --score 68.8\n"
           "isoflop predict --benchmark gsm8k --compute 1e24\n"
           "isoflop predict --params 8B --tokens 15T                loss, by the refitted Chinchilla law\n"
           "isoflop predict --params 8B --tokens 15T --law hoffmann\n"
           "isoflop predict --params 1B --tokens 100B --law step-law-rate\n";
  }
  void declare(OptionSet& options) override {
    options_.score.link = "auto";
    options.group("The model");
    options.number("--active-params", options_.active_params, "parameters used per token", NumberRange::positive());
    options.number("--tokens", options_.tokens, "training tokens", NumberRange::positive());
    options.number("--compute", options_.compute, "training FLOP, instead of both", NumberRange::positive());
    options.number("--score", options_.observed, "a score to judge against the prediction");
    options.group("A loss, by a law");
    options.number("--params", loss_.params, "all parameters; asks for the loss instead of a score",
                   NumberRange::positive());
    options.number("--observed-loss", loss_.observed, "a loss to judge against the prediction",
                   NumberRange::positive());
    loss_.law.declare(options);
    options_.score.declare_data(options);
    options_.score.declare_fit(options);
  }
  Report run(const Settings& settings) override {
    if (!loss_.asked()) return predict_score(options_, settings);
    if (options_.active_params || options_.compute || options_.observed)
      throw Error(Fault::Usage,
                  "--params asks for a loss; --active-params, --compute and --score ask for a benchmark score: give "
                  "one or the other");
    loss_.tokens = options_.tokens;
    return predict_loss(loss_, settings);
  }

 private:
  LossQuestion loss_;
  PredictOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_predict() { return std::make_unique<PredictCommand>(); }

}  // namespace isoflop::app
