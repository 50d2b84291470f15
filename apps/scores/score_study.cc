#include "apps/scores/score_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "isoflop/error.h"
#include "isoflop/fits/outliers.h"
#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

using namespace isoflop::fits;

const std::vector<std::pair<std::string, Predictor>>& predictors() {
  static const std::vector<std::pair<std::string, Predictor>> names = {
      {"compute", Predictor::Compute}, {"active-params", Predictor::ActiveParams},
      {"total-params", Predictor::TotalParams}, {"tokens", Predictor::Tokens},
      {"release-date", Predictor::ReleaseDate}};
  return names;
}

Predictor predictor_of(const std::string& x) {
  for (const auto& [name, predictor] : predictors())
    if (name == x) return predictor;
  return Predictor::Other;
}

std::string title_of(const std::string& x, Predictor predictor, double flop_per_param_token) {
  switch (predictor) {
    case Predictor::Compute:
      return flop_per_param_token == 6 ? "Training compute, 6 x active parameters x tokens (FLOP)"
                                       : "Active parameters x training tokens";
    case Predictor::ActiveParams: return "Active parameters";
    case Predictor::TotalParams: return "Total parameters";
    case Predictor::Tokens: return "Training tokens";
    case Predictor::ReleaseDate: return "Release date";
    case Predictor::Other: return x;
  }
  return x;
}

/// A date or a part of one; the end of a part for `last`.
std::optional<double> date_option(const std::string& option, std::string text, bool last) {
  if (text.empty()) return std::nullopt;
  const std::string given = text;
  if (text.size() == 4) text += last ? "-12-31" : "-01-01";
  if (text.size() == 7) {
    std::string tried = text + "-01";
    for (const char* day : {"-31", "-30", "-29", "-28"})
      if (last && decimal_year(text + day)) {
        tried = text + day;
        break;
      }
    text = tried;
  }
  const auto year = decimal_year(text);
  if (!year) throw Error(Fault::Usage, option + ": \"" + given + "\" is not a date; expected one such as 2024-04-30");
  return year;
}

TokenRange token_range(const std::string& text) {
  const auto equals = text.rfind('='), colon = text.rfind(':');
  if (equals != std::string::npos && colon != std::string::npos && colon > equals) {
    const auto low = parse_number(text.substr(equals + 1, colon - equals - 1)),
               high = parse_number(text.substr(colon + 1));
    if (low && high && *low > 0 && *high >= *low && equals > 0) return {text.substr(0, equals), *low, *high};
  }
  throw Error(Fault::Usage, "--tokens: \"" + text + "\" is not NAME=LOW:HIGH; expected e.g. Mixtral-8x7B=4T:12T");
}

bool same(const std::string& a, const std::string& b) { return comparable_name(a) == comparable_name(b); }

bool listed(const std::vector<std::string>& list, const std::string& value) {
  return std::any_of(list.begin(), list.end(), [&](const std::string& item) { return same(item, value); });
}

/// Reads the options once into what the fits understand.
class Loader {
 public:
  Loader(const ScoreOptions& options, const Settings& settings) : options_(options), settings_(settings) {}

  ScoreStudy run() {
    study_.from_catalogue = options_.file.empty();
    study_.flop_per_param_token = options_.compute == "nd" ? 1 : 6;
    predictor_ = predictor_of(options_.x);
    benchmark_ = study_.from_catalogue && !options_.y.empty() ? options_.y : options_.benchmark;
    study_.facts = benchmark_facts(benchmark_, settings_.data);
    if (options_.floor) study_.facts.bounds.floor = options_.floor, study_.facts.floor_source = "given by --floor";
    if (options_.ceiling)
      study_.facts.bounds.ceiling = options_.ceiling, study_.facts.ceiling_source = "given by --ceiling";
    const auto& bounds = study_.facts.bounds;
    if (bounds.floor && bounds.ceiling && !(*bounds.floor < *bounds.ceiling))
      throw Error(Fault::Usage, "--floor must be less than --ceiling");
    if (options_.score_noise)
      study_.facts.noise = *options_.score_noise, study_.facts.noise_source = "given by --score-noise";
    study_.x_name = options_.x;
    since_ = date_option("--since", options_.since, false);
    until_ = date_option("--until", options_.until, true);
    if (study_.from_catalogue) read_catalogue();
    else read_file();
    study_.x_title = title_of(study_.x_name, predictor_, study_.flop_per_param_token);
    for (const auto& file : options_.add) join(file, "");
    for (const auto& file : options_.score_only) join(file, "judged only, as asked");
    fit();
    note_assumptions();
    note_warnings();
    return std::move(study_);
  }

