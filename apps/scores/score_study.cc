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

std::string words_of(const std::string& x, Predictor predictor) {
  switch (predictor) {
    case Predictor::Compute: return "compute";
    case Predictor::ActiveParams: return "active parameters";
    case Predictor::TotalParams: return "total parameters";
    case Predictor::Tokens: return "training tokens";
    case Predictor::ReleaseDate: return "release date";
    case Predictor::Other: break;
  }
  return x;
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
    study_.x_words = words_of(study_.x_name, predictor_);
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
                    words_of(options_.x, predictor_);
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

}  // namespace

ScoreStudy load_score_study(const ScoreOptions& options, const Settings& settings) {
  return Loader(options, settings).run();
}

}  // namespace isoflop::app
