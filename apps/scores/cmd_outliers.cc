// Which models break the score-versus-compute line, and are they hints of what typical models reach later?
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/commands.h"
#include "apps/scores/score_plots.h"
#include "apps/scores/score_study.h"
#include "isoflop/error.h"
#include "isoflop/fits/family_effects.h"
#include "isoflop/fits/lead_time.h"
#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

using namespace isoflop::fits;

constexpr std::size_t most_models_listed = 20000, most_rows_for_people = 24, most_for_families = 5000;

TableCell cell(const std::optional<double>& value) { return value ? TableCell(*value) : TableCell(); }

/// "5.6x (3.1x to 12x)", with the ends that exist.
std::string times(const OpenInterval& m) {
  const auto text = [](const std::optional<double>& v, const char* absent) {
    return v ? format_number(*v, 2) + "x" : std::string(absent);
  };
  if (!m.estimate && !m.low && !m.high) return "-";
  return text(m.estimate, "no finite factor") + " (" + text(m.low, "0") + " to " + text(m.high, "unbounded") + ")";
}

struct Findings {
  ScoreStudy study;
  OutlierReport outliers;
  LeadTimeStudy lead;
  std::optional<FamilyEffects> families;
  std::vector<ExtrapolationTest> extrapolation;
  std::vector<std::size_t> by_z;  ///< all models, furthest first
};

Findings find(const ScoreOptions& options, const Settings& settings) {
  Findings f;
  f.study = load_score_study(options, settings);
  f.outliers = judge(f.study.models, f.study.regression, f.study.facts.noise);
  if (f.study.models.size() <= most_for_families) {
    f.lead = study_lead_time(f.study.models, f.study.settings, f.study.facts.noise);
    if (f.study.regression.families < f.study.regression.fitted && f.study.regression.families >= 2)
      f.families = fit_family_effects(f.study.models, f.study.regression, false);
  } else {
    f.lead.verdict = "not possible";
    f.lead.reason = "too many models; lead times are studied up to " + std::to_string(most_for_families);
    f.lead.leads.resize(f.study.models.size());
    for (LeadTime& lead : f.lead.leads) lead.status = "no date";
  }
  f.extrapolation = test_extrapolation(f.study.models, f.study.regression);
  for (std::size_t i = 0; i < f.study.models.size(); ++i) f.by_z.push_back(i);
  std::stable_sort(f.by_z.begin(), f.by_z.end(), [&](std::size_t a, std::size_t b) {
    return std::fabs(f.outliers.judgements[a].z) > std::fabs(f.outliers.judgements[b].z);
  });
  return f;
}

std::string verdict(const ScoredModel& model, const Judgement& j) {
  if (!model.is_fitted() && model.not_fitted.rfind("judged only", 0) != 0) return "not counted";
  if (!j.is_outlier) return "within";
  return j.z > 0 ? "above" : "below";
}

/// FLOP, whatever the unit of the axis.
std::optional<double> flop_of(const ScoreStudy& study, const ScoredModel& model) {
  if (!model.compute) return std::nullopt;
  return *model.compute * 6 / study.flop_per_param_token;
}

/// An outlier in its own right: not one whose compute is known to be understated.
bool counts_as_outlier(const ScoredModel& model, const Judgement& j) {
  const std::string v = verdict(model, j);
  return v == "above" || v == "below";
}

Value model_value(const Findings& f, std::size_t i) {
  const ScoredModel& m = f.study.models[i];
  const Judgement& j = f.outliers.judgements[i];
  const LeadTime& lead = f.lead.leads[i];
  Value v = Value::object();
  v["name"] = m.name;
  v["id"] = f.study.ids[i].empty() ? Value() : Value(f.study.ids[i]);
  v["family"] = m.family.empty() ? Value() : Value(m.family);
  v["release_date"] = m.release_year ? Value(iso_date(*m.release_year)) : Value();
  v["active_params"] = m.active_params;
  v["total_params"] = m.total_params;
  v["tokens"] = m.tokens;
  if (m.tokens_low)
    v["tokens_interval"] = Value::object({{"low", Value(*m.tokens_low)}, {"high", Value(*m.tokens_high)}});
  v["compute_flop"] = flop_of(f.study, m);
  const auto x = features_of(m, f.study.settings.predictor, Link::Linear);
  const bool linear =
      f.study.settings.predictor == Predictor::Other || f.study.settings.predictor == Predictor::ReleaseDate;
  v["x_value"] = x.empty() ? Value() : Value(linear ? x[0] : std::pow(10, x[0]));
  v["score"] = m.score;
  v["kind"] = m.kind;
  v["score_source"] = m.score_source.empty() ? Value() : Value(m.score_source);
  v["predicted"] = j.predicted;
  v["interval"] = Value::object({{"low", Value(j.low)}, {"high", Value(j.high)}});
  v["local_scale_points"] = j.scale;
  v["residual_points"] = j.residual;
  v["z"] = j.z;
  v["p_value"] = j.p_value;
  v["false_discovery_rate"] = j.false_discovery;
  v["is_outlier"] = counts_as_outlier(m, j);
  v["verdict"] = verdict(m, j);
  v["fitted"] = m.is_fitted();
  v["not_fitted_because"] = m.is_fitted() ? Value() : Value(m.not_fitted);
  Value multiplier = open_value(j.compute_multiplier.estimate, j.compute_multiplier.low, j.compute_multiplier.high);
  multiplier["status"] = j.multiplier_status;
  v["compute_multiplier"] = std::move(multiplier);
  Value months_value = open_value(lead.months.estimate, lead.months.low, lead.months.high);
  months_value["status"] = f.lead.possible ? Value(lead.status) : Value("not possible");
  months_value["observed"] = lead.observed_months;
  months_value["later_models_near"] = lead.later_models;
  v["lead_time_months"] = std::move(months_value);
  return v;
}