 private:
  void read_catalogue() {
    ScoreSelection selection;
    selection.benchmark = benchmark_;
    selection.predictor = predictor_;
    if (predictor_ == Predictor::Other) selection.x_benchmark = options_.x;
    const std::vector<std::string> kinds = {"base-first", "base", "instruct", "any"},
                                   harnesses = {"any", "uniform", "reported"},
                                   conventions = {"all", "without-input-embedding", "non-embedding"};
    const auto position = [](const std::vector<std::string>& names, const std::string& name) {
      return static_cast<int>(std::find(names.begin(), names.end(), name) - names.begin());
    };
    selection.kind = static_cast<KindFilter>(position(kinds, options_.kind));
    selection.harness = static_cast<HarnessFilter>(position(harnesses, options_.harness));
    selection.convention = static_cast<Convention>(position(conventions, options_.convention));
    selection.flop_per_param_token = study_.flop_per_param_token;
    selection.families = options_.families;
    selection.exclude = options_.exclude;
    selection.openness = options_.openness;
    selection.data_regimes = options_.data_regimes;
    selection.since = since_;
    selection.until = until_;
    selection.fit_inherited = options_.fit_inherited;
    for (const auto& text : options_.token_ranges) selection.token_ranges.push_back(token_range(text));
    const auto models = ModelCatalogue::load(settings_.data);
    const auto scores = ScoreTable::load(settings_.data);
    auto selected = select_scores(models, scores, selection);
    study_.models = std::move(selected.models);
    study_.ids = std::move(selected.ids);
    study_.left_out = std::move(selected.left_out);
    const std::size_t used = study_.models.size();
    study_.inputs.push_back({models.origin().path, models.origin().sha256, used, models.origin().rows - used});
    study_.inputs.push_back({scores.origin().path, scores.origin().sha256, used, scores.origin().rows - used});
    if (!selected.rating_date.empty())
      study_.assumptions.push_back(
          {"rating_date", selected.rating_date, "date",
           "ratings of different dates are on different scales; this date rates the most models"});
    study_.source = "Source: isoflop catalogue of " + std::to_string(models.all().size()) +
                    " models, each value with its source; " + std::to_string(used) + " models with a score and known " +
                    options_.x;
    if (study_.models.empty())
      throw Error(Fault::Usage,
                  "no model of the catalogue passes the filters; loosen --kind, --family, --since or --until");
  }

  void read_file() {
    const CsvTable table = CsvTable::read(options_.file);
    ScoreTableColumns columns;
    if (!options_.y.empty()) columns.y = options_.y;
    if (predictor_ == Predictor::Other) columns.x = options_.x;
    auto rows = read_score_table(table, predictor_, columns, study_.flop_per_param_token);
    if (rows.x_is_compute) predictor_ = Predictor::Compute, study_.x_name = "compute";
    auto models = filtered(std::move(rows.models));
    study_.inputs.push_back({table.name(), table.sha256(), models.size(), table.rows() - models.size()});
    if (!rows.incomplete.empty()) study_.left_out.push_back({"score or x missing", std::move(rows.incomplete)});
    study_.models = std::move(models);
    study_.ids.assign(study_.models.size(), "");
    study_.source = "Source: " + table.name().substr(table.name().find_last_of('/') + 1) + ", " +
                    std::to_string(study_.models.size()) + " models";
  }

