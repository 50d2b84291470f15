// A fitted score study as JSON values and tables: coefficients, links compared, how far it extrapolates.
#include "apps/scores/score_study.h"
#include "isoflop/fits/outliers.h"

namespace isoflop::app {

using namespace isoflop::fits;

namespace {

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
  ReportTable table{"How far to trust it beyond its data: fitted up to a cut in " + study.x_words + ", judged above",
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