Value lead_value(const LeadTimeStudy& lead) {
  Value v = Value::object();
  v["verdict"] = lead.verdict;
  v["reason"] = lead.reason;
  if (!lead.possible) return v;
  const auto power = [](const std::optional<double>& decades) {
    return decades ? std::optional(std::pow(10, *decades)) : std::nullopt;
  };
  v["link"] = link_name(lead.regression.link);
  v["n"] = lead.regression.fitted;
  v["rmse_points"] = lead.regression.rmse;
  v["cross_validation"] = Value::object(
      {{"scheme", Value(lead.regression.scheme)}, {"rmse_points", Value(lead.regression.trials.at(0).rmse)}});
  v["compute_factor_per_year"] = open_value(power(lead.decades_per_year.estimate), power(lead.decades_per_year.low),
                                            power(lead.decades_per_year.high));
  const Hindcast& h = lead.hindcast;
  Value back = Value::object();
  back["predictions"] = h.predictions;
  back["rmse_points_with_date"] = h.rmse_with_date;
  back["rmse_points_without_date"] = h.rmse_without;
  back["skill"] = h.skill;
  back["leads"] = h.leads;
  back["lead_median_error_months"] = h.lead_median_error_months;
  back["lead_bias_months"] = h.lead_bias_months;
  Value dates = Value::array();
  for (const HindcastDate& d : h.dates) {
    Value e = Value::object();
    e["date"] = iso_date(d.year);
    e["known"] = d.known;
    e["judged"] = d.judged;
    e["rmse_points_with_date"] = d.rmse_with_date;
    e["rmse_points_without_date"] = d.rmse_without;
    e["bias_points_with_date"] = d.bias_with_date;
    e["bias_points_without_date"] = d.bias_without;
    e["compute_factor_per_year"] = d.factor_per_year;
    dates.push_back(std::move(e));
  }
  back["dates"] = std::move(dates);
  v["hindcast"] = std::move(back);
  return v;
}

Value family_value(const Findings& f) {
  const FamilyEffects& e = *f.families;
  const double gain = gain_per_decade(e.curve, f.study.settings.predictor, f.study.regression.link);
  Value v = Value::object();
  v["intraclass_correlation"] = e.intraclass;
  v["sd_linear_predictor"] = e.sd;
  v["compute_factor_sd"] = gain > 0 ? Value(std::pow(10, e.sd / gain)) : Value();
  v["residual_scale_points"] = e.residual_scale;
  v["converged"] = e.converged;
  Value list = Value::array();
  for (const FamilyEffect& family : e.families) {
    if (family.models < 2) continue;
    Value entry = Value::object();
    entry["family"] = family.family;
    entry["models"] = family.models;
    entry["effect"] = family.effect;
    entry["se"] = family.se;
    entry["compute_factor"] = gain > 0 ? Value(std::pow(10, family.effect / gain)) : Value();
    list.push_back(std::move(entry));
  }
  v["families"] = std::move(list);
  return v;
}