  std::vector<ScoredModel> filtered(std::vector<ScoredModel> models) {
    const bool by_kind = options_.kind == "base" || options_.kind == "instruct";
    std::erase_if(models, [&](const ScoredModel& model) {
      return (by_kind && model.kind != options_.kind) ||
             (!options_.families.empty() && !listed(options_.families, model.family)) ||
             listed(options_.exclude, model.name) ||
             (!model.family.empty() && listed(options_.exclude, model.family)) ||
             (since_ && !(model.release_year && *model.release_year >= *since_)) ||
             (until_ && !(model.release_year && *model.release_year <= *until_));
    });
    for (const auto& text : options_.token_ranges) {
      const TokenRange range = token_range(text);
      for (ScoredModel& model : models)
        if (same(model.name, range.model)) {
          model = with_tokens(std::move(model), std::sqrt(range.low * range.high));
          model.tokens_low = range.low;
          model.tokens_high = range.high;
          if (model.active_params) model.compute = study_.flop_per_param_token * *model.active_params * *model.tokens;
        }
    }
    if (options_.fractions)
      for (ScoredModel& model : models) model.score *= 100;
    return models;
  }

  /// Rows of a further table, fitted with the others or only judged.
  void join(const std::string& file, const std::string& not_fitted) {
    const CsvTable table = CsvTable::read(file);
    ScoreTableColumns columns;
    if (!study_.from_catalogue && !options_.y.empty()) columns.y = options_.y;
    if (predictor_ == Predictor::Other || (!study_.from_catalogue && predictor_of(options_.x) == Predictor::Other))
      columns.x = options_.x;
    auto rows = read_score_table(table, predictor_, columns, study_.flop_per_param_token);
    std::unordered_set<std::string> known;
    for (const ScoredModel& model : study_.models) known.insert(comparable_name(model.name));
    for (ScoredModel& model : rows.models) {
      if (!known.insert(comparable_name(model.name)).second)
        throw Error(Fault::BadInput, table.name() + ": \"" + model.name +
                                         "\" is already among the models; rename the row or use --exclude");
      model.not_fitted = not_fitted;
      if (options_.fractions) model.score *= 100;
    }
    study_.inputs.push_back({table.name(), table.sha256(), rows.models.size(), rows.incomplete.size()});
    if (!rows.incomplete.empty()) study_.left_out.push_back({"score or x missing in " + table.name(), rows.incomplete});
    for (ScoredModel& model : rows.models) {
      study_.models.push_back(std::move(model));
      study_.ids.emplace_back();
    }
  }

  void fit() {
    check_unit();
    auto& s = study_.settings;
    s.predictor = predictor_;
    s.bounds = study_.facts.bounds;
    s.loss = *find_loss(options_.loss);
    s.loss_scale = options_.loss_scale.value_or(0);
    s.least_loss_scale = study_.facts.loss_scale;
    s.least_scale = study_.facts.least_scale;
    s.level = options_.level;
    s.bootstrap = static_cast<int>(options_.bootstrap);
    s.seed = settings_.seed;
    s.threads = settings_.threads;
    if (options_.link == "auto-x") s.automatic_in_x = true;
    else if (options_.link != "auto") s.link = *find_link(options_.link);
    study_.regression = regress(study_.models, s);
    s.loss_scale = study_.regression.settings.loss_scale;
  }

  void check_unit() const {
    if (study_.from_catalogue || options_.fractions || study_.facts.bounds.most != 100 || !study_.facts.bounds.floor)
      return;
    if (!study_.models.empty() && std::all_of(study_.models.begin(), study_.models.end(),
                                              [](const ScoredModel& m) { return m.score >= 0 && m.score <= 1; }))
      throw Error(Fault::BadInput, options_.file + ": all scores lie between 0 and 1; expected percentage points. "
                                                   "Add --fractions if they are fractions");
    for (const ScoredModel& model : study_.models)
      if (model.score < 0 || model.score > 100)
        throw Error(Fault::BadInput,
                    options_.file + ": \"" + model.name + "\" scores " + format_number(model.score) +
                        "; expected percentage points from 0 to 100. Name another --benchmark for another unit");
  }

