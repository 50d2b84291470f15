#include "isoflop/fits/catalogue_scores.h"

#include <algorithm>
#include <cmath>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/fits/benchmark_bounds.h"
#include "isoflop/fits/score_regression.h"
#include "paths.h"

using namespace isoflop;
using namespace isoflop::fits;

namespace {

const ModelCatalogue& catalogue() {
  static const auto models = ModelCatalogue::load();
  return models;
}
const ScoreTable& scores() {
  static const auto table = ScoreTable::load();
  return table;
}

const ScoredModel* find(const SelectedScores& selected, const std::string& name) {
  for (const auto& model : selected.models)
    if (model.name == name) return &model;
  return nullptr;
}

double left_out_rmse(const SelectedScores& selected, Link link, LossKind loss) {
  RegressionSettings settings;
  settings.bounds = benchmark_facts("mmlu").bounds;
  settings.link = link;
  settings.compare_links = false;
  settings.loss = loss;
  settings.threads = 1;
  return regress(selected.models, settings).trials.at(0).rmse;
}

}  // namespace

TEST_CASE("a base score stands before an instruct one, and the uniform harness before reports") {
  ScoreSelection selection;
  const auto selected = select_scores(catalogue(), scores(), selection);
  REQUIRE(find(selected, "Llama-3-8B"));
  CHECK(find(selected, "Llama-3-8B")->kind == "base");
  CHECK(find(selected, "Llama-3-8B")->score == 66.49);  // ObsScaling; the card says 66.6
  REQUIRE(find(selected, "Phi-3-mini"));
  CHECK(find(selected, "Phi-3-mini")->kind == "instruct");
  CHECK(find(selected, "Phi-3-mini")->score == 68.8);
  selection.harness = HarnessFilter::Reported;
  CHECK(find(select_scores(catalogue(), scores(), selection), "Llama-3-8B")->score == 66.6);
  selection.kind = KindFilter::Base;
  CHECK_FALSE(find(select_scores(catalogue(), scores(), selection), "Phi-3-mini"));
}

TEST_CASE("undisclosed tokens leave a model out by name, unless a range is assumed for them") {
  ScoreSelection selection;
  const auto without = select_scores(catalogue(), scores(), selection);
  CHECK_FALSE(find(without, "Mixtral-8x7B"));
  const auto group = std::find_if(without.left_out.begin(), without.left_out.end(),
                                  [](const LeftOut& g) { return g.reason == "training tokens undisclosed"; });
  REQUIRE(group != without.left_out.end());
  CHECK(std::find(group->models.begin(), group->models.end(), "Mixtral-8x7B") != group->models.end());
  selection.token_ranges = {{"mixtral 8x7b", 4e12, 16e12}};
  const auto with = select_scores(catalogue(), scores(), selection);
  REQUIRE(find(with, "Mixtral-8x7B"));
  CHECK(*find(with, "Mixtral-8x7B")->tokens_low == 4e12);
  CHECK(agrees(*find(with, "Mixtral-8x7B")->tokens, 8e12, 12));
}

TEST_CASE("the three conventions of active parameters, on the models whose owners use them") {
  // OpenAI states 3.61e9 and 5.13e9 without the input embedding; the recount with both embeddings is 4.19e9 and 5.71e9.
  const auto& small = catalogue().require("gpt-oss-20b");
  CHECK(agrees(*active_params(small, Convention::WithoutInputEmbedding), 3.61e9, 2.5));
  CHECK(agrees(*active_params(small, Convention::All), 4.19e9, 2.5));
  CHECK(agrees(*active_params(catalogue().require("gpt-oss-120b"), Convention::WithoutInputEmbedding), 5.13e9, 2.5));
  // Moonlight states 2.24e9 without either.
  CHECK(agrees(*active_params(catalogue().require("moonlight-16b-a3b"), Convention::NonEmbedding), 2.24e9, 2.3));
  for (const auto& model : catalogue().all()) {
    const auto all = active_params(model, Convention::All),
               head = active_params(model, Convention::WithoutInputEmbedding),
               none = active_params(model, Convention::NonEmbedding);
    CAPTURE(model.id);
    if (all && head) CHECK(*head <= *all);
    if (head && none) CHECK(*none <= *head + 1);
  }
}