Value result_value(const Findings& f, std::vector<std::string>& warnings) {
  const auto& study = f.study;
  const auto& r = study.regression;
  Value v = Value::object();
  v["benchmark"] = study.facts.code;
  v["x"] = study.x_name;
  v["link"] = link_name(r.link);
  v["link_chosen_by"] = !r.link_was_chosen          ? "asked for"
                        : r.settings.automatic_in_x ? "smallest left-out RMSE of the curves in x"
                                                    : "smallest left-out RMSE of all";
  v["loss"] = loss_name(r.settings.loss);
  v["n"] = r.fitted;
  v["families"] = r.families;
  v["coefficients"] = coefficients(study);
  v["rmse_points"] = r.rmse;
  v["r2"] = r.r_squared;
  v["cross_validation"] = cross_validation(study);
  Value interval = Value::object();
  interval["level"] = r.settings.level;
  interval["coverage_left_out"] = r.coverage;
  interval["half_width_in_local_scales"] = r.interval_factor;
  interval["calibrated"] = r.interval_was_calibrated;
  interval["coverage_of_normal_interval"] = r.coverage_normal;
  interval["neighbours"] = r.scale.neighbours();
  v["interval"] = std::move(interval);
  Value count = Value::object();
  count["judged"] = f.outliers.judged;
  count["above"] = f.outliers.above;
  count["below"] = f.outliers.below;
  count["expected_by_chance"] = f.outliers.expected_by_chance;
  count["at_false_discovery_rate_10_percent"] = f.outliers.discoveries;
  count["beyond_three_scales"] = f.outliers.beyond_three;
  count["rule"] = "score outside the interval that was predicted without the model's family";
  v["outliers"] = std::move(count);
  v["extrapolation"] = extrapolation(f.extrapolation);
  v["hints"] = lead_value(f.lead);
  if (f.families) v["family_effects"] = family_value(f);
  Value left_out = Value::array();
  for (const LeftOut& group : study.left_out)
    left_out.push_back(Value::object(
        {{"reason", Value(group.reason)},
         {"count", Value(group.models.size())},
         {"models", Value(std::vector<std::string>(
                        group.models.begin(), group.models.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(
                                                                         group.models.size(), 1000))))}}));
  v["left_out"] = std::move(left_out);
  Value models = Value::array();
  const std::size_t listed = std::min(f.by_z.size(), most_models_listed);
  for (std::size_t k = 0; k < listed; ++k) models.push_back(model_value(f, f.by_z[k]));
  if (listed < f.by_z.size())
    warnings.push_back("JSON and CSV list the " + std::to_string(listed) + " models furthest from the curve of " +
                       std::to_string(f.by_z.size()));
  v["models"] = std::move(models);
  return v;
}

/// Every model (the furthest of very many) with every number, for CSV.
ReportTable data_table(const Findings& f) {
  const auto& study = f.study;
  ReportTable table;
  for (const char* text :
       {"name", "family", "kind", "release_date", "verdict", "compute_multiplier_status", "lead_time_status"})
    table.columns.push_back({text, text, Align::Left});
  for (const char* number : {"active_params", "tokens", "compute_flop", "score", "predicted", "interval_low",
                             "interval_high", "residual_points", "local_scale_points", "z", "false_discovery_rate",
                             "compute_multiplier", "compute_multiplier_low", "compute_multiplier_high",
                             "lead_time_months", "lead_time_months_low", "lead_time_months_high"})
    table.columns.push_back({number, number});
  for (std::size_t k = 0; k < std::min(f.by_z.size(), most_models_listed); ++k) {
    const std::size_t i = f.by_z[k];
    const ScoredModel& m = study.models[i];
    const Judgement& j = f.outliers.judgements[i];
    const LeadTime& lead = f.lead.leads[i];
    table.rows.push_back({m.name,
                          m.family,
                          m.kind,
                          m.release_year ? TableCell(iso_date(*m.release_year)) : TableCell(),
                          verdict(m, j),
                          j.multiplier_status,
                          f.lead.possible ? lead.status : std::string("not possible"),
                          cell(m.active_params),
                          cell(m.tokens),
                          cell(flop_of(study, m)),
                          m.score,
                          j.predicted,
                          j.low,
                          j.high,
                          j.residual,
                          j.scale,
                          j.z,
                          j.false_discovery,
                          cell(j.compute_multiplier.estimate),
                          cell(j.compute_multiplier.low),
                          cell(j.compute_multiplier.high),
                          cell(lead.months.estimate),
                          cell(lead.months.low),
                          cell(lead.months.high)});
  }
  return table;
}