  void note_assumptions() {
    auto& list = study_.assumptions;
    const auto& facts = study_.facts;
    if (predictor_ == Predictor::Compute) {
      list.push_back({"compute",
                      study_.flop_per_param_token == 6 ? "6 x active parameters x tokens"
                                                       : "active parameters x tokens, without the factor 6",
                      "", "Kaplan et al. 2020, arXiv:2001.08361; attention and data repetition are not counted"});
      if (study_.from_catalogue)
        list.push_back({"active_params_convention", options_.convention, "",
                        "recounted from dimensions where known, else as published; --convention"});
    }
    if (facts.bounds.floor) list.push_back({"score_floor", *facts.bounds.floor, facts.unit, facts.floor_source});
    if (facts.bounds.ceiling)
      list.push_back({"score_ceiling", *facts.bounds.ceiling, facts.unit, facts.ceiling_source});
    if (facts.code == "mmlu" && !options_.ceiling) {
      const KeyErrors e = mmlu_key_errors(settings_.data);
      list.push_back(
          {"score_ceiling_derivation", e.ceiling, "percent",
           fmt::format("100 - {:.2f} (wrong key) - 3/4 x {:.2f} (no correct answer) - 1/2 x {:.2f} (several correct) - "
                       "1/2 x {:.2f} (unclear), percent of {:.0f} questions; MMLU-Redux 2.0, arXiv:2406.04127; the "
                       "halves are assumed",
                       e.wrong_key, e.no_correct_answer, e.several_correct, e.unclear, e.questions)});
    }
    list.push_back({"score_measurement_sd", facts.noise, facts.unit, facts.noise_source});
    if (options_.loss != "least-squares")
      list.push_back({"loss_scale", study_.settings.loss_scale, facts.unit,
                      options_.loss_scale
                          ? "given by --loss-scale"
                          : "residual at which the " + options_.loss +
                                " loss begins to bend: half the RMSE of a least-squares curve, at least " +
                                format_number(facts.loss_scale) + " (assumed)"});
    list.push_back({"least_local_scale", facts.least_scale, facts.unit,
                    "assumed: the residual scale is never taken to be smaller"});
    if (study_.from_catalogue)
      list.push_back(
          {"score_choice", options_.kind + ", harness " + options_.harness, "",
           "base scores before others, the ObsScaling harness before reports, verified reports before others"});
  }

  void note_warnings() {
    auto& list = study_.warnings;
    const auto& r = study_.regression;
    for (const LeftOut& group : study_.left_out) {
      std::string names;
      for (std::size_t i = 0; i < std::min<std::size_t>(group.models.size(), 6); ++i)
        names += (i ? ", " : "") + group.models[i];
      if (group.models.size() > 6) names += " and others";
      list.push_back(std::to_string(group.models.size()) + (group.models.size() == 1 ? " model" : " models") +
                     " left out: " + group.reason + " (" + names + ")");
    }
    if (is_logistic(r.link)) {
      const auto above = std::count_if(study_.models.begin(), study_.models.end(), [&](const ScoredModel& m) {
        return m.is_fitted() && m.score >= r.fit.curve.ceiling;
      });
      if (above > 0)
        list.push_back(std::to_string(above) + (above == 1 ? " model scores" : " models score") +
                       " above the curve's ceiling of " + format_number(r.fit.curve.ceiling, 3) +
                       ": it describes the typical model and flattens too early for the best; --link logistic uses the "
                       "ceiling of the test");
    }
    if (r.fit.ceiling_at_bound)
      list.push_back("the data do not hold the fitted ceiling: it lies at its bound of " +
                     format_number(r.fit.curve.ceiling, 3));
    if (r.interval_was_calibrated)
      list.push_back(
          fmt::format("the normal interval covers {:.0f} % of left-out models, so its half-width was calibrated to "
                      "{:.2f} local scales",
                      100 * r.coverage_normal, r.interval_factor));
    if (r.families < 20 && r.scheme.find("family") != std::string::npos)
      list.push_back(std::to_string(r.families) + " families only: intervals by family are rough");
    if (r.fitted < 20) list.push_back(std::to_string(r.fitted) + " models only: everything here is rough");
  }

