// The options of `outliers` and `predict --benchmark`.
#include "apps/scores/score_study.h"

namespace isoflop::app {

using namespace isoflop::fits;

void ScoreOptions::declare_data(OptionSet& options) {
  options.group("Models and scores");
  options.text("--benchmark", benchmark, "benchmark code, e.g. mmlu, gsm8k, hellaswag, arena_elo");
  options.choice("--kind", kind, {"base-first", "base", "instruct", "any"},
                 "which scores count; base-first takes instruct ones only where a model has no base score");
  options.choice("--harness", harness, {"any", "uniform", "reported"},
                 "any: the uniform harness where it measured the model, else the best report; uniform: nothing else");
  options.choice("--convention", convention, {"all", "without-input-embedding", "non-embedding"},
                 "which active parameters count");
  options.list("--family", families, "only these families");
  options.list("--exclude", exclude, "leave out these models or families");
  options.list("--openness", openness, "only these, e.g. open-weights,open-data,fully-open");
  options.list("--data-regime", data_regimes,
               "only models whose training data are described with one of these words, e.g. web,code,synthetic");
  options.text("--since", since, "released on or after this date");
  options.text("--until", until, "released on or before this date: the question as it stood then");
  options.list("--add", add, "CSV of models joined to the fit (columns name,active_params,tokens,score)");
  options.flag("--fit-inherited", fit_inherited,
               "let pruned models, whose parent's compute is not counted, shape the curve");
}

void ScoreOptions::declare_fit(OptionSet& options) {
  options.group("Curve");
  std::vector<std::string> links = {"auto-x", "auto"};
  for (const auto& name : link_names()) links.push_back(name);
  options.choice(
      "--link", link, links,
      "shape of the curve; auto: smallest leave-one-family-out error of all; auto-x: of the curves in x alone");
  options.choice("--loss", loss, loss_names(), "what far points cost");
  options.number("--loss-scale", loss_scale,
                 "residual at which the loss begins to bend, in points; default: half the RMSE of a least-squares "
                 "curve, at least 5",
                 NumberRange::positive());
  options.number("--floor", floor, "score of guessing");
  options.number("--ceiling", ceiling, "score of a perfect solver");
  options.number("--score-noise", score_noise, "standard deviation of one measurement, in points",
                 NumberRange::not_negative());
  options.number("--level", level, "probability of intervals", {0.5, 0.999, false});
  options.whole("--bootstrap", bootstrap,
                "resamples of families for intervals of coefficients and multipliers; 0 = none", 0, 100000);
}

}  // namespace isoflop::app