/// The outliers, for people.
ReportTable outlier_table(const Findings& f) {
  const auto& study = f.study;
  ReportTable table;
  table.title = fmt::format("Outside their {:.0f} % interval, furthest first", 100 * study.settings.level);
  const bool compute = study.x_name == "compute", by_date = study.settings.predictor == Predictor::ReleaseDate;
  table.columns = {{"Model", "name", Align::Left},
                   {"Released", "release_date", Align::Left},
                   {compute   ? "FLOP"
                    : by_date ? "Year"
                              : study.x_name,
                    "x", Align::Right, by_date ? 6 : 3},
                   {"Score", "score", Align::Right, 3},
                   {"Typical", "predicted", Align::Right, 3},
                   {"Interval", "interval", Align::Left},
                   {"z", "z", Align::Right, 2},
                   {"FDR", "false_discovery_rate", Align::Right, 1}};
  if (compute) table.columns.push_back({"Typical model needs", "compute_multiplier", Align::Left});
  std::size_t left = 0;
  bool other_kind = false;
  for (std::size_t i : f.by_z) {
    const ScoredModel& m = study.models[i];
    const Judgement& j = f.outliers.judgements[i];
    if (!counts_as_outlier(m, j)) continue;
    if (table.rows.size() >= most_rows_for_people) {
      ++left;
      continue;
    }
    const bool stands_in = study.from_catalogue && m.kind != "base";
    other_kind = other_kind || stands_in;
    const auto x = features_of(m, study.settings.predictor, Link::Linear);
    const bool logarithm =
        study.settings.predictor != Predictor::Other && study.settings.predictor != Predictor::ReleaseDate;
    std::vector<TableCell> row = {m.name + (stands_in ? " *" : ""),
                                  m.release_year ? iso_date(*m.release_year) : std::string("-"),
                                  compute     ? cell(flop_of(study, m))
                                  : logarithm ? TableCell(std::pow(10, x[0]))
                                              : TableCell(x[0]),
                                  m.score,
                                  j.predicted,
                                  fmt::format("{:.1f} to {:.1f}", j.low, j.high),
                                  j.z,
                                  j.false_discovery};
    if (compute) row.emplace_back(times(j.compute_multiplier));
    table.rows.push_back(std::move(row));
  }
  table.note = fmt::format(
      "Typical and interval are predicted without the model's own family. {} models are outside, {} above and {} "
      "below, where "
      "chance alone gives about {:.0f}; at a false discovery rate (FDR) of 10 %, {} would be named.",
      f.outliers.above + f.outliers.below, f.outliers.above, f.outliers.below, f.outliers.expected_by_chance,
      f.outliers.discoveries);
  if (compute && features_in(study.regression.link) == 1)
    table.note += " Typical model needs: how many times the model's compute.";
  if (compute && uses_params_and_tokens(study.regression.link))
    table.note += " Typical model needs: how many times the model's compute, at its own tokens per parameter.";
  if (other_kind) table.note += " * No base score; see the notes.";
  if (left > 0) table.note += fmt::format(" {} further outliers and all other models: --csv or --json.", left);
  return table;
}

std::string named(const Findings& f, bool above, std::size_t most) {
  std::string text;
  std::size_t count = 0, total = 0;
  for (std::size_t i : f.by_z) {
    const Judgement& j = f.outliers.judgements[i];
    if (verdict(f.study.models[i], j) != (above ? "above" : "below")) continue;
    ++total;
    if (count == most) continue;
    text += (count++ ? ", " : "") + f.study.models[i].name;
  }
  if (total > count) text += fmt::format(" and {} more", total - count);
  return text;
}

std::string headline(const Findings& f) {
  const auto& study = f.study;
  std::string text = fmt::format(
      "{} of {} models leave the {}-against-{} curve's {:.0f} % interval, where about {:.0f} would by chance",
      f.outliers.above + f.outliers.below, f.outliers.judged, study.facts.title, study.x_name,
      100 * study.settings.level, f.outliers.expected_by_chance);
  const std::string above = named(f, true, 8), below = named(f, false, 4);
  if (!above.empty()) text += "; above it: " + above;
  if (!below.empty()) text += "; below it: " + below;
  text += ".";
  for (std::size_t i : f.by_z) {
    const ScoredModel& m = study.models[i];
    const Judgement& j = f.outliers.judgements[i];
    if (verdict(m, j) != "above") continue;
    text += fmt::format(" {} scores {:.1f} where {:.1f} is typical ({:.0f} % interval {:.1f} to {:.1f})", m.name,
                        m.score, j.predicted, 100 * study.settings.level, j.low, j.high);
    if (j.compute_multiplier.estimate)
      text += "; a typical model would need " + times(j.compute_multiplier) + " its compute";
    text += ".";
    break;
  }
  return text;
}