  const ScoreOptions& options_;
  const Settings& settings_;
  ScoreStudy study_;
  Predictor predictor_ = Predictor::Compute;
  std::string benchmark_;
  std::optional<double> since_, until_;
};

struct NamedCoefficient {
  std::string name, unit;
  double (*value)(const ScoreCurve&);
};

std::vector<NamedCoefficient> named_coefficients(const ScoreRegression& r) {
  std::vector<NamedCoefficient> list;
  const auto& s = r.settings;
  list.push_back({"intercept", "", [](const ScoreCurve& c) { return c.intercept; }});
  if (uses_params_and_tokens(r.link)) {
    list.push_back({"slope_log10_active_params", "per decade", [](const ScoreCurve& c) { return c.slope[0]; }});
    list.push_back({"slope_log10_tokens", "per decade", [](const ScoreCurve& c) { return c.slope[1]; }});
  } else if (uses_date(r.link)) {
    list.push_back({"slope_log10_compute", "per decade", [](const ScoreCurve& c) { return c.slope[0]; }});
    list.push_back({"slope_year", "per year", [](const ScoreCurve& c) { return c.slope[1]; }});
  } else {
    const bool logarithm = s.predictor != Predictor::ReleaseDate && s.predictor != Predictor::Other;
    const std::string x = s.predictor == Predictor::Compute       ? "log10_compute"
                          : s.predictor == Predictor::Tokens      ? "log10_tokens"
                          : logarithm                             ? "log10_params"
                          : s.predictor == Predictor::ReleaseDate ? "year"
                                                                  : "x";
    list.push_back(
        {"slope_" + x, logarithm ? "per decade" : "per unit", [](const ScoreCurve& c) { return c.slope[0]; }});
    if (is_logistic(r.link))
      list.push_back({"midpoint_" + x, "", [](const ScoreCurve& c) { return -c.intercept / c.slope[0]; }});
  }
  if (is_logistic(r.link)) {
    list.push_back({"floor", "points", [](const ScoreCurve& c) { return c.shape.floor; }});
    list.push_back({"ceiling", "points", [](const ScoreCurve& c) { return c.ceiling; }});
  }
  return list;
}

OpenInterval coefficient_interval(const ScoreRegression& r, const NamedCoefficient& c) {
  std::vector<double> draws;
  for (const ScoreCurve& curve : r.resampled) draws.push_back(c.value(curve));
  return open_interval(std::move(draws), r.settings.level);
}

}  // namespace

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

ScoreStudy load_score_study(const ScoreOptions& options, const Settings& settings) {
  return Loader(options, settings).run();
}

Value open_value(const std::optional<double>& estimate, const std::optional<double>& low,
                 const std::optional<double>& high) {
  Value value = Value::object();
  value["estimate"] = estimate;
  value["low"] = low;
  value["high"] = high;
  return value;
}

Value coefficients(const ScoreStudy& study) {
  Value result = Value::object();
  for (const auto& c : named_coefficients(study.regression)) {
    const OpenInterval i = coefficient_interval(study.regression, c);
    result[c.name] = open_value(c.value(study.regression.fit.curve), i.low, i.high);
  }
  return result;
}

ReportTable coefficient_table(const ScoreStudy& study) {
  ReportTable table{"Coefficients of the curve (" + link_description(study.regression.link) + ")",
                    {{"Coefficient", "coefficient", Align::Left},
                     {"Estimate", "estimate"},
                     {"Low", "low"},
                     {"High", "high"},
                     {"Unit", "unit", Align::Left}},
                    {},
                    ""};
  for (const auto& c : named_coefficients(study.regression)) {
    const OpenInterval i = coefficient_interval(study.regression, c);
    const auto cell = [](const std::optional<double>& v) { return v ? TableCell(*v) : TableCell(); };
    table.rows.push_back({c.name, c.value(study.regression.fit.curve), cell(i.low), cell(i.high), c.unit});
  }
  table.note = std::to_string(study.regression.resampled.size()) + " resamples of families";
  return table;
}