TEST_CASE("compute is six times active parameters times tokens, or the plain product") {
  ScoreSelection selection;
  const auto flop = select_scores(catalogue(), scores(), selection);
  selection.flop_per_param_token = 1;
  const auto product = select_scores(catalogue(), scores(), selection);
  // Llama-2-7B: 6,738,415,616 parameters, 2e12 tokens.
  CHECK(agrees(*find(flop, "Llama-2-7B")->compute, 6 * 6738415616.0 * 2e12, 12));
  CHECK(agrees(*find(product, "Llama-2-7B")->compute, 6738415616.0 * 2e12, 12));
}

TEST_CASE("dates, families and data regimes filter, and unknown names are refused") {
  ScoreSelection selection;
  selection.until = decimal_year("2024-04-30");
  const auto early = select_scores(catalogue(), scores(), selection);
  CHECK(find(early, "Arctic"));
  CHECK_FALSE(find(early, "Phi-3-medium"));
  selection.families = {"Phi", "qwen1.5"};
  for (const auto& model : select_scores(catalogue(), scores(), selection).models)
    CHECK((model.family == "Phi" || model.family == "Qwen1.5"));
  selection.families = {"Quen1.5"};
  CHECK_THROWS_WITH_AS(select_scores(catalogue(), scores(), selection), doctest::Contains("Qwen1.5"), Error);
  selection = {};
  selection.benchmark = "mmul";
  CHECK_THROWS_WITH_AS(select_scores(catalogue(), scores(), selection), doctest::Contains("mmlu"), Error);
}

TEST_CASE(
    "models pruned from a larger one are judged but do not shape the curve, because 6ND leaves out their parent") {
  const auto selected = select_scores(catalogue(), scores(), {});
  for (const char* name : {"Minitron-4B", "Minitron-8B", "Falcon3-1B", "Falcon3-3B"}) {
    CAPTURE(name);
    REQUIRE(find(selected, name));
    CHECK_FALSE(find(selected, name)->is_fitted());
  }
  ScoreSelection all;
  all.fit_inherited = true;
  CHECK(find(select_scores(catalogue(), scores(), all), "Minitron-4B")->is_fitted());
}

TEST_CASE("ratings all come from one date") {
  ScoreSelection selection;
  selection.benchmark = "arena_elo";
  const auto selected = select_scores(catalogue(), scores(), selection);
  CHECK_FALSE(selected.rating_date.empty());
  CHECK(selected.models.size() > 30);
  for (std::size_t i = 0; i < selected.models.size(); ++i) {
    bool found = false;
    for (const ScoreRecord* record : scores().of(selected.ids[i], "arena_elo"))
      found = found || (record->date == selected.rating_date && record->value == selected.models[i].score);
    CHECK(found);
  }
}

TEST_CASE("the catalogue's points lie where a published plot has them, within 4 % of compute") {
  // Read off a plot of April 2024 that puts N x D on its x axis; see ../shared/data/README.md.
  CsvTable plot = [] {
    try {
      return CsvTable::read(std::string(ground_truth_dir) + "/data/published_plot_mmlu_vs_compute.csv");
    } catch (const Error&) {
      return CsvTable::parse("label,active_params_times_tokens_read\n", "absent");
    }
  }();
  if (plot.rows() == 0) {
    MESSAGE("skipped: the digitised plot is not here");
    return;
  }
  ScoreSelection selection;
  selection.flop_per_param_token = 1;
  const auto selected = select_scores(catalogue(), scores(), selection);
  std::size_t compared = 0;
  for (std::size_t row = 0; row < plot.rows(); ++row) {
    const std::string label(plot.text(row, plot.column("label")));
    const ScoredModel* model = find(selected, label);
    // The plot's author took "7B" at its word for Llama-2-7B (6.74e9 parameters) and Qwen1.5-7B (7.72e9), 7.94e9 for
    // Gemma-7B (8.54e9) and the size of the data set for StableLM-alpha, and drew Arctic by hand.
    if (!model || label == "Gemma-7B" || label == "Llama-2-7B" || label == "Qwen1.5-7B" || label == "Arctic" ||
        label.rfind("StableLM", 0) == 0)
      continue;
    CAPTURE(label);
    CHECK(std::fabs(*model->compute / *plot.number(row, plot.column("active_params_times_tokens_read")) - 1) < 0.04);
    ++compared;
  }
  CHECK(compared >= 15);
}

