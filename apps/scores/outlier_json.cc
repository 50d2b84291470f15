// The JSON result of `outliers`.
#include <algorithm>
#include <cmath>

#include "apps/scores/outlier_findings.h"

namespace isoflop::app {

using namespace isoflop::fits;

namespace {

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

}  // namespace

Value outlier_result(const Findings& f, std::vector<std::string>& warnings) {
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

}  // namespace isoflop::app