Value cross_validation(const ScoreStudy& study) {
  Value result = Value::object();
  const auto& r = study.regression;
  result["scheme"] = r.scheme;
  Value links = Value::array();
  for (const LinkTrial& trial : r.trials) {
    if (trial.link == r.link)
      result["rmse_points"] = trial.rmse, result["mean_absolute_error_points"] = trial.mean_absolute_error;
    Value entry = Value::object();
    entry["link"] = link_name(trial.link);
    entry["rmse_points"] = trial.rmse;
    entry["mean_absolute_error_points"] = trial.mean_absolute_error;
    entry["rmse_points_in_sample"] = trial.rmse_in_sample;
    entry["rmse_points_least_squares"] = trial.rmse_least_squares;
    entry["converged"] = trial.converged;
    links.push_back(std::move(entry));
  }
  for (const LinkTrial& trial : r.trials) {
    if (trial.link == r.best_link) {
      result["best_link"] = link_name(trial.link);
      result["best_rmse_points"] = trial.rmse;
    }
    if (trial.link == Link::Linear) result["linear_rmse_points"] = trial.rmse;
  }
  result["loss"] = loss_name(r.settings.loss);
  result["links"] = std::move(links);
  return result;
}

ReportTable link_table(const ScoreStudy& study) {
  const auto& r = study.regression;
  ReportTable table{"Curves compared, " + r.scheme + " (" + study.facts.unit + ")",
                    {{"Link", "link", Align::Left}, {"Left-out RMSE", "rmse_points", Align::Right, 3},
                     {"Left-out mean error", "mean_absolute_error_points", Align::Right, 3},
                     {"RMSE in sample", "rmse_points_in_sample", Align::Right, 3},
                     {"Left-out RMSE, least squares", "rmse_points_least_squares", Align::Right, 3},
                     {"", "used", Align::Left}}, {}, ""};
  for (const LinkTrial& trial : r.trials)
    table.rows.push_back({link_name(trial.link), trial.rmse, trial.mean_absolute_error, trial.rmse_in_sample,
                          trial.rmse_least_squares,
                          std::string(trial.link == r.link ? (r.link_was_chosen ? "chosen" : "asked for") : "") +
                              (trial.link == r.best_link ? (trial.link == r.link ? ", best" : "best") : "")});
  if (r.link_was_chosen && r.settings.automatic_in_x)
    table.note =
        r.link == r.best_link
            ? "Chosen: the smallest left-out RMSE."
            : "Chosen: the smallest left-out RMSE among the curves in x alone, because the question is about x. "
              "The best of all also knows parameters and tokens apart: --link auto.";
  else if (r.link_was_chosen)
    table.note = "Chosen: the smallest left-out RMSE of all.";
  return table;
}

Value extrapolation(const std::vector<ExtrapolationTest>& tests) {
  Value list = Value::array();
  for (const ExtrapolationTest& t : tests)
    list.push_back(Value::object({{"fitted_up_to_x", Value(t.cut)},
                                  {"fitted", Value(t.fitted)},
                                  {"judged", Value(t.judged)},
                                  {"rmse_points", Value(t.rmse)},
                                  {"bias_points", Value(t.bias)},
                                  {"coverage", Value(t.coverage)}}));
  return list;
}

ReportTable extrapolation_table(const ScoreStudy& study, const std::vector<ExtrapolationTest>& tests) {
  ReportTable table{"How far to trust it beyond its data: fitted up to a cut in " + study.x_name + ", judged above",
                    {{"Fitted up to", "fitted_up_to_x", Align::Right, 3},
                     {"Models below", "fitted"},
                     {"Above", "judged"},
                     {"RMSE above", "rmse_points", Align::Right, 3},
                     {"Bias", "bias_points", Align::Right, 3},
                     {"Inside interval", "coverage", Align::Right, 2}},
                    {},
                    ""};
  for (const ExtrapolationTest& t : tests)
    table.rows.push_back(
        {t.cut, static_cast<std::int64_t>(t.fitted), static_cast<std::int64_t>(t.judged), t.rmse, t.bias, t.coverage});
  return table;
}

}  // namespace isoflop::app