ReportTable hint_table(const Findings& f) {
  const auto& lead = f.lead;
  ReportTable table;
  table.title = "Are outliers hints? Months until typical releases of the same compute score as high";
  table.columns = {{"Model", "name", Align::Left},
                   {"Released", "release_date", Align::Left},
                   {"Lead (months)", "estimate", Align::Right, 3},
                   {"Low", "low", Align::Right, 3},
                   {"High", "high", Align::Right, 3},
                   {"Status", "status", Align::Left},
                   {"Observed (months)", "observed", Align::Right, 3},
                   {"Later models near", "later_models_near"}};
  for (std::size_t i : f.by_z) {
    if (verdict(f.study.models[i], f.outliers.judgements[i]) != "above" || table.rows.size() >= most_rows_for_people)
      continue;
    const LeadTime& l = lead.leads[i];
    const auto& year = f.study.models[i].release_year;
    table.rows.push_back({f.study.models[i].name, year ? TableCell(iso_date(*year)) : TableCell(),
                          cell(l.months.estimate), cell(l.months.low), cell(l.months.high), l.status,
                          cell(l.observed_months), static_cast<std::int64_t>(l.later_models)});
  }
  table.note = "Verdict: " + lead.verdict + "; " + lead.reason + ".";
  if (lead.possible && lead.decades_per_year.estimate) {
    const auto factor = [](const std::optional<double>& d) {
      return d ? format_number(std::pow(10, *d), 2) : std::string("?");
    };
    table.note += fmt::format(" Typical releases gained as much a year as {}x compute gives ({} to {}).",
                              factor(lead.decades_per_year.estimate), factor(lead.decades_per_year.low),
                              factor(lead.decades_per_year.high));
    const Hindcast& h = lead.hindcast;
    if (h.predictions > 0)
      table.note += fmt::format(
          " Standing at {} past dates, the following year's {} scores were predicted to {:.1f} points with the date "
          "and {:.1f} without (skill {:.2f}).",
          h.dates.size(), h.predictions, h.rmse_with_date, h.rmse_without, h.skill);
    if (h.lead_median_error_months)
      table.note += fmt::format(" {} leads told then differ from those told now by {:.0f} months in the median.",
                                h.leads, *h.lead_median_error_months);
    table.note +=
        " Observed: the median of five consecutive later releases of other families within a factor of two of its "
        "compute was as high.";
  }
  return table;
}

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
    const Findings f = find(options_, settings);
    const auto& r = f.study.regression;
    Report report;
    report.command = "outliers";
    report.headline = headline(f);
    report.warnings = f.study.warnings;
    report.result = result_value(f, report.warnings);
    report.tables.push_back(outlier_table(f));
    report.data_table = data_table(f);
    if (f.outliers.above > 0 && f.lead.possible) report.tables.push_back(hint_table(f));
    else if (!f.lead.possible) report.warnings.push_back("whether outliers are hints cannot be told: " + f.lead.reason);
    report.tables.push_back(link_table(f.study));
    report.explanation.push_back(coefficient_table(f.study));
    report.explanation.push_back(interval_table(f));
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
  static ReportTable interval_table(const Findings& f) {
    const auto& r = f.study.regression;
    ReportTable table{
        "How intervals and verdicts come about",
        {{"Step", "step", Align::Left}, {"Value", "value", Align::Right, 4}, {"What it is", "what", Align::Left}},
        {},
        ""};
    table.rows.push_back(
        {std::string("models fitted"), static_cast<std::int64_t>(r.fitted), std::string("rows that shape the curve")});
    table.rows.push_back({std::string("families"), static_cast<std::int64_t>(r.families), r.scheme});
    table.rows.push_back(
        {std::string("neighbours"), static_cast<std::int64_t>(r.scale.neighbours()),
         std::string("nearest models whose left-out residuals give the local scale (Huber's proposal 2)")});
    table.rows.push_back({std::string("half-width"), r.interval_factor,
                          std::string(r.interval_was_calibrated ? "local scales, calibrated on left-out families"
                                                                : "local scales, normal quantile of the level")});
    table.rows.push_back({std::string("coverage"), r.coverage, std::string("share of left-out models inside")});
    table.rows.push_back({std::string("in-sample RMSE"), r.rmse, std::string("points")});
    table.rows.push_back({std::string("r2"), r.r_squared, std::string("share of variance explained in sample")});
    if (f.families) {
      const double gain = gain_per_decade(f.families->curve, f.study.settings.predictor, r.link);
      table.rows.push_back({std::string("intraclass"), f.families->intraclass,
                            std::string("share of residual variance between families")});
      if (gain > 0)
        table.rows.push_back({std::string("family factor"), std::pow(10, f.families->sd / gain),
                              std::string("one standard deviation of families, as a factor of effective compute")});
    }
    return table;
  }

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