TEST_CASE("MMLU's ceiling follows from the counted errors of its questions") {
  const auto errors = mmlu_key_errors();
  CHECK(errors.questions == 14042);
  // MMLU-Redux 2.0, weighted by subject: 1.42 % wrong key, 0.62 % no correct answer, 1.54 % several.
  CHECK(std::fabs(errors.wrong_key - 1.42) < 0.005);
  CHECK(std::fabs(errors.no_correct_answer - 0.62) < 0.005);
  CHECK(std::fabs(errors.several_correct - 1.54) < 0.005);
  CHECK(std::fabs(errors.unclear - 2.91) < 0.011);
  const auto facts = benchmark_facts("mmlu");
  CHECK(*facts.bounds.ceiling == 96);
  CHECK(*facts.bounds.floor == 25);
  CHECK_FALSE(benchmark_facts("arena_elo").bounds.floor);
}

TEST_CASE("every benchmark of the catalogue is known to the regression by name, unit and bounds") {
  for (const auto& code : scores().benchmarks()) {
    CAPTURE(code);
    const auto facts = benchmark_facts(code);
    CHECK(facts.title != code);
    if (code != "arena_elo") {
      REQUIRE(facts.bounds.floor);
      REQUIRE(facts.bounds.ceiling);
      for (const auto& record : scores().all())
        if (record.benchmark == code && record.usable()) CHECK(record.value <= facts.bounds.most);
    }
  }
}

TEST_CASE("left-out errors on the uniform harness have the published magnitudes") {
  // Reference: 123 models of the same table, corrected, least squares: linear 13.3, logistic with free ceiling 9.23,
  // in log N and log D 8.44 points. Ours are 108 of them with recounted sizes, so a point is allowed.
  ScoreSelection selection;
  selection.kind = KindFilter::Base;
  selection.harness = HarnessFilter::Uniform;
  const auto selected = select_scores(catalogue(), scores(), selection);
  CHECK(selected.models.size() > 100);
  CHECK(std::fabs(left_out_rmse(selected, Link::Linear, LossKind::LeastSquares) - 13.3) < 1);
  CHECK(std::fabs(left_out_rmse(selected, Link::LogisticFreeCeiling, LossKind::LeastSquares) - 9.23) < 1);
  CHECK(std::fabs(left_out_rmse(selected, Link::LogisticParamsTokensFreeCeiling, LossKind::LeastSquares) - 8.44) < 1);
  // The bar to stay under, with the robust loss that is the default.
  CHECK(left_out_rmse(selected, Link::LogisticParamsTokensFreeCeiling, LossKind::Cauchy) <= 8.5);
}

TEST_CASE("the straight line through good base models has the published slope") {
  // Reference: base models at 30 or more, n = 112: 12.70 points per decade, residual deviation 10.5. The tables have
  // grown since, hence the tolerances.
  ScoreSelection selection;
  selection.kind = KindFilter::Base;
  selection.fit_inherited = true;
  auto selected = select_scores(catalogue(), scores(), selection);
  std::erase_if(selected.models, [](const ScoredModel& model) { return model.score < 30; });
  RegressionSettings settings;
  settings.link = Link::Linear;
  settings.compare_links = false;
  settings.loss = LossKind::LeastSquares;
  settings.threads = 1;
  const auto r = regress(selected.models, settings);
  CHECK(std::fabs(r.fit.curve.slope[0] - 12.70) < 0.6);
  CHECK(std::fabs(r.rmse - 10.5) < 0.6);
}
